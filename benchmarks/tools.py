"""The contestants: how each samples and searches the schedules of a body, as its documentation tells its users to.

Imports of the tools are inside the functions: each runs in a process that should load no other.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bodies import Body, Counter

if TYPE_CHECKING:
    from harness.exploration.explorer import Explorer

ROOT = Path(__file__).parents[1]
RANDOM, SYSTEMATIC = "random", "systematic"
SAMPLES = 200
"""What `harness.explore` draws for more than three threads, and frontrun by default."""
PEER_SCHEDULES = 100
"""Where the peers are cut: interleave-test's default. Their rates do not depend on it."""

Setup = Callable[[], Counter]
Once = Callable[[], int]
"""Explores once; the number of schedules executed as the tool reports it."""
Opened = Callable[[Body, Setup, int], AbstractContextManager[Once]]
"""Prepares to explore a body, from states that a setup makes, on a CPU."""


def whole(explore: Callable[[Body, Setup, int], int]) -> Opened:
    """Whole explorations: the set-up of each counts."""

    def opened(body: Body, setup: Setup, cpu: int) -> AbstractContextManager[Once]:
        return nullcontext(functools.partial(explore, body, setup, cpu))

    return opened


def under_way(phase: Callable[[Explorer, tuple[int, ...]], object]) -> Opened:
    """One phase of our exploration, over and over inside one set-up."""

    @contextmanager
    def opened(body: Body, setup: Setup, cpu: int) -> Iterator[Once]:
        from harness.exploration.explorer import Explorer
        from harness.exploration.session import Session

        session, everyone = Session(our_script(body, setup), str(ROOT), cpu), tuple(range(body.threads))
        with session():
            explorer = Explorer(session)
            explorer._establish(everyone)

            def once() -> int:
                before = explorer.evidence.schedules
                explorer._limit = sys.maxsize
                phase(explorer, everyone)
                return explorer.evidence.schedules - before

            yield once

    return opened


def our_script(body: Body, setup: Setup) -> Any:
    """The arguments of `harness.explore`, with a budget that makes the sampling phase draw SAMPLES schedules."""
    from harness.exploration.arguments import validate

    return validate(
        setup, [body.work] * body.threads, body.check, observe=None, modules=(), preemptions=2, schedules=SAMPLES * 10,
        seconds=None, seed=0, expected=(), replay=None, timeouts="virtual", watchdog=10.0,
    )  # fmt: skip


def sample_with_harness(body: Body, setup: Setup, cpu: int) -> int:
    """Only the sampling phase, which `harness.explore` comes to where it cannot prove everything."""
    import harness
    from harness.exploration.explorer import Explorer
    from harness.exploration.result import conclude
    from harness.exploration.session import Session

    session, everyone = Session(our_script(body, setup), str(ROOT), cpu), tuple(range(body.threads))
    with session():
        explorer = Explorer(session)
        explorer._establish(everyone)
        explorer._sample(everyone)
    outcome = conclude(explorer.evidence, 0.0)
    assert outcome.verdict is harness.Verdict.PASS, outcome.reason
    return outcome.schedules


def search_with_harness(body: Body, setup: Setup, cpu: int) -> int:
    """All schedules with at most two preemptions, the default; both bodies are proved within the default budget."""
    import harness

    outcome = harness.explore(setup, [body.work] * body.threads, body.check, root=ROOT, cpu=cpu)
    assert outcome.verdict is harness.Verdict.PASS and outcome.proved == 2, outcome.reason
    return outcome.schedules


def sample_with_frontrun(body: Body, setup: Setup, cpu: int) -> int:
    """Random schedules."""
    return _frontrun(body, setup, strategy="random", max_attempts=PEER_SCHEDULES)


def search_with_frontrun(body: Body, setup: Setup, cpu: int) -> int:
    """DPOR under at most two preemptions, its default."""
    return _frontrun(body, setup, max_executions=PEER_SCHEDULES)


def _frontrun(body: Body, setup: Setup, **options: Any) -> int:
    import frontrun

    outcome = frontrun.explore(setup, body.work, body.check, count=body.threads, **options)
    assert outcome.property_holds, outcome.explanation
    return int(outcome.num_explored)


def sample_with_interleave_test(body: Body, setup: Setup, cpu: int) -> int:
    """Random schedules, its default strategy."""
    return _interleave_test(body, setup, "random")


def search_with_interleave_test(body: Body, setup: Setup, cpu: int) -> int:
    """Depth first under at most two preemptions, its default."""
    return _interleave_test(body, setup, "dfs")


def _interleave_test(body: Body, setup: Setup, strategy: str) -> int:
    import interleave_test

    work, threads, check, spawn = body.work, body.threads, body.check, interleave_test.spawn

    def model() -> None:
        state = setup()
        tasks = [spawn(work, state) for _ in range(threads)]
        for task in tasks:
            task.join()
        assert check(state)

    return int(interleave_test.explore(model, iterations=PEER_SCHEDULES, strategy=strategy).schedules_run)


@dataclass(frozen=True)
class Tool:
    """One contestant; ``command`` is the Python that its users run it with."""

    name: str
    module: str
    opened: Mapping[str, Opened]
    command: Sequence[str] = field(default=(sys.executable,))

    @property
    def missing(self) -> str:
        """Why it cannot take part here, or an empty string."""
        return "" if importlib.util.find_spec(self.module) else f"{self.name} is not installed"


OURS = Tool(
    "harness", "harness", {RANDOM: whole(sample_with_harness), SYSTEMATIC: whole(search_with_harness)}
)  # fmt: skip
OURS_UNDER_WAY = Tool(
    "harness, set-up not counted",
    "harness",
    {
        RANDOM: under_way(lambda explorer, members: explorer._sample(members)),
        SYSTEMATIC: under_way(lambda explorer, members: explorer._prove(members)),
    },
)
PEERS = (
    Tool(
        "frontrun 0.7.0",
        "frontrun",
        {RANDOM: whole(sample_with_frontrun), SYSTEMATIC: whole(search_with_frontrun)},
        (sys.executable, "-m", "frontrun.cli", sys.executable),
    ),
    Tool(
        "interleave-test 0.1.0",
        "interleave_test",
        {RANDOM: whole(sample_with_interleave_test), SYSTEMATIC: whole(search_with_interleave_test)},
    ),
)
TOOLS = {tool.name: tool for tool in (OURS, OURS_UNDER_WAY, *PEERS)}
