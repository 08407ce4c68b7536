"""No correct program is called wrong, none hangs, and nothing is left behind."""

from __future__ import annotations

from typing import Any

import pytest

import harness

from .footprint import Footprint
from .program import Program
from .programs import PROGRAMS

QUICK = {"schedules": 100}
SECONDS = 8


def explore(program: Program, **options: Any) -> harness.Exploration:
    """Explore one program as its author would."""
    return harness.explore(
        program.setup,
        program.threads,
        program.check,
        observe=program.observe,
        **{**options, **program.options},
    )


def assert_not_wrong(program: Program, exploration: harness.Exploration) -> None:
    """PASS; INCONCLUSIVE only where a thread may block in C."""
    if exploration.verdict is harness.Verdict.FAIL:
        exploration.raise_if_failed()
    if not program.blocks_in_c:
        assert exploration.verdict is harness.Verdict.PASS, exploration
    assert exploration.reason and "\n" not in exploration.reason


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_program(program: Program) -> None:
    """With a small budget: the first schedules of every bound, then samples."""
    before = Footprint.settled()
    exploration = explore(program, **QUICK)
    assert before.differences() == []
    assert_not_wrong(program, exploration)


@pytest.mark.long
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_program_with_default_budget(program: Program) -> None:
    """With the budget a user gets who gives none, as far as SECONDS go; the small one shows that this is far enough."""
    assert_not_wrong(program, explore(program, seconds=SECONDS))


def test_verdict_repeats() -> None:
    """The same exploration twice gives the same count and the same words."""
    program = next(program for program in PROGRAMS if program.name == "condition_ping_pong")
    first, second = explore(program, **QUICK), explore(program, **QUICK)
    assert (first.schedules, first.proved, first.reason) == (second.schedules, second.proved, second.reason)
