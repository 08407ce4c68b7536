"""What our own engine costs: a yield point, a hand-over, the set-up, and how a schedule grows. CPU time, on one CPU.

Sessions stay in local variables: what a module of the target can reach belongs to the state that is restored.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import pytest

from benchmarks import costs
from benchmarks.bodies import Counter, increment_once
from benchmarks.costs import CONFLICT, IN_ORDER, NO_CONFLICT, POINTS, THREADS, TURNS, WALK
from benchmarks.record import Document
from benchmarks.tools import ROOT
from harness.exploration.arguments import validate
from harness.exploration.session import Session
from harness.runtime.roles import Strategy
from harness.strategies.sampling import RandomWalk
from harness.strategies.systematic import Plan

PREFACE = (
    "CPU time of the whole process on one CPU, medians of pytest-benchmark's rounds. A schedule is executed and "
    "checked; a hand-over is one thread giving way to another at a yield point."
)
Figures = dict[tuple[Any, ...], float]
pytestmark = pytest.mark.benchmark(timer=time.process_time)


class InTurns:
    """Hands over at every yield point at which another thread can run, and counts."""

    records = False
    everywhere = False

    def __init__(self) -> None:
        self.hand_overs = 0

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: Any) -> int:
        self.hand_overs += 1
        return enabled[(enabled.index(current) + 1) % len(enabled)]

    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int:
        return enabled[0]


def write_often(times: int, counter: Counter) -> None:
    """One yield point a round, which conflicts with those of the other threads."""
    for _ in range(times):
        counter.count = 1


def read_often(times: int, counter: Counter) -> None:
    """One yield point a round, which conflicts with nothing."""
    for _ in range(times):
        counter.count  # noqa: B018


def session_of(work: Callable[[Counter], None], threads: int) -> Session:
    script = validate(
        Counter, [work] * threads, lambda counter: True, observe=None, modules=(), preemptions=2, schedules=1,
        seconds=None, seed=0, expected=(), replay=None, timeouts="virtual", watchdog=10.0,
    )  # fmt: skip
    return Session(script, str(ROOT), max(os.sched_getaffinity(0)))


def seconds_of(benchmark: Any) -> float:
    """The median; not a number under --benchmark-disable."""
    return float(benchmark.stats.stats.median) if benchmark.stats else float("nan")


def time_schedule(
    benchmark: Any, work: Callable[[Counter], None], threads: int, strategy: Callable[[], Strategy], rounds: int
) -> float:
    """Median seconds of a schedule, once the conflicts are known."""
    session, everyone = session_of(work, threads), tuple(range(threads))
    with session():
        for learning in (Plan(()), InTurns()):
            session.learn(session.execute(learning, everyone))
        benchmark.pedantic(lambda: session.execute(strategy(), everyone), rounds=rounds, warmup_rounds=3)
    return seconds_of(benchmark)


@pytest.fixture(scope="module")
def figures(publish: Callable[[Document], None]) -> Iterator[Figures]:
    figures: Figures = {}
    document = Document("costs", "What the engine costs", PREFACE)
    yield figures
    document.sections += costs.sections(figures)
    if document.sections:
        publish(document)


def test_set_up(benchmark: Any, figures: Figures) -> None:
    """Entered, two threads started and run once, and left."""

    def fresh() -> tuple[tuple[Session], dict[str, Any]]:
        return (session_of(increment_once, 2),), {}

    def once(session: Session) -> None:
        with session():
            session.execute(Plan(()), (0, 1))

    benchmark.pedantic(once, setup=fresh, rounds=50, warmup_rounds=3)
    figures[costs.SET_UP] = seconds_of(benchmark)


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("kind", [CONFLICT, NO_CONFLICT])
def test_yield_points(benchmark: Any, figures: Figures, kind: str, points: int) -> None:
    """Two threads with ``points`` yield points between them."""
    work = functools.partial(write_often if kind == CONFLICT else read_often, points // 2)
    rounds = max(10, 20_000 // points)
    figures["points", kind, points] = time_schedule(benchmark, work, 2, lambda: Plan(()), rounds)


def test_hand_overs(benchmark: Any, figures: Figures) -> None:
    """The same threads, taking turns at each of their yield points."""
    taken: list[InTurns] = []

    def strategy() -> InTurns:
        taken.append(InTurns())
        return taken[-1]

    work = functools.partial(write_often, TURNS // 2)
    figures[costs.IN_TURNS] = time_schedule(benchmark, work, 2, strategy, 30)
    figures[costs.HAND_OVERS] = taken[-1].hand_overs
    assert TURNS * 0.9 < taken[-1].hand_overs <= TURNS * 1.1


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("order", [IN_ORDER, WALK])
def test_threads(benchmark: Any, figures: Figures, order: str, threads: int) -> None:
    rng = Random(0)
    strategy: Callable[[], Strategy] = (lambda: Plan(())) if order == IN_ORDER else (lambda: RandomWalk(rng))
    rounds = 2_000 // threads
    figures["threads", order, threads] = time_schedule(benchmark, increment_once, threads, strategy, rounds)
