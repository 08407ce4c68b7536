"""What the records of a comparison come to: cells, shares of time, speed-ups on free cores. It measures nothing."""

from __future__ import annotations

import dataclasses
import math
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.pools import executors, results
from harness.pools.intervals import Interval, median_interval, quantile
from harness.pools.scaling import taking_turns
from harness.stats.rates import binomial_interval


@dataclass
class Record:
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


@dataclass(frozen=True)
class Work:
    """What was measured of the work itself, whatever pool does it, and of two threads that do it together."""

    held: dict[str, Any]
    serialise: dict[str, Any]
    stages: Sequence[dict[str, float]]
    together: dict[str, Any]

    @property
    def gil(self) -> float:
        """Share of one item's time in which it holds the GIL."""
        return float(self.held["held"] / max(1, self.held["wakes"]))


def cores() -> int:
    """CPUs that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def cells(records: Sequence[Record], work: Work, workers: int) -> tuple[results.Cell, ...]:
    """One of each record, the serial one first; those with the chosen number of workers say more."""
    serial = records[0]
    main = [record for record in records[1:] if is_main(record, workers)]
    shared_wait = max(0.0, min(map(_blocked, main), default=0.0) - _blocked(serial))
    return tuple(
        dataclasses.replace(_cell(record, serial), **_more(record, serial, work, shared_wait))
        if is_main(record, workers)
        else _cell(record, serial)
        for record in records
    )


def is_main(record: Record, workers: int) -> bool:
    """Whether it is serial, or has this number of workers."""
    return record.pool.name == "serial" or record.workers == workers


def _cell(record: Record, serial: Record) -> results.Cell:
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
    return results.Cell(
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


def _more(record: Record, serial: Record, work: Work, shared_wait: float) -> dict[str, Any]:
    """What is told only of the pools with the chosen number of workers."""
    return {
        "start": _start(record),
        "memory": results.Memory(**record.memory),
        "latency": _latency(record.paced),
        "split": split(record.paced),
        "loop_lag": _lag(record.lags),
        "unloaded": _unloaded(record, serial, work, shared_wait),
    }


def _inside(record: Record) -> float | None:
    """Seconds per item in the worker, without what it waited for a CPU."""
    if any(one["run_queue"] is None for one in record.busy):
        return None
    free = sum(one["inside"] - one["run_queue"] for one in record.busy)
    return float(free / sum(one["count"] for one in record.busy))


def _unloaded(record: Record, serial: Record, work: Work, shared_wait: float) -> float | None:
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
    turns, most = float(record.workers), cores() / max(0.01, _cores_used(serial))
    clocks = min(record.workers * alone / (mine + overhead), cores() * alone / statistics.median(cpu))
    bounds = [most, record.workers * alone / (alone + shared_wait)]
    if record.pool.processes:
        serialise = work.serialise.get("seconds", 0.0)
        overhead += serialise
        bounds.append(alone / max(1e-9, serialise / 2))  # one process loads all results
    elif record.pool.name != "interpreters":  # each has a GIL and locks of its own
        locked = split([work.together]).locked or 0.0
        bounds.append(1 / max(0.01, work.gil))
        turns = taking_turns(record.workers, work.gil)
        # Two threads that wait this share of their time hold the lock for 1 / (2 (1 - share)) of an item.
        if locked > 0.05:
            bounds.append(2 * (1 - locked))
        clocks = min(clocks, *bounds)
    nature = min(record.workers * alone / (alone + overhead), turns, *bounds)
    return math.sqrt(clocks * nature)


def _blocked(record: Record) -> float:
    """Seconds per item that a worker neither computes nor waits for a CPU."""
    inside, count = sum(one["inside"] for one in record.busy), sum(one["count"] for one in record.busy)
    return float(split(record.busy).blocked * inside / count)


def _cores_used(serial: Record) -> float:
    """Cores that one item alone keeps busy while it is not waiting for a CPU."""
    free = sum(one["inside"] - (one["run_queue"] or 0.0) for one in serial.paced)
    return float(sum(one["cpu"] for one in serial.paced) / max(free, 1e-9))


def _start(record: Record) -> results.Start:
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


def diagnosis(work: Work, serial: Record) -> results.Diagnosis:
    """What the work itself is like."""
    hold, serialise, stages = work.held, work.serialise, work.stages
    cpus = [batch["cpu"] for batch in serial.batches.values()]
    waited = split([work.together])
    per_item = statistics.median(batch["wall"] / batch["count"] for batch in serial.batches.values())
    return results.Diagnosis(
        item=per_item,
        cpu_share=_cores_used(serial) if min(cpus) >= 0 else None,
        gil_low=binomial_interval(hold["held"], hold["wakes"])[0],
        gil=work.gil,
        gil_high=binomial_interval(hold["late"], hold["wakes"])[1],
        gil_wakes=hold["wakes"],
        bytes=serialise.get("bytes"),
        serialise=serialise.get("seconds"),
        unpicklable=serialise["error"],
        lock_share=waited.locked,
        stages={name: median_interval([one[name] for one in stages]) for name in stages[0]},
        split=waited,
    )
