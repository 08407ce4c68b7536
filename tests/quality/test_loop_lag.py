"""The scenario kind `responsive`: finds the line that holds an event loop, and leaves the offloaded version alone."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from harness.kinds.responsive import Responsiveness, _told, responsive
from harness.model import ConcurrencyFailure, InconclusiveError, UsageError, Verdict
from harness.probes.loop_lag import Block, LagReport, LoopLagProbe, Place, _Queues, _Window
from tests.quality.blocking import WAYS, Blocking

# What a neighbour takes from the machine is not what is measured here.
pytestmark = pytest.mark.serial

LIMIT = 0.012
LONG_RUNS = 20
TRIES = 50  # a run in which nobody could look costs 0.1 s
LINE_TRIES = 5


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(int).result()
        yield pool


@pytest.fixture(scope="module")
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        yield pool


def held(way: Blocking) -> Callable[[], Awaitable[None]]:
    async def service() -> None:
        await asyncio.sleep(0.03)
        way.call()
        await asyncio.sleep(0.03)

    return service


def offloaded(way: Blocking, pool: Executor) -> Callable[[], Awaitable[None]]:
    async def service() -> None:
        await asyncio.sleep(0.03)
        await asyncio.get_running_loop().run_in_executor(pool, way.call)
        await asyncio.sleep(0.03)

    return service


def judged(service: Callable[[], Awaitable[None]]) -> Responsiveness:
    """The verdict; another run, as it asks for, where the machine let nobody look."""
    for _ in range(TRIES):
        found = responsive(service, limit=LIMIT, at_least=0.05)
        if found.verdict is not Verdict.INCONCLUSIVE:
            break
    return found


def names_the_line(way: Blocking, reason: str) -> bool:
    inner = r"(\.<locals>\.<\w+>)?"  # a generator expression in the line has a name of its own
    return re.search(rf"{way.call.__name__}{inner} at tests/quality/blocking\.py:{way.line}\b", reason) is not None


@pytest.mark.parametrize("name", WAYS)
def test_a_block_is_flagged_with_its_line(name: str) -> None:
    """On a busy machine nobody may get to look in time at C code that keeps the GIL: its line may take a few runs."""
    for _ in range(LINE_TRIES):
        found = judged(held(WAYS[name]))
        assert found.verdict is Verdict.FAIL, found.reason
        if names_the_line(WAYS[name], found.reason):
            break
    assert names_the_line(WAYS[name], found.reason), found.reason
    with pytest.raises(ConcurrencyFailure, match=name):
        found.raise_if_failed()


@pytest.mark.parametrize("name", WAYS)
def test_the_offloaded_version_is_not_flagged(name: str, threads: Executor, processes: Executor) -> None:
    way = WAYS[name]
    found = judged(offloaded(way, processes if way.computes else threads))
    assert found.verdict is Verdict.PASS, found.reason


@pytest.mark.long
@pytest.mark.serial
def test_rates_over_twenty_runs(threads: Executor, processes: Executor) -> None:
    missed, wrong_line, false_alarms = [], [], []
    for run in range(LONG_RUNS):
        for name, way in WAYS.items():
            found = judged(held(way))
            missed += [(run, name, found.reason)] * (found.verdict is not Verdict.FAIL)
            wrong_line += [(run, name, found.reason)] * (not names_the_line(way, found.reason))
            free = judged(offloaded(way, processes if way.computes else threads))
            false_alarms += [(run, name, free.reason)] * (free.verdict is not Verdict.PASS)
    print(f"missed {len(missed)}, wrong line {len(wrong_line)}, false alarms {len(false_alarms)} "
          f"of {LONG_RUNS * len(WAYS)} each")  # fmt: skip
    assert not missed
    assert not false_alarms
    assert all(sum(one[0] == run for one in wrong_line) <= 1 for run in range(LONG_RUNS)), wrong_line
    assert len(wrong_line) <= 0.02 * LONG_RUNS * len(WAYS), wrong_line


def blind(probe: LoopLagProbe) -> None:
    """A watchdog that gets no CPU to look."""
    probe._stop.wait()


def late_to_look(probe: LoopLagProbe) -> None:
    """A watchdog that gets a CPU only while the loop, overdue already, still waits for one."""
    while not probe._stop.wait(0.001):
        due, now = probe._due, time.monotonic()
        if now > due:
            probe._window.saw(None, now, due)


async def sleeping() -> None:
    await asyncio.sleep(0.03)
    time.sleep(0.03)
    await asyncio.sleep(0.03)


def test_a_lag_at_which_nobody_could_look_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoopLagProbe, "_watch", blind)
    found = responsive(sleeping, limit=LIMIT, at_least=0.05)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert re.search(r"nobody could look during (a|\d+) lags? of( up to)? \d+ ms", found.reason)


@pytest.mark.parametrize("watch", [blind, late_to_look])
def test_a_loop_that_computes_is_held_whatever_the_watchdog_saw(
    watch: Callable[[LoopLagProbe], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoopLagProbe, "_watch", watch)
    found = responsive(held(WAYS["python_loop"]), limit=LIMIT, at_least=0.05)
    assert found.verdict is Verdict.FAIL
    assert "code whose line was not seen" in found.reason


SLEEPS = (Place("serve", "service.py", 6), Place("serve", "service.py", 6))


@pytest.mark.parametrize(
    ("looks", "held"),
    [
        # Seconds after the beat was due. Three looks while it waited to be woken, then none for long, and one.
        ([(0.004, None), (0.005, None), (0.006, None), (0.012, SLEEPS)], True),
        ([(0.004, None), (0.009, None), (0.010, SLEEPS), (0.011, None)], False),
        ([(0.010, SLEEPS)], True),
        ([(0.010, None)], False),
        ([], False),
    ],
)
def test_what_was_seen_is_weighed_with_its_time(looks: list[tuple[float, Any]], held: bool) -> None:
    window = _Window()
    for at, seen in looks:
        window.saw(seen, at, 0.0)
    assert window.empty is not bool(looks)
    assert window.holder(0.024, queued=0.0)[1] is held


def test_a_loop_that_waits_for_a_cpu_is_not_idle_in_the_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    """25 ms of such a wait are taken off the lag: what is left are the 20 ms of sleep in a callback."""
    probe = LoopLagProbe(LIMIT)
    probe._due, probe._queued, probe._cpu = 0.0, 0.0, probe._cpu_times()
    for at, seen in [(0.005, None), (0.024, None), (0.026, SLEEPS), (0.044, SLEEPS)]:
        probe._window.saw(seen, at, 0.0)
    monkeypatch.setattr(LoopLagProbe, "_moment", lambda probe: (0.045, 0.025))
    probe._tick()
    assert [block.place for block in probe.report().blocks] == [SLEEPS[0]]


class _Slow(threading.Event):
    """Tells that a thread has started late, as on a machine that has no CPU for it."""

    def wait(self, timeout: float | None = None) -> bool:
        time.sleep(0.1)
        return super().wait(timeout)


def test_a_thread_that_is_slow_to_start_does_not_hold_the_loop() -> None:
    """Else ``asyncio.to_thread``, the remedy for a block, would be one."""

    async def service() -> None:
        await asyncio.sleep(0.03)
        thread = threading.Thread(target=int)
        thread._started = _Slow()  # type: ignore[attr-defined]
        thread.start()
        await asyncio.sleep(0.03)
        thread.join()

    found = judged(service)
    assert found.verdict is Verdict.PASS, found.reason
    assert found.lag.unexplained


def test_a_thread_that_waits_for_a_cpu_keeps_the_loop_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold the GIL without computing: nobody can look, and no CPU time tells."""
    monkeypatch.setattr(LoopLagProbe, "_watch", blind)
    monkeypatch.setattr(_Queues, "waited", lambda queues: 1.0)
    found = judged(sleeping)
    assert found.verdict is Verdict.PASS, found.reason
    assert "kept late by other threads" in found.reason


def test_the_waits_of_other_threads_are_added_up(tmp_path: Path) -> None:
    def wait_until_now(delays: dict[int, int]) -> None:
        for thread, seconds in delays.items():
            (tmp_path / str(thread)).mkdir(exist_ok=True)
            (tmp_path / str(thread) / "schedstat").write_text(f"7 {seconds * 10**9} 7\n")

    wait_until_now({1: 5, 2: 1, 3: 1, 4: 0})
    queues = _Queues((1,), tmp_path)
    wait_until_now({1: 9, 2: 3, 4: 1, 5: 4})
    (tmp_path / "3" / "schedstat").unlink()
    assert queues.waited() == 2 + 1 + 4  # thread 3 has ended, 5 has begun
    assert queues.waited() == 0
    assert _Queues((), tmp_path / "elsewhere").waited() == 0


def test_a_lag_in_which_other_threads_computed_is_theirs(monkeypatch: pytest.MonkeyPatch, threads: Executor) -> None:
    text = "a" * 20 + "b"

    async def service() -> None:
        await asyncio.sleep(0.1)
        await asyncio.get_running_loop().run_in_executor(threads, re.match, r"(a+)+$", text)
        await asyncio.sleep(0.1)

    monkeypatch.setattr(LoopLagProbe, "_watch", blind)
    found = judged(service)
    assert found.verdict is Verdict.PASS, found.reason
    assert "kept late by other threads" in found.reason


def test_a_watchdog_that_is_slow_to_start_is_no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def slow(thread: threading.Thread) -> None:
        start(thread)
        time.sleep(0.05)

    monkeypatch.setattr(threading.Thread, "start", slow)
    found = judged(lambda: asyncio.sleep(0.1))
    assert found.verdict is Verdict.PASS, found.reason


def test_time_and_run_queue_delay_are_of_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a wait for a CPU between the two readings is taken off the lag of the next beat, and hides a block."""
    delays = iter([0.0, 0.1, 0.1, 0.1])
    monkeypatch.setattr(LoopLagProbe, "_run_queue", lambda probe: next(delays))
    assert LoopLagProbe(LIMIT)._moment()[1] == 0.1
    assert not list(delays)


def cycles(count: int) -> list[list[object]]:
    """Lists that hold themselves, with a member each: about 0.1 us of a pass of the collector each."""
    made: list[list[object]] = [[[]] for _ in range(count)]
    for one in made:
        one.append(one)
    return made


def test_a_pass_of_the_collector_over_what_was_there_before_is_no_lag_of_the_service() -> None:
    there = cycles(1_000_000)

    async def service() -> None:
        await asyncio.sleep(0.03)
        gc.collect()
        await asyncio.sleep(0.03)

    gc.collect()
    begun = time.thread_time()
    gc.collect()
    assert time.thread_time() - begun > LIMIT
    found = judged(service)
    assert found.verdict is Verdict.PASS, found.reason
    gc.collect()
    assert len(there) == 1_000_000
    assert gc.get_freeze_count() < 10_000  # 3.12 puts some objects of the interpreter there


def test_a_pass_of_the_collector_over_the_service_s_own_objects_is_told_as_such() -> None:
    held = []

    async def service() -> None:
        held.extend(await asyncio.to_thread(cycles, 1_000_000))
        await asyncio.sleep(0.03)
        gc.collect()
        await asyncio.sleep(0.03)

    reason = responsive(service, limit=LIMIT, at_least=0.05).reason
    assert re.search(
        r"the garbage collector, started by .*service at tests/quality/test_loop_lag\.py:\d+, held it", reason
    )
    assert "gc.freeze()" in reason


def test_a_service_too_short_to_judge_is_inconclusive() -> None:
    async def service() -> None:
        await asyncio.sleep(0)

    found = responsive(service)
    assert found.verdict is Verdict.INCONCLUSIVE
    with pytest.raises(InconclusiveError):
        found.raise_if_failed()


def test_what_the_service_raises_is_raised_and_nothing_is_left() -> None:
    async def service() -> None:
        raise KeyError("order")

    before = threading.active_count()
    with pytest.raises(KeyError):
        responsive(service)
    assert threading.active_count() == before


def test_a_service_that_never_ends_is_told_so() -> None:
    async def service() -> None:
        await asyncio.sleep(100)

    with pytest.raises(UsageError, match="did not end within"):
        responsive(service, timeout=0.05)


@pytest.mark.parametrize("limit", [0, float("nan")])
def test_a_limit_that_is_not_positive_is_refused(limit: float) -> None:
    with pytest.raises(UsageError, match="more than 0"):
        responsive(lambda: asyncio.sleep(1), limit=limit)


def test_the_same_line_twice_is_one_entry() -> None:
    block = Block(0.03, *SLEEPS)
    reason = _told(LagReport(LIMIT, 9, (0.03,) * 3, (block,) * 3, (), (), corrected=True))
    assert reason.count("serve at") == 1
    assert "held it 30 ms (3 times, longest)" in reason
