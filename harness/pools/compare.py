"""The comparison: every pool on one workload, rounds interleaved in random order, each pool in a process of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.model import UsageError
from harness.pools import executors, results, tree
from harness.pools.driver import LIMIT, Driver
from harness.pools.intervals import Interval, median_interval, quantile
from harness.pools.scaling import fit, taking_turns
from harness.pools.workload import Workload, resolve
from harness.stats.rates import binomial_interval

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


@dataclass
class _Record:
    """What was measured of one pool with one number of workers, as it comes in."""

    pool: executors.Pool
    reference: str
    workers: int
    chunk: int = 1
    starts: list[float] = field(default_factory=list)
    opened: dict[str, Any] = field(default_factory=dict)
    warmed: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    noop: dict[str, Any] = field(default_factory=dict)
    batches: dict[int, dict[str, Any]] = field(default_factory=dict)
    paced: list[dict[str, Any]] = field(default_factory=list)
    crowded: list[dict[str, Any]] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)

    @property
    def busy(self) -> list[dict[str, Any]]:
        """With tasks always ready: a worker that idles between two waits less for what it shares with the others."""
        return self.crowded or self.paced


class Bench:
    """One comparison in progress."""

    def __init__(self, reference: str, plan: Plan, progress: Progress) -> None:
        self.reference, self.plan, self.progress = reference, plan, progress
        self.workload: Workload = resolve(reference)
        self.random = random.Random(plan.seed)
        self.expected: list[str] = []
        self.count = self.item = 0.0
        self.pilot: dict[str, Any] = {}
        self.others: float | None = None
        self.shared_wait = 0.0

    def driver(self, pool: str, workers: int, watch_locks: bool = False) -> Driver:
        return Driver(self.reference, pool, workers, self.workload.environment, watch_locks, self.plan.limit)

    def learn(self) -> None:
        """The serial results, the cost of an item and what its result weighs."""
        self.progress("serial results, and what an item costs")
        distinct = len(self.workload.items())
        with self.driver("serial", 1) as host:
            host.wait()
            host.ask("open")
            warmed = host.ask("warm")
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
        self.pilot = {"serialise": serialise, "stages": stages, "hold": held, "warm": warmed, "times": times}

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

    def size(self, record: _Record) -> None:
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

    def chunk(self, record: _Record) -> int:
        """Enough items per task that the pool's own cost is 5 % of them, and four tasks per worker at least."""
        if record.pool.name == "serial":
            return 1
        wanted = math.ceil(record.noop["wall"] / (0.05 * self.item))
        return int(max(1, min(wanted, self.count // (4 * record.workers))))

    def rounds(self, records: Sequence[_Record]) -> None:
        with contextlib.ExitStack() as stack:
            hosts = list(_started(stack, records, self))
            main = [pair for pair in hosts if _is_main(pair[0], self.plan)]
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

    def _batch(self, record: _Record, host: Driver, number: int) -> None:
        costly = self.item >= COSTLY
        if not costly:
            found = host.ask("batch", count=int(self.count), chunk=record.chunk, expected=self.expected)
            if number >= 0:
                record.batches[number] = found
        if costly or _is_main(record, self.plan):
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


def _is_main(record: _Record, plan: Plan) -> bool:
    return record.pool.name == "serial" or record.workers == plan.workers


def _started(stack: contextlib.ExitStack, records: Sequence[_Record], bench: Bench) -> Iterator[tuple[_Record, Driver]]:
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
    bench.learn()
    waits = bench.diagnose()
    records = [_Record(executors.pool("serial"), "serial", 1)]
    records += [_Record(executors.pool(name), name, plan.workers) for name in plan.pools if name != "serial"]
    for record in records:
        progress(f"memory and start-up of {record.pool.name}")
        bench.size(record)
        record.chunk = bench.chunk(record)
    records += _scaled(records, plan, bench)
    bench.rounds(records)
    serial = records[0]
    main = [record for record in records[1:] if _is_main(record, plan)]
    bench.shared_wait = max(0.0, min(map(_blocked, main), default=0.0) - _blocked(serial))
    cells = tuple(_cell(record, serial, bench, waits) for record in records)
    laws = {}
    for name in dict.fromkeys(cell.pool for cell in cells):
        rates = {cell.workers: 1 / cell.per_item.middle for cell in cells if cell.pool == name}
        law = fit(rates)
        if law is not None:
            laws[name] = law
    return results.Comparison(
        workload=bench.workload.name,
        reference=reference,
        workers=plan.workers,
        cores=_cores(),
        job=plan.job,
        notes=tuple(bench.workload.notes()),
        cells=cells,
        diagnosis=_diagnosis(bench, waits, serial),
        laws=laws,
        machine=f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}",
        seconds=time.monotonic() - begun,
        items=int(bench.count),
        others=bench.others,
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _scaled(records: Sequence[_Record], plan: Plan, bench: Bench) -> list[_Record]:
    """The other numbers of workers: of every pool, or of one pool of each class where items are costly."""
    chosen: list[_Record] = []
    for record in records[1:]:
        kind = (record.pool.processes, "asyncio" in record.pool.name)
        if bench.item < COSTLY or all((one.pool.processes, "asyncio" in one.pool.name) != kind for one in chosen):
            chosen.append(record)
    more = []
    for record in chosen:
        for workers in plan.scaling:
            if workers != plan.workers:
                other = _Record(record.pool, record.reference, workers, noop=record.noop)
                other.chunk = bench.chunk(other)
                more.append(other)
    return more


def _cell(record: _Record, serial: _Record, bench: Bench, waits: dict[str, Any]) -> results.Cell:
    numbers = tuple(record.batches)
    seconds = tuple(record.batches[number]["wall"] / record.batches[number]["count"] for number in numbers)
    base = [serial.batches[number]["wall"] / serial.batches[number]["count"] for number in numbers]
    counts = [batch["count"] for batch in record.batches.values()]
    cpu = [batch["cpu"] / batch["count"] for batch in record.batches.values()]
    known = cpu[0] >= 0
    switches = (
        sum(batch["voluntary"] for batch in record.batches.values()) / sum(counts),
        sum(batch["involuntary"] for batch in record.batches.values()) / sum(counts),
    )
    cell = results.Cell(
        pool=record.pool.name,
        workers=record.workers,
        chunk=record.chunk,
        processes=record.pool.processes,
        rounds=numbers,
        seconds=seconds,
        per_item=median_interval(seconds),
        speed_up=median_interval([one / other for one, other in zip(base, seconds, strict=True)]),
        cpu=median_interval(cpu) if known else None,
        switches=switches if known else None,
    )
    if not _is_main(record, bench.plan):
        return cell
    return dataclasses.replace(
        cell,
        start=_start(record),
        memory=results.Memory(**record.memory),
        latency=_latency(record.paced),
        split=split(record.paced),
        loop_lag=_lag(record.lags),
        unloaded=_unloaded(record, serial, bench, waits),
    )


def _inside(record: _Record) -> float | None:
    """Seconds per item in the worker, without what it waited for a CPU."""
    if any(one["run_queue"] is None for one in record.busy):
        return None
    free = sum(one["inside"] - one["run_queue"] for one in record.busy)
    return float(free / sum(one["count"] for one in record.busy))


def _unloaded(record: _Record, serial: _Record, bench: Bench, waits: dict[str, Any]) -> float | None:
    """The speed-up on free cores, from what changes little with the load of the machine.

    The geometric mean of two estimates: what the workers' own clocks imply (time inside without waiting for a CPU, CPU
    time of the tree), and what the nature of the work allows (GIL, locks, pool's cost, serialisation, shared waits).
    """
    mine, alone = _inside(record), _inside(serial)
    cpu = [batch["cpu"] / batch["count"] for batch in record.batches.values()]
    if mine is None or alone is None or min(cpu) < 0:
        return None
    if record.pool.name == "serial":
        return 1.0
    overhead = record.noop["cpu"] / record.chunk
    turns, cores = float(record.workers), _cores() / max(0.01, _cores_used(serial))
    clocks = min(record.workers * alone / (mine + overhead), _cores() * alone / statistics.median(cpu))
    bounds = [cores, record.workers * alone / (alone + bench.shared_wait)]
    if record.pool.processes:
        serialise = bench.pilot["serialise"].get("seconds", 0.0)
        overhead += serialise
        bounds.append(alone / max(1e-9, serialise / 2))  # one process loads all results
    else:
        held, locked = bench.pilot["hold"], split([waits]).locked or 0.0
        share = held["held"] / max(1, held["wakes"])
        bounds.append(1 / max(0.01, share))
        turns = taking_turns(record.workers, share)
        # Two threads that wait this share of their time hold the lock for 1 / (2 (1 - share)) of an item.
        if locked > 0.05:
            bounds.append(2 * (1 - locked))
        clocks = min(clocks, *bounds)
    nature = min(record.workers * alone / (alone + overhead), turns, *bounds)
    return math.sqrt(clocks * nature)


def _blocked(record: _Record) -> float:
    """Seconds per item that a worker neither computes nor waits for a CPU."""
    inside, count = sum(one["inside"] for one in record.busy), sum(one["count"] for one in record.busy)
    return float(split(record.busy).blocked * inside / count)


def _cores_used(serial: _Record) -> float:
    """Cores that one item alone keeps busy while it is not waiting for a CPU."""
    free = sum(one["inside"] - (one["run_queue"] or 0.0) for one in serial.paced)
    return float(sum(one["cpu"] for one in serial.paced) / max(free, 1e-9))


def _start(record: _Record) -> results.Start:
    return results.Start(
        again=median_interval(record.starts),
        first=record.opened["seconds"],
        make=record.warmed["make"],
        first_item=record.warmed["first"],
        noop=record.noop["wall"],
        noop_cpu=record.noop["cpu"],
    )


def _latency(paced: Sequence[dict[str, Any]]) -> results.Latency:
    def over_rounds(name: str, share: float) -> Interval:
        return median_interval([quantile(one[name], share) for one in paced])

    samples = [value for one in paced for value in one["latency"]]
    kept = tuple(samples[:: max(1, len(samples) // 400)])
    return results.Latency(
        over_rounds("latency", 0.5),
        over_rounds("latency", 0.95),
        over_rounds("latency", 0.99),
        over_rounds("queue_wait", 0.5),
        kept,
    )


def _lag(lags: Sequence[float]) -> Interval | None:
    """Median and 99th percentile of one run of the loop: a distribution, not an interval of repetitions."""
    if not lags:
        return None
    return Interval(quantile(lags, 0.5), quantile(lags, 0.99), max(lags), len(lags), 0.0)


def split(paced: Sequence[dict[str, Any]]) -> results.Split:
    """Where the workers' wall time went, as shares of it."""
    inside = sum(one["inside"] for one in paced)
    cpu = min(1.0, sum(one["inside_cpu"] for one in paced) / inside)
    beside = sum(one["native"] for one in paced) / inside
    queue = None if any(one["run_queue"] is None for one in paced) else sum(one["run_queue"] for one in paced) / inside
    locked = None if any(one["locked"] is None for one in paced) else sum(one["locked"] for one in paced) / inside
    rest = max(0.0, 1 - cpu - (queue or 0.0))
    # Native threads compute while the worker's own waits for them: not blocked. A little is the pool's own cost.
    native = min(rest, beside) if beside > 0.2 * cpu + 0.1 else 0.0
    return results.Split(cpu, native, queue, locked, max(0.0, rest - native - (locked or 0.0)))


def _diagnosis(bench: Bench, waits: dict[str, Any], serial: _Record) -> results.Diagnosis:
    hold, serialise = bench.pilot["hold"], bench.pilot["serialise"]
    cpus = [batch["cpu"] for batch in serial.batches.values()]
    stages = bench.pilot["stages"]
    waited = split([waits])
    per_item = statistics.median(batch["wall"] / batch["count"] for batch in serial.batches.values())
    return results.Diagnosis(
        item=per_item,
        cpu_share=_cores_used(serial) if min(cpus) >= 0 else None,
        gil_low=binomial_interval(hold["held"], hold["wakes"])[0],
        gil=hold["held"] / max(1, hold["wakes"]),
        gil_high=binomial_interval(hold["late"], hold["wakes"])[1],
        gil_wakes=hold["wakes"],
        bytes=serialise.get("bytes"),
        serialise=serialise.get("seconds"),
        unpicklable=serialise["error"],
        lock_share=waited.locked,
        stages={name: median_interval([one[name] for one in stages]) for name in stages[0]},
        split=waited,
    )
