"""The corpus itself: large enough, well formed, and broken by concurrency alone."""

from __future__ import annotations

import pytest

from tests.quality import sequential
from tests.quality.corpus import CASES, Case

ids = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def test_the_corpus_is_large_enough() -> None:
    assert len(CASES) >= 40


def test_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_kind_of_failure_is_planted() -> None:
    assert {case.kind for case in CASES} == {
        "check",
        "deadlock",
        "double_init",
        "exception",
        "livelock",
        "lost_update",
        "lost_wakeup",
        "not_serializable",
        "torn_read",
        "two_instances",
    }


@ids
def test_every_variant_is_judged(case: Case) -> None:
    for variant in (case.broken, case.fixed):
        assert variant.check is not None or variant.observe is not None


@ids
def test_the_twins_run_the_same_number_of_threads(case: Case) -> None:
    assert len(case.broken.threads) == len(case.fixed.threads) >= 2


@ids
def test_the_fixed_twin_is_right_without_concurrency(case: Case) -> None:
    _import_what_it_needs(case)
    state, results = sequential.run(case.fixed, waits=case.waits)
    sequential.judge(case.fixed, state, results)


@pytest.mark.parametrize("case", [case for case in CASES if not case.waits], ids=lambda case: case.name)
def test_the_broken_variant_is_right_without_concurrency(case: Case) -> None:
    _import_what_it_needs(case)
    state, results = sequential.run(case.broken)
    sequential.judge(case.broken, state, results)


def _import_what_it_needs(case: Case) -> None:
    if case.needs is not None:
        pytest.importorskip(case.needs)
