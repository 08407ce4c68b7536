"""The comparison: every pool on one workload, rounds interleaved in random order, each pool in a process of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import platform
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.model import UsageError
from harness.pools import executors, results, tree
from harness.pools.cells import Record, Work, cells, cores, diagnosis, is_main
from harness.pools.driver import LIMIT, Driver
from harness.pools.scaling import fit
from harness.pools.workload import Workload, resolve

COSTLY = 0.02  # seconds: such items are timed one by one, and only one pool of each class is scaled
MOST_BYTES = 256_000_000
TOGETHER, TRIES = 0.8, 4
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What to measure. ``job``: tasks in one life of the pool, if start-up must pay off within it; None: unlimited."""

    pools: tuple[str, ...] = executors.DEFAULT
    workers: int = 2
    scaling: tuple[int, ...] = (1, 2, 4)
    rounds: int = 15
    scaling_rounds: int = 7
    starts: int = 6
    slice_seconds: float = 0.1
    gil_seconds: float = 1.0
    seed: int = 0
    limit: float = LIMIT
    job: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("workers", 1), ("rounds", 1), ("starts", 1), ("scaling_rounds", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} = {getattr(self, name)}: must be at least {least}")
        if not self.pools:
            raise UsageError(f"no pool to compare: name some of {', '.join(executors.available())}")
        for name in self.pools:
            executors.pool(name)


class Bench:
    """One comparison in progress."""

    def __init__(self, reference: str, plan: Plan, progress: Progress) -> None:
        self.reference, self.plan, self.progress = reference, plan, progress
        self.workload: Workload = resolve(reference)
        self.random = random.Random(plan.seed)
        self.expected: list[str] = []
        self.count = self.item = 0.0
        self.others: float | None = None

    def driver(self, pool: str, workers: int, watch_locks: bool = False) -> Driver:
        return Driver(self.reference, pool, workers, self.workload.environment, watch_locks, self.plan.limit)

    def learn(self) -> dict[str, Any]:
        """The serial results, the cost of an item, what its result weighs, and how much of it holds the GIL."""
        self.progress("serial results, and what an item costs")
        distinct = len(self.workload.items())
        with self.driver("serial", 1) as host:
            host.wait()
            host.ask("open")
            host.ask("warm")
            first = host.ask("batch", count=distinct, chunk=1, expected=None)
            self.expected = first["fingerprints"]
            again = min(distinct, 1 + int(0.5 / max(first["wall"] / distinct, 1e-9)))
            times = [
                host.ask(
                    "batch",
                    count=max(again, min(200, int(0.05 * distinct / first["wall"]))),
                    chunk=1,
                    expected=self.expected,
                )
                for _ in range(2)
            ]
            serialise = host.ask("serialise")
            stages = [host.ask("stages", count=1)[0] for _ in range(5 if first["wall"] / distinct < 1 else 2)]
            cost = min(one["wall"] / one["count"] for one in times)
            seconds = max(self.plan.gil_seconds, 2.5 * cost)
            held = host.ask("hold", seconds=seconds, seed=self.plan.seed)
            for again in range(1, 4):  # a busy machine lets the probe wake rarely
                if held["wakes"] < 100:
                    more = host.ask("hold", seconds=seconds, seed=self.plan.seed + again)
                    held = {name: held[name] + more[name] for name in held}
            host.ask("close")
        self.item = cost
        most = max(4, MOST_BYTES // max(serialise.get("bytes", 1), 1))
        self.count = int(
            min(
                4000,
                most,
                max(
                    2 * max((*self.plan.scaling, self.plan.workers))
                    if cost < COSTLY
                    else max((*self.plan.scaling, self.plan.workers)),
                    math.ceil(self.plan.slice_seconds / cost),
                ),
            )
        )
        return {"held": held, "serialise": serialise, "stages": stages}

    def diagnose(self) -> dict[str, Any]:
        """The time split and the lock waits of two threads, in a process whose locks are timed.

        On a busy machine one may do all the items before the other gets a CPU, and then waits for no lock: tried again.
        """
        self.progress("waits of two threads")
        with self.driver("threads", 2, watch_locks=True) as host:
            host.wait()
            host.ask("open")
            host.ask("warm")
            count = max(6, min(200, math.ceil(0.5 / self.item)))
            tries: list[dict[str, Any]] = []
            while len(tries) < TRIES and (not tries or _together(tries[-1]) < TOGETHER):
                tries.append(host.ask("paced", count=count, expected=self.expected, ahead=3))
            host.ask("close")
        return max(tries, key=_together)

    def size(self, record: Record) -> None:
        """Start, memory and cost of an empty task of one pool, alone, in a process that shares nothing with others."""
        with self.driver(record.reference, record.workers) as host:
            host.wait()
            record.opened = host.ask("open")
            record.warmed = host.ask("warm")
            record.memory = host.ask("memory")
            record.noop = host.ask("noop", count=300)
            host.ask("close")
        processes = record.opened["processes"] > 0
        record.pool = dataclasses.replace(record.pool, processes=processes)

    def chunk(self, record: Record) -> int:
        """Enough items per task that the pool's own cost is 5 % of them, and four tasks per worker at least."""
        if record.pool.name == "serial":
            return 1
        wanted = math.ceil(record.noop["wall"] / (0.05 * self.item))
        return int(max(1, min(wanted, self.count // (4 * record.workers))))

    def rounds(self, records: Sequence[Record]) -> None:
        with contextlib.ExitStack() as stack:
            hosts = list(_started(stack, records, self))
            main = [pair for pair in hosts if is_main(pair[0], self.plan.workers)]
            for number in range(self.plan.starts):
                self.progress(f"start-up {number + 1}/{self.plan.starts}")
                for record, host in self.random.sample(main, len(main)):
                    record.starts.append(host.ask("open")["seconds"])
                    host.ask("close")
            self.progress("warm-up")
            for record, host in hosts:
                host.ask("open")
                host.ask("warm")
                self._batch(record, host, -1)
            # Costly items vary less and take longer: six rounds are the fewest that give an interval of 95 %.
            costly = self.item >= COSTLY
            clocks = _clocks([host for _, host in hosts])
            rounds = min(self.plan.rounds, 6) if costly else self.plan.rounds
            scaling = min(self.plan.scaling_rounds, 3) if costly else self.plan.scaling_rounds
            for number in range(rounds):
                self.progress(f"round {number + 1}/{rounds}")
                turn = hosts if number < scaling else main
                for record, host in self.random.sample(turn, len(turn)):
                    self._batch(record, host, number)
            self.others = _others(clocks, _clocks([host for _, host in hosts]))
            self.progress("event-loop lag")
            for record, host in main:
                record.lags = host.ask("loop_lag", seconds=max(0.4, 2 * self.item))["lags"]
            for _, host in hosts:
                host.ask("close")

    def _batch(self, record: Record, host: Driver, number: int) -> None:
        costly = self.item >= COSTLY
        if not costly:
            found = host.ask("batch", count=int(self.count), chunk=record.chunk, expected=self.expected)
            if number >= 0:
                record.batches[number] = found
        if costly or is_main(record, self.plan.workers):
            count = int(self.count) if costly else max(4, min(100, math.ceil(0.05 / self.item)))
            paced = host.ask("paced", count=count, expected=self.expected)
            if number >= 0:
                record.paced.append(paced)
                if costly:
                    record.batches[number] = paced
                else:
                    record.crowded.append(host.ask("paced", count=count, expected=self.expected, ahead=3))


def _together(paced: dict[str, Any]) -> float:
    """Share of the workers' time in which more than one was in a task."""
    return float(paced["together"] / paced["inside"])


_Clocks = tuple[float, float | None, float | None]


def _clocks(hosts: Sequence[Driver]) -> _Clocks:
    """The time, the CPU time of the machine, and that of the comparison: other children of this process are others."""
    ours = [os.getpid(), *(process for host in hosts for process in tree.members(host.pid))]
    return time.monotonic(), tree.busy(), tree.use(ours).cpu


def _others(before: _Clocks, after: _Clocks) -> float | None:
    """Cores that processes outside the comparison kept busy between two readings."""
    (then, all_then, ours_then), (now, all_now, ours_now) = before, after
    if all_then is None or all_now is None or ours_then is None or ours_now is None:
        return None
    return max(0.0, (all_now - all_then) - (ours_now - ours_then)) / (now - then)


def _started(stack: contextlib.ExitStack, records: Sequence[Record], bench: Bench) -> Iterator[tuple[Record, Driver]]:
    """Start the hosts two at a time: importing is most of it."""
    for start in range(0, len(records), 2):
        pair = [
            (record, stack.enter_context(bench.driver(record.reference, record.workers)))
            for record in records[start : start + 2]
        ]
        for record, host in pair:
            host.wait()
            yield record, host


def compare(reference: str, plan: Plan | None = None, progress: Progress = lambda text: None) -> results.Comparison:
    """Measure one workload on the plan's pools.

    Raises :class:`UsageError` for what cannot be measured as asked, and :class:`harness.pools.driver.PoolFailure` when
    a pool dies, hangs or gives results that differ from the serial ones. Nothing it started outlives it.
    """
    plan = plan or Plan()
    begun = time.monotonic()
    bench = Bench(reference, plan, progress)
    work = Work(**bench.learn(), together=bench.diagnose())
    records = [Record(executors.pool("serial"), "serial", 1)]
    records += [Record(executors.pool(name), name, plan.workers) for name in plan.pools if name != "serial"]
    for record in records:
        progress(f"memory and start-up of {record.pool.name}")
        bench.size(record)
        record.chunk = bench.chunk(record)
    records += _scaled(records, plan, bench)
    bench.rounds(records)
    found = cells(records, work, plan.workers)
    laws = {}
    for name in dict.fromkeys(cell.pool for cell in found):
        rates = {cell.workers: 1 / cell.per_item.middle for cell in found if cell.pool == name}
        law = fit(rates)
        if law is not None:
            laws[name] = law
    return results.Comparison(
        workload=bench.workload.name,
        reference=reference,
        workers=plan.workers,
        cores=cores(),
        job=plan.job,
        notes=tuple(bench.workload.notes()),
        cells=found,
        diagnosis=diagnosis(work, records[0]),
        laws=laws,
        machine=f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}",
        seconds=time.monotonic() - begun,
        items=int(bench.count),
        others=bench.others,
    )


def _scaled(records: Sequence[Record], plan: Plan, bench: Bench) -> list[Record]:
    """The other numbers of workers: of every pool, or of one pool of each class where items are costly."""
    chosen: list[Record] = []
    for record in records[1:]:
        kind = (record.pool.processes, "asyncio" in record.pool.name)
        if bench.item < COSTLY or all((one.pool.processes, "asyncio" in one.pool.name) != kind for one in chosen):
            chosen.append(record)
    more = []
    for record in chosen:
        for workers in plan.scaling:
            if workers != plan.workers:
                other = Record(record.pool, record.reference, workers, noop=record.noop)
                other.chunk = bench.chunk(other)
                more.append(other)
    return more
