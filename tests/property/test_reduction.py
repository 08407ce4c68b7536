"""Reduction loses nothing: random small programs show the same outcomes with it and without it.

A model that shares no code with the engine bounds both from outside: all outcomes of the model with the same number
of preemptions must be there, and none that the model cannot produce at all.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.property import straight_line
from tests.property.straight_line import LOCKS, PLACES, Add, Locked, Outcome, Program, Read, Statement, Write

ACCESSES = 4
PREEMPTIONS = 2
_numbers = itertools.count()


def engine_outcomes(module: ModuleType, threads: list[Any], *, reduce: bool) -> set[Outcome]:
    """Everything that ``observe`` saw while the engine executed all schedules within the bound."""
    from harness.exploration.outcomes import outcomes

    seen: set[Outcome] = set()

    def observe(state: Any) -> Outcome:
        seen.add(module.observe(state))
        return module.observe(state)  # type: ignore[no-any-return]

    outcomes(module.State, threads, observe, preemptions=PREEMPTIONS, reduce=reduce)
    return seen


@contextmanager
def loaded(program: Program, folder: Path) -> Iterator[ModuleType]:
    """The program as a real module with a source file, gone afterwards."""
    name = f"straight_line_program_{next(_numbers)}"
    path = folder / f"{name}.py"
    path.write_text(program.source())
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[name]
        path.unlink()


def accesses_of(statement: Statement) -> int:
    """How many shared accesses a statement makes; an increment makes two."""
    if isinstance(statement, Locked):
        return sum(map(accesses_of, statement.body))
    return 2 if isinstance(statement, Add) else 1


places = st.sampled_from(PLACES)
simple = st.one_of(
    st.builds(Read, places),
    st.builds(Write, places, st.integers(1, 3).map(lambda number: number * 100)),
    st.builds(Add, places, st.sampled_from([1, 10])),
)
locked = st.builds(Locked, st.sampled_from(LOCKS), st.lists(simple, min_size=1, max_size=3).map(tuple))


def _cut(statements: list[Statement]) -> tuple[Statement, ...]:
    """The longest prefix that makes at most ``ACCESSES`` accesses."""
    kept: list[Statement] = []
    for statement in statements:
        if sum(map(accesses_of, [*kept, statement])) > ACCESSES:
            break
        kept.append(statement)
    return tuple(kept) or (Read(PLACES[0]),)


bodies = st.lists(st.one_of(simple, simple, locked), min_size=1, max_size=ACCESSES).map(_cut)
different = st.builds(Program, st.lists(bodies, min_size=2, max_size=3).map(tuple))
alike = st.builds(lambda body, count: Program((body,) * count, alike=True), bodies, st.integers(2, 3))
programs = st.one_of(different, different, alike)

LOST_UPDATE = Program(((Add("state.x", 1),), (Add("state.x", 10),)))
HALF_LOCKED = Program(
    (
        (Locked("state.first", (Add("total", 1),)), Read("state.y")),
        (Add("total", 10), Write("state.y", 100)),
        (Locked("state.first", (Add("total", 1), Write("state.y", 200))),),
    )
)
LATE_CONFLICT = Program(
    (
        (Write("state.items['k']", 100), Read("state.items['m']")),
        (Read("state.items['k']"), Write("state.items['m']", 200), Add("state.x", 1)),
    )
)


def agree(program: Program, folder: Path) -> None:
    """The one property."""
    with loaded(program, folder) as module:
        count = len(program.threads)
        threads = [getattr(module, f"thread_{0 if program.alike else number}") for number in range(count)]
        plain = engine_outcomes(module, threads, reduce=False)
        reduced = engine_outcomes(module, threads, reduce=True)
    assert reduced == plain
    assert plain >= straight_line.outcomes(program, PREEMPTIONS)
    assert plain <= straight_line.outcomes(program)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@example(program=LOST_UPDATE)
@example(program=HALF_LOCKED)
@example(program=LATE_CONFLICT)
@given(program=programs)
def test_the_same_outcomes_with_and_without_reduction(folder: Path, program: Program) -> None:
    agree(program, folder)


@pytest.mark.long
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(program=programs)
def test_the_same_outcomes_for_many_programs(folder: Path, program: Program) -> None:
    agree(program, folder)


def test_the_model_knows_the_lost_update() -> None:
    finals = {memory[0] for memory, _ in straight_line.outcomes(LOST_UPDATE)}
    assert finals == {1, 10, 11}
    assert {memory[0] for memory, _ in straight_line.outcomes(LOST_UPDATE, 0)} == {11}


def test_the_model_respects_locks() -> None:
    program = Program(tuple((Locked("state.first", (Add("state.x", amount),)),) for amount in (1, 10)))
    assert {memory[0] for memory, _ in straight_line.outcomes(program)} == {11}
