"""The claims: each is a function that measures and returns what was found and whether the claim holds."""

from __future__ import annotations

import asyncio
import functools
import gc
import pickle
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from benchmarks.claims import work
from harness.pools import Comparison, Plan, compare
from harness.pools.intervals import median_interval, ratios
from harness.pools.results import paired
from harness.probes.loop_lag import LoopLagProbe
from harness.report.pools_text import duration, size, span

HOLDS, FAILS, DEPENDS = "holds", "does not hold", "depends"


@dataclass(frozen=True)
class Entry:
    """One claim, what was measured, and the verdict with what it depends on."""

    claim: str
    measured: str
    verdict: str


@functools.cache
def _compared(workload: str, scaling: tuple[int, ...] = ()) -> Comparison:
    return compare(workload, Plan(pools=("threads", "fork", "forkserver", "spawn"), scaling=scaling))


def _cell(comparison: Comparison, pool: str, workers: int = 2) -> Any:
    return next(cell for cell in comparison.cells if cell.pool == pool and cell.workers == workers)


def throughput() -> Entry:
    found, told = [], []
    for name in ("onnx-65us", "onnx", "magika", "inference-and-python?steps=200000"):
        one = _compared(name)
        ratio = paired(_cell(one, "threads"), _cell(one, "spawn"))
        chunk = _cell(one, "spawn").chunk
        others = "" if one.others is None else f", others kept {one.others:.1f} cores busy"
        told.append(f"{one.workload}: threads / spawn {ratio.text()} (chunks of {chunk}{others})")
        found.append(ratio)
    if any(ratio.high < 0.95 for ratio in found):
        verdict = f"{DEPENDS}: on how much Python runs round the inference"
    else:
        verdict = HOLDS if all(ratio.low > 0.95 for ratio in found) else "no difference shown on this machine"
    return Entry("ML inference releases the GIL, so a thread pool matches a process pool", "; ".join(told), verdict)


def memory() -> Entry:
    told, shares = [], []
    for name in ("onnx", "whisper"):
        one = _compared(name)
        threads, spawn, fork = (_cell(one, pool).memory.pss for pool in ("threads", "spawn", "fork"))
        if not threads or not spawn or not fork:
            return Entry("threads save 30 to 40 % of memory", "PSS is not known on this kernel", "not measured")
        shares += [1 - threads / spawn, 1 - threads / fork]
        told.append(f"{one.workload}, 2 workers, PSS: threads {size(threads)}, fork {size(fork)}, spawn {size(spawn)}: "
                    f"saved {shares[-1]:.0%} of fork, {shares[-2]:.0%} of spawn")  # fmt: skip
    inside = all(0.3 <= share <= 0.4 for share in shares)
    verdict = HOLDS if inside else f"{DEPENDS}: (n - 1)(runtime + model) / total, no constant"
    return Entry("threads save 30 to 40 % of memory", "; ".join(told), verdict)


def start_up() -> Entry:
    one = _compared("onnx")
    told = []
    for pool in ("threads", "fork", "forkserver", "spawn"):
        start = _cell(one, pool).start
        told.append(f"{pool} {span(start.again)}, then {duration(start.make)} for the session")
    ready = {pool: _cell(one, pool).start.again.middle + _cell(one, pool).start.make for pool in ("threads", "spawn")}
    told.append(f"ready to infer, threads against spawn: {1 - ready['threads'] / ready['spawn']:.0%} lower")
    each = {pool: _cell(one, pool).start.again.middle / 2 for pool in ("threads", "fork", "spawn")}
    right = 0.05 < each["spawn"] < 0.2 and 0.05 < each["fork"] < 0.2
    verdict = HOLDS if right else f"{DEPENDS}: on the start method and on what the worker imports"
    return Entry("start-up is 100 ms a process against 1 ms a thread, and 50 to 70 % lower with threads",
                 "2 workers: " + "; ".join(told), verdict)  # fmt: skip


def submitted_list() -> Entry:
    """The real model on the real clip: consuming the segments here, and in a thread, under three kinds of load."""
    from harness.pools.workloads.whisper import WHISPER, _decode

    model = WHISPER.make(2)
    (clip, *_) = WHISPER.items()
    samples = _decode(clip)

    def here() -> None:
        list(WHISPER._begin(model, clip, samples)[0])

    def in_thread(pool: ThreadPoolExecutor) -> None:
        pool.submit(list, WHISPER._begin(model, clip, samples)[0]).result()

    times: dict[str, list[float]] = {}
    here()
    with ThreadPoolExecutor(1) as pool:
        for _ in range(6):
            times.setdefault("here", []).append(_timed(here))
            times.setdefault("idle", []).append(_timed(lambda: in_thread(pool)))
            with _Spinning():
                times.setdefault("busy in Python", []).append(_timed(lambda: in_thread(pool)))
            times.setdefault("busy event loop", []).append(asyncio.run(_under_loop(pool, model, clip, samples)))
    parts = {name: ratios(taken, times["here"]) for name, taken in times.items() if name != "here"}
    told = "; ".join(f"main thread {name}: {ratio.text()} times" for name, ratio in parts.items())
    notes = "; ".join(WHISPER.notes())
    verdict = f"{FAILS} while the rest is idle" if parts["idle"].high < 1.5 else f"{DEPENDS}: on the idle case too"
    return Entry("`submit(list, segments).result()` is eight times slower", f"{told} ({notes})",
                 f"{verdict}; what other threads compute in Python decides")  # fmt: skip


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


class _Spinning:
    """A thread that computes in Python."""

    def __enter__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def _spin(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()


async def _under_loop(pool: ThreadPoolExecutor, model: object, clip: str, samples: object) -> float:
    from harness.pools.workloads.whisper import WHISPER

    begun = time.perf_counter()
    task = asyncio.get_running_loop().run_in_executor(pool, lambda: list(WHISPER._begin(model, clip, samples)[0]))
    while not task.done():  # a loop that is never idle
        await asyncio.sleep(0)
    await task
    return time.perf_counter() - begun


def statistics_lock() -> Entry:
    lock, stats = threading.Lock(), {"total": 0, "failed": 0, "seconds": 0.0}

    def update() -> None:
        with lock:
            stats["total"] += 1
            stats["failed"] += 0
            stats["seconds"] += 0.1

    def bare() -> None:
        pass

    taken = [(_each(update), _each(bare)) for _ in range(9)]
    cost = median_interval([with_lock - without for with_lock, without in taken])
    items = {name: _compared(name).diagnosis.item for name in ("onnx-65us", "onnx")}
    shares = ", ".join(f"{cost.middle / item:.3%} of a {duration(item)} inference" for item in items.values())
    small = all(cost.high / item < 0.001 for item in items.values())
    verdict = f"{FAILS if cost.low > 1e-6 else HOLDS} for the time held"
    verdict += "; the share holds" if small else "; the share depends: on how short the inference is"
    return Entry("a lock round statistics costs under 0.1 % of an inference and is held under 1 us",
                 f"uncontended, three counters: {span(cost)}: {shares}", verdict)  # fmt: skip


def _each(call: Callable[[], object], count: int = 50_000) -> float:
    begun = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - begun) / count


def threads_break() -> Entry:
    pool = ThreadPoolExecutor(1, initializer=work.fail)
    try:
        pool.submit(work.nothing, 1).result(10)
        seen = "nothing was raised"
    except BrokenExecutor as error:
        seen = f"after an initialiser that raises, `result()` raises {type(error).__name__}"
    try:
        pool.submit(work.nothing, 2)
    except BrokenExecutor as error:
        seen += f" and every later `submit` too ({type(error).__name__})"
    pool.shutdown()
    return Entry("`ThreadPoolExecutor` cannot break", seen, FAILS if "Broken" in seen else HOLDS)


def pool_size() -> Entry:
    waiting, computing = _compared("io-bound", (1, 2, 4)), _compared("onnx", ())
    rates = {count: _cell(waiting, "threads", count).speed_up for count in (1, 2, 4)}
    told = ", ".join(f"{count} threads {rate.text()}" for count, rate in rates.items())
    gained = rates[4].low > 1.05 * rates[2].high
    verdict = f"{DEPENDS}: on whether the work waits" if gained else "no difference shown between 2 and 4 workers"
    onnx = f"inference with 2 threads {_cell(computing, 'threads').speed_up.text()}"
    return Entry(
        "the pool size is the CPU count",
        f"speed-up on {waiting.cores} cores, waiting for a peer: {told}; {onnx}",
        verdict,
    )


def _map(pool: ProcessPoolExecutor, call: Callable[..., int], items: Sequence[Any], chunk: int) -> list[int]:
    return list(pool.map(call, items, chunksize=chunk))


def chunking() -> Entry:
    # Distinct objects: pickle sends one object that a chunk holds twice only once.
    payloads = [bytes([number]) * 1_000_000 for number in range(40)]
    told = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(work.nothing, range(100)))
        for chunk in (1, 10, 100):
            taken = [_timed(functools.partial(_map, pool, work.nothing, range(2000), chunk)) / 2000 for _ in range(6)]
            told.append(f"empty items, chunks of {chunk}: {span(median_interval(taken))} each")
        large = {
            chunk: [_timed(functools.partial(_map, pool, work.size, payloads, chunk)) / 40 for _ in range(6)]
            for chunk in (1, 10)
        }
    ratio = ratios(large[10], large[1])
    told.append(f"items of 1 MB, chunks of 10 against 1: {ratio.text()} times the time")
    return Entry("chunking saves the serialisation cost", "; ".join(told),
                 f"{DEPENDS}: it saves the cost of a task, not of the bytes" if ratio.low > 0.5 else HOLDS)  # fmt: skip


def shared_table() -> Entry:
    told = []
    sizes = {}
    gc.freeze()
    for name, table, call in (
        ("a list of 1 000 000 Python integers", [number + 10**6 for number in range(1_000_000)], work.private_growth),
        ("one buffer of 100 MB", bytes(100_000_000), work.digest_growth),
    ):
        work.TABLE = table
        with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
            pool.submit(work.nothing, 1).result()
            pool.submit(call, False).result()
            sizes[name] = pool.submit(call, True).result()
        work.TABLE = None
        told.append(f"reading {name} makes {size(max(0, sizes[name]))} private")
    free = max(sizes.values()) < 2_000_000
    return Entry(
        "fork shares a large read-only table for free",
        "; ".join(told),
        HOLDS
        if free
        else f"{DEPENDS}: buffers are shared; reading objects writes their reference counts, and copies the pages",
    )


def frozen_loop() -> Entry:
    async def service(steps: int) -> float:
        probe = LoopLagProbe(0.02)
        with probe.watching(asyncio.get_running_loop()):
            await asyncio.sleep(0.02)
            total = 0
            for number in range(steps):
                total += number
            await asyncio.sleep(0.02)
        return probe.report().worst

    lags = median_interval([asyncio.run(service(10**7)) for _ in range(6)])
    return Entry("a coroutine that computes freezes the loop", f"10^7 steps: the loop was held for {span(lags)}",
                 HOLDS if lags.low > 0.1 else FAILS)  # fmt: skip


def stress() -> Entry:
    lost = 0
    for _ in range(10):
        stats = {"total": 0}
        barrier = threading.Barrier(100)

        def hammer(stats: dict[str, int] = stats, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            for _ in range(1000):
                stats["total"] += 1

        threads = [threading.Thread(target=hammer) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lost += stats["total"] != 100_000
    version = ".".join(map(str, sys.version_info[:3]))
    return Entry(
        "a stress of 100 threads reveals the lost update",
        f"unlocked `+=`, 100 x 1000, CPython {version}: noticed in {lost} of 10 runs",
        FAILS if lost == 0 else HOLDS if lost == 10 else f"{DEPENDS}: on luck",
    )


def _where(method: str, submit: Callable[[ProcessPoolExecutor], object], **options: object) -> str:
    """Where sending a task fails: in submit, in result, or not at all."""
    pool = ProcessPoolExecutor(1, mp_context=get_context(method), **options)  # type: ignore[arg-type]
    try:
        future = submit(pool)
    except Exception as error:
        return f"`submit` raises {type(error).__name__}: {error}"
    else:
        try:
            future.result(30)  # type: ignore[attr-defined]
        except Exception as error:
            return f"`result()` raises {type(error).__name__}: {error}"
        return "works"
    finally:
        pool.shutdown(cancel_futures=True)


def lock_in_submit() -> Entry:
    service = work.Service()
    initialiser = {method: _where(method, lambda pool: pool.submit(work.nothing, 1), initializer=service.prepare)
                   for method in ("spawn", "fork")}  # fmt: skip
    task = _where("spawn", lambda pool: pool.submit(service.work, 1))
    told = (f"bound method as initialiser: spawn {initialiser['spawn']}; fork {initialiser['fork']}; "
            f"bound method as task under spawn: {task}")  # fmt: skip
    right = initialiser["spawn"].startswith("`submit`") and task.startswith("`result()`")
    return Entry(
        "submitting the task raised `cannot pickle '_thread.lock'` inside `submit`",
        told,
        f"{DEPENDS}: a task fails in `result()`; inside `submit` it is the initialiser, under spawn"
        if right
        else HOLDS,
    )


def explicit_arguments() -> Entry:
    told = _where("spawn", lambda pool: pool.submit(work.with_lock, threading.Lock(), 1))
    return Entry(
        "explicit arguments always cure it", f"the lock passed explicitly: {told}", HOLDS if told == "works" else FAILS
    )


def partials() -> Entry:
    told = _where("spawn", lambda pool: pool.submit(functools.partial(work.scale, 10), 1))
    service = work.Service()
    other = _where("spawn", lambda pool: pool.submit(functools.partial(service.work), 1))
    return Entry("every partial must go", f"partial of a module's function: {told}; of a bound method: {other}",
                 FAILS if told == "works" else HOLDS)  # fmt: skip


def _send(call: Callable[[int], object], pool: ProcessPoolExecutor) -> object:
    return pool.submit(call, 1)


def dumps_is_enough() -> Entry:
    told = []
    for what, call in (("returns a lock", work.make_lock), ("raises an exception that cannot be loaded", work.refuse)):
        pickle.dumps((call, (1,)))
        seen = _where("spawn", functools.partial(_send, call))
        told.append(f"a function that {what} passes `dumps`, then {seen}")
    return Entry("`pickle.dumps` of function and arguments is a sufficient check", "; ".join(told),
                 HOLDS if all("works" in one for one in told) else FAILS)  # fmt: skip


CLAIMS: tuple[Callable[[], Entry], ...] = (
    throughput, memory, start_up, submitted_list, statistics_lock, threads_break, pool_size, chunking, shared_table,
    frozen_loop, stress, lock_in_submit, explicit_arguments, partials, dumps_is_enough,
)  # fmt: skip
