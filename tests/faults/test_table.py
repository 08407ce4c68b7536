"""The outcome table: what is kept in docs is what there is, and a part of it comes out the same again and again."""

from __future__ import annotations

import re
import signal

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.chaos_table import differing, stored, written
from harness import Plan, Verdict, survives
from harness.faults.catalogue import FAULTS
from harness.faults.pools import POOLS
from harness.faults.strategies import plans
from harness.faults.table import NOT_INSTALLED, Row, applies, cells, row, rows
from harness.kinds._chaos import markdown_of
from tests.docs.pages import DOCS

pytestmark = pytest.mark.once

ROOT = DOCS.parent
PAGE = (DOCS / "chaos-outcomes.md").read_text("utf-8")
KEPT = {tuple(line.split("|")[1:3]): line for line in PAGE.splitlines() if re.match(r"\| [a-z]+-", line)}


def line_of(found: Row) -> str:
    return markdown_of([found]).splitlines()[-1]


def kept(found: Row) -> str:
    return KEPT[f" {found.fault} ", f" {found.pool} "]


def test_the_page_has_every_cell_and_no_other() -> None:
    expected = {(f" {fault.name} ", f" {pool.name} ") for fault, pool in cells()}
    assert set(KEPT) == expected
    assert {fault for fault, _ in expected} == {f" {name} " for name in FAULTS}
    assert len(FAULTS) >= 20
    assert "inconclusive" not in PAGE
    assert NOT_INSTALLED not in PAGE


def test_what_is_not_installed_is_said() -> None:
    missing = POOLS["pebble"].__class__("pebble", POOLS["pebble"].where, POOLS["pebble"].make, "no_such_package")
    assert row(FAULTS["kill-in-body"], missing).resolved == NOT_INSTALLED


@pytest.mark.parametrize(
    ("fault", "pool"),
    [("kill-in-body", "fork"), ("kill-in-body", "mp-pool"), ("fork-held-lock", "fork"), ("submit-inside", "thread"),
     ("interrupt-in-body", "in-executor"), ("no-thread", "thread"), ("blocked-loop", "to-thread")],
)  # fmt: skip
def test_a_cell_is_as_the_page_says(fault: str, pool: str) -> None:
    found = row(FAULTS[fault], POOLS[pool])
    assert line_of(found) == kept(found)


@pytest.mark.parametrize(
    ("fault", "number"), [("interrupt-in-body", signal.SIGINT), ("terminate-in-body", signal.SIGTERM)]
)
def test_a_signal_strikes_where_the_shell_had_it_ignored(fault: str, number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        found = row(FAULTS[fault], POOLS["in-executor"])
    finally:
        signal.signal(number, before)
    assert line_of(found) == kept(found)


SOME = ("kill-in-body", "exit-in-body", "kill-idle", "error-that-does-not-load", "disk-full", "no-thread")


@pytest.mark.long
def test_a_part_of_the_table_is_the_same_in_ten_runs() -> None:
    chosen = cells(SOME, ("thread", "fork", "spawn", "loky"))
    assert len(chosen) > 12
    for _ in range(10):
        for found in rows(chosen, jobs=4):
            assert line_of(found) == kept(found)


def test_cells_that_differ_between_runs_are_found_and_the_recovery_time_is_none() -> None:
    first = [Row("kill-idle", "fork", "6 of 6", recovery=0.1), Row("kill-idle", "spawn", "6 of 6", lost=3)]
    second = [Row("kill-idle", "fork", "6 of 6", recovery=0.4), Row("kill-idle", "spawn", "6 of 6", lost=4)]
    assert not differing([first, first])
    assert list(differing([first, second])) == [("kill-idle", "spawn")]


def test_the_page_is_written_with_the_table_alone_replaced() -> None:
    new = markdown_of([Row("kill-idle", "fork", "6 of 6")])
    page = written(PAGE, new)
    assert new in page
    assert page.count("\n| ") == 3
    assert page.startswith(PAGE[: PAGE.index("| fault |")])


def test_the_page_is_of_the_recorded_runs_which_differ_in_one_cell() -> None:
    runs = stored(ROOT / "benchmarks" / "results" / "chaos-table.jsonl.gz")
    assert len(runs) == 10
    assert list(differing(runs)) == [("clock-back", "dask")]
    assert markdown_of(runs[0]) in PAGE


def test_which_faults_apply() -> None:
    assert not applies(FAULTS["kill-in-body"], POOLS["thread"])
    assert applies(FAULTS["blocked-loop"], POOLS["in-executor"])
    assert not applies(FAULTS["blocked-loop"], POOLS["spawn"])


@pytest.mark.long
def test_hypothesis_finds_the_smallest_plan_that_fails() -> None:
    """On a pool that loses tasks when a worker is killed, and survives a full disk."""
    failing: list[Plan] = []

    @settings(max_examples=12, deadline=None, derandomize=True, database=None, phases=[Phase.generate, Phase.shrink],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(plans(["disk-full", "kill-in-body"], tasks=3, seeds=1))
    def survive(plan: Plan) -> None:
        result = survives("tests.faults.pools:forked", [plan], delivery="at-least-once", tasks=3, patience=0.8)
        if result.verdict is not Verdict.PASS:
            failing.append(plan)
        result.raise_if_failed()

    with pytest.raises(AssertionError, match="lost_task"):
        survive()
    assert failing[-1] == Plan("kill-in-body", 1, 0)
