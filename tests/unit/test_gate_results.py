"""The exit code, from results alone: nothing measured never passes, and every renderer says what was found."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from harness.gate import records
from harness.gate.causes import name_cause
from harness.gate.course import different
from harness.gate.results import Exit, Found, GateResult, Judged, Pair, Scenario, Status, conclude
from harness.model import UsageError
from harness.report import gate_html, gate_text
from harness.stats.decision import Rule
from harness.stats.pairs import Slice

FOUND = Found("marked", "bench.py::work", "bench.py", 7)
RULE = Rule.standard(1)
PASSED = Scenario("t.py::test_a", "passed", "t.py", 1)
FAILED = Scenario("t.py::test_b", "failed", "app.py", 42, "lost_update", "one, two: 100 % lost\nhere")


def pairs(ratio: float, count: int = 20) -> list[Pair]:
    slices = (Slice("base", 0.04, 0.04, 10), Slice("head", 0.04, 0.04 * ratio, 10))
    return [Pair(slices, 0.5)] * count


def result(*judged: Judged, scenarios: tuple[Scenario, ...] = (PASSED,)) -> GateResult:
    return GateResult("base", "head", judged, scenarios, 1.0)


def test_a_gate_that_measured_nothing_never_passes() -> None:
    no_pair = conclude(FOUND, [], RULE)
    skipped, cut = (Scenario("t.py::test_a", outcome, "t.py", 1) for outcome in ("skipped", "inconclusive"))
    good = conclude(FOUND, pairs(1.0), RULE)
    assert result().exit() is Exit.NOTHING_MEASURED
    assert result(no_pair).exit() is Exit.NOTHING_MEASURED
    assert result(Judged(FOUND, Status.NEW)).exit() is Exit.NOTHING_MEASURED
    assert result(good, scenarios=()).exit() is Exit.NOTHING_MEASURED
    assert result(good, scenarios=(skipped,)).exit() is Exit.NOTHING_MEASURED
    undone = dataclasses.replace(result(good, scenarios=(cut,)), undone=("scenarios without an answer within 2 s: 1",))
    assert undone.exit() is Exit.NOTHING_MEASURED
    assert result(good).exit() is Exit.PASS
    assert GateResult("base", "head", (good,), (PASSED,), 1.0, parts=()).exit() is Exit.NOTHING_MEASURED
    assert result(good, Judged(FOUND, Status.CRASHED, note="head cannot run it")).exit() is Exit.CRASH
    assert dataclasses.replace(result(good), problems=("pytest ended with 3",)).exit() is Exit.CRASH


def test_what_is_undecided_is_not_called_a_pass() -> None:
    for unsure in (
        result(conclude(FOUND, pairs(1.0), RULE), conclude(FOUND, pairs(1.0, 3), RULE)),
        dataclasses.replace(result(conclude(FOUND, pairs(1.0), RULE)), undone=("the scenarios were stopped",)),
    ):
        assert unsure.exit(strict=True) is Exit.INCONCLUSIVE
        assert unsure.exit() is Exit.PASS
        assert not gate_text.conclusion(unsure, Exit.PASS).startswith("PASS")
        assert any(line.startswith("::warning") for line in gate_text.github_annotations(unsure))


def test_results_differ_only_when_two_pairs_agree() -> None:
    same, other, odd = {"base": "a", "head": "a"}, {"base": "a", "head": "b"}, {"base": "a", "head": "c"}
    nothing = {"base": "", "head": "b"}
    assert different([other, other])
    assert not any(map(different, ([other], [same, same], [other, odd], [other, same], [nothing, nothing])))


def test_exit_codes() -> None:
    assert result(conclude(FOUND, pairs(1.3), RULE)).exit() is Exit.REGRESSION
    assert result(conclude(FOUND, pairs(1.0), RULE), scenarios=(FAILED,)).exit() is Exit.REGRESSION
    assert result(Judged(FOUND, Status.DIFFERENT)).exit() is Exit.REGRESSION
    unsure = result(conclude(FOUND, pairs(1.0, 3), RULE))
    assert (unsure.exit(), unsure.exit(strict=True)) == (Exit.PASS, Exit.INCONCLUSIVE)


def test_an_open_verdict_says_how_much_longer() -> None:
    judged = conclude(FOUND, pairs(1.0, 3), RULE)
    assert judged.status is Status.INCONCLUSIVE
    assert judged.more_seconds is not None
    assert "s more" in gate_text.remark(judged)


def test_annotations_name_the_line_and_are_escaped() -> None:
    slow = conclude(FOUND, pairs(1.3), RULE, cause="more CPU")
    race, benchmark = gate_text.github_annotations(result(slow, scenarios=(FAILED,)))
    assert race.startswith("::error file=app.py,line=42,title=lost_update::")
    assert "100 %25 lost%0Ahere" in race
    assert benchmark.startswith("::error file=bench.py,line=7,title=REGRESSION::")
    assert "more CPU" in benchmark


def test_summary_and_page_hold_the_table_and_no_markup_of_the_users() -> None:
    evil = Found("marked", "bench.py::<script>|x", "bench.py", 1)
    whole = result(conclude(evil, pairs(1.3), RULE), scenarios=(FAILED,))
    text, page = gate_text.markdown(whole, Exit.REGRESSION), gate_html.page(whole, Exit.REGRESSION)
    assert "REGRESSION" in text and "1.30" in text and "app.py:42" in text and "\\|x" in text
    assert "<svg" in page and "1.30" in page and "<script>" not in page and "<script>" not in text
    assert "src=" not in page and "href=" not in page


def write(path: Path, whole: GateResult, observed: list[Pair]) -> None:
    with path.open("w") as out:
        writer = records.Writer(out)
        writer.header(RULE)
        for pair in observed:
            writer.pair(FOUND, pair)
        writer.whole(whole)


def test_the_verdict_follows_again_from_the_slices(tmp_path: Path) -> None:
    whole = result(conclude(FOUND, pairs(1.3), RULE, cause="more CPU"))
    write(tmp_path / "gate.jsonl", whole, pairs(1.3))
    again, code = records.recompute(tmp_path / "gate.jsonl")
    assert again == whole
    assert code == int(again.exit()) == 1


def test_a_record_that_was_tampered_with_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gate.jsonl"
    write(path, result(conclude(FOUND, pairs(1.3), RULE)), pairs(1.3))
    path.write_text(path.read_text().replace('"status": "REGRESSION"', '"status": "PASS"'))
    with pytest.raises(UsageError, match="slices say REGRESSION"):
        records.recompute(path)
    path.write_text("\n".join(line for line in path.read_text().splitlines() if '"what": "pair"' not in line))
    with pytest.raises(UsageError, match="without a recorded slice"):
        records.recompute(path)
    write(path, GateResult("base", "head", (), (PASSED,), 1.0), pairs(1.3))
    with pytest.raises(UsageError, match="slices and no verdict"):
        records.recompute(path)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:1]))
    with pytest.raises(UsageError, match="ends before the gate did"):
        records.recompute(path)
    path.write_text("no json")
    with pytest.raises(UsageError, match="no record of a gate"):
        records.recompute(path)
    with pytest.raises(UsageError, match="give the file"):
        records.recompute(tmp_path / "missing")


QUIET = {"messages": 0.0, "bytes": 0.0, "gil": 0.0, "started": 0.0, "lock": 0.0, "busy": 2.0,
         "threads": 3, "lock_file": "", "lock_line": 0}  # fmt: skip
SAME = {"base": 0.1, "head": 0.1}


@pytest.mark.parametrize(
    ("change", "slower", "wanted"),
    [
        ({}, "cost", "more CPU"),
        ({"gil": 0.9}, "parallelism", "GIL held"),
        ({"gil": 0.9, "threads": 1}, "cost", "more CPU"),
        ({"lock": 0.7, "lock_file": "app.py", "lock_line": 3}, "parallelism", "lock wait"),
        ({"messages": 2.0}, "cost", "serialisation"),
        ({"bytes": 1e6}, "cost", "serialisation"),
        ({"started": 1.0}, "cost", "start-up"),
        ({"busy": 1.0}, "parallelism", "queueing"),
        ({}, "parallelism", ""),
    ],
)
def test_causes(change: dict[str, float], slower: str, wanted: str) -> None:
    found = name_cause(QUIET, {**QUIET, **change}, frozenset({slower}), SAME, SAME)
    assert (wanted in found) if wanted else found == ""


def test_records_are_json_lines(tmp_path: Path) -> None:
    write(tmp_path / "gate.jsonl", result(conclude(FOUND, pairs(1.0), RULE)), pairs(1.0))
    kinds = [json.loads(line)["what"] for line in (tmp_path / "gate.jsonl").read_text().splitlines()]
    assert kinds == ["rule", *["pair"] * 20, "verdict", "scenario", "gate"]
