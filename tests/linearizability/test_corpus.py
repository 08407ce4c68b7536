"""Both directions: generated programs find every wrong structure, small, and no right one; equal seeds, equal finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import harness
from tests.linearizability.corpus import ALL, CASES, LIBRARY, Case

FEW, MORE = 10, 40
"""Programs for what must pass, in the default suite and in the long one; `tests.linearizability.figures` makes all."""

SEEDS = 10
"""How many of a case's seeds the long suite tries; `tests.linearizability.figures` tries all."""

quick = pytest.mark.parametrize("case", [c for c in CASES if c.threads == 2], ids=lambda case: case.name)
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
library = pytest.mark.parametrize("name", LIBRARY)


def found(case: Case, seed: int) -> harness.Linearizability:
    """A find of the right kind and size."""
    result = harness.linearizable(case.wrong, case.calls, seed=seed, **case.options)
    assert result.verdict is harness.Verdict.FAIL, result.reason
    assert result.failure is not None
    assert result.failure.kind == case.kind, result.reason
    assert len(result.program) <= case.threads, result.reason
    assert max(map(len, result.program)) <= case.operations, result.reason
    return result


@quick
def test_the_wrong_structure_is_found_and_replays(case: Case, tmp_path: Path) -> None:
    first = found(case, 0)
    failure = first.failure
    assert failure is not None
    path = failure.witness.save(tmp_path / "witness.json")
    again = harness.linearizable(case.wrong, case.calls, key=case.options.get("key"), replay=path)
    assert again.failure is not None
    assert (again.failure.message, again.history, again.program) == (failure.message, first.history, first.program)
    assert again.schedules < first.schedules
    twin = harness.linearizable(case.right, case.calls, key=case.options.get("key"), replay=path)
    assert twin.verdict is not harness.Verdict.FAIL, twin.reason


@quick
def test_another_seed_finds_it_too(case: Case) -> None:
    one, two = found(case, 7), found(case, 7)
    assert one.failure is not None and two.failure is not None
    assert one.failure.message == two.failure.message
    assert (one.program, one.history, one.schedules, one.holds) == (two.program, two.history, two.schedules, two.holds)


@quick
def test_the_smallest_program_is_no_luck(case: Case) -> None:
    """The failing program has no operation that could be left out."""
    program = found(case, 0).program
    options = {name: value for name, value in case.options.items() if name != "programs"}
    for thread, calls in enumerate(program):
        for index in range(len(calls)):
            if len(calls) == 1:
                continue
            shorter = [list(one) for one in program]
            del shorter[thread][index]
            result = harness.linearizable(case.wrong, case.calls, program=shorter, **options)
            assert result.failure is None or result.failure.kind != case.kind, result.reason


@cases
def test_the_twin_passes(case: Case) -> None:
    assert_passes(case.right, case.calls, **{**case.options, "programs": FEW})


@library
def test_the_library_passes(name: str) -> None:
    make, calls = LIBRARY[name]
    assert_passes(make, calls, programs=FEW)


def assert_passes(make: Any, calls: Any, **options: Any) -> None:
    result = harness.linearizable(make, calls, **options)
    assert result.verdict is harness.Verdict.PASS, result.reason
    assert result.proved is not None and "overlapped" in result.reason
    assert result.schedules > result.programs


@pytest.mark.long
@cases
def test_other_seeds_find_it(case: Case) -> None:
    for seed in range(1, min(SEEDS, case.seeds)):
        found(case, seed)


@pytest.mark.long
@cases
def test_the_twin_passes_more_programs(case: Case) -> None:
    assert_passes(case.right, case.calls, **{**case.options, "programs": MORE, "schedules": ALL})


@pytest.mark.long
@library
def test_the_library_passes_more_programs(name: str) -> None:
    make, calls = LIBRARY[name]
    assert_passes(make, calls, programs=MORE, schedules=ALL)
