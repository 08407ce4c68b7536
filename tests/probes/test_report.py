"""The report: what a person reads, what a program reads, the command and the fixture."""

from __future__ import annotations

import json
import sys
import threading
import types
from pathlib import Path

import pytest
from click.testing import CliRunner

from fixtures.parallel_analyzer import PartialOfBoundMethod
from harness.probes import PickleReport, probe_pickle
from harness.probes.command import pickle_command
from harness.probes.text import render
from tests.probes.corpus.own.fine import Job

pytest_plugins = ["pytester"]

GOOD = {"a": 1}
BAD = {"lock": threading.Lock()}


def make_bad() -> object:
    return PartialOfBoundMethod().task()


def test_a_failure_says_path_type_line_way_and_advice() -> None:
    text = str(probe_pickle(make_bad(), start_method="spawn", name="job"))
    assert text.startswith("FAIL: job cannot be sent: ")
    assert "1. job.func.__self__.analyzer.handler.lock" in text
    assert "set at   fixtures/parallel_analyzer/analysis.py:53" in text
    assert "a partial is sent with its function and arguments" in text
    assert "all of the object goes along" in text
    assert "PartialOfBoundMethod._analyze is a bound method" in text
    assert "Fix that was tried and passes" in text


def test_the_how_to_shows_a_real_report() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "pickle-probe.md").read_text(encoding="utf-8")
    shown = page.partition("```text\n")[2].partition("```")[0].splitlines()
    text = str(probe_pickle(make_bad(), start_method="spawn", name="job", fixes=False))
    assert len(shown) == 5
    assert [line for line in shown if line not in text.splitlines()] == []


def test_a_fine_object_says_ok_and_what_is_no_problem() -> None:
    text = str(probe_pickle(Job(), start_method="spawn"))
    assert text.startswith("OK: obj: all of it reaches the worker unharmed")
    assert "obj.log is no problem: a logger is sent by its name" in text
    assert "work item, process-pool (fork, spawn, forkserver): dumps and loads" in text


def test_the_text_without_timings_is_the_same_every_time() -> None:
    first, second = (probe_pickle(Job(), start_method="spawn") for _ in range(2))
    assert render(first, timings=False).replace(first.asked_at or "", "") == render(second, timings=False).replace(
        second.asked_at or "", ""
    )


def test_verdicts_name_every_start_method_and_pickler() -> None:
    verdicts = probe_pickle(1, start_method="spawn").verdicts
    assert {(v.pickler, v.start_method) for v in verdicts} >= {
        ("process-pool", "fork"),
        ("process-pool", "spawn"),
        ("process-pool", "forkserver"),
        ("stdlib", "spawn"),
    }
    assert all(verdict.dumps and verdict.loads for verdict in verdicts)


class InMain:
    """Found here and under no other name; a worker by spawn or forkserver has no such class."""


def test_a_verdict_is_for_its_own_start_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "made_here", types.SimpleNamespace(InMain=InMain))
    monkeypatch.setattr(InMain, "__module__", "made_here")
    report = probe_pickle(InMain(), start_method="fork", fixes=False)
    loads = {verdict.start_method: verdict.loads for verdict in report.verdicts if verdict.pickler == "process-pool"}
    assert loads == {"fork": True, "spawn": False, "forkserver": False}
    assert "work item, process-pool (spawn, forkserver): dumps, does not load" in str(report)


def test_json_has_the_same_facts() -> None:
    report = probe_pickle(BAD, start_method="spawn")
    data = json.loads(json.dumps(report.to_json()))
    assert data["ok"] is False
    assert data["culprits"][0]["path"] == "obj['lock']"
    assert data["verdicts"][0]["dumps"] is False


def test_many_culprits_are_counted_and_not_all_told() -> None:
    report = probe_pickle([threading.Lock() for _ in range(500)], fixes=False)
    assert len(report.culprits) + report.more_culprits == 500
    assert len(str(report).splitlines()) < 100


def test_an_empty_report_is_ok() -> None:
    assert PickleReport("x", "stdlib", "spawn").ok


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["tests.probes.test_report:GOOD"], 0, "OK: obj"),
        (["tests.probes.test_report:BAD"], 1, "obj['lock']"),
        (["tests.probes.test_report:make_bad()", "--start-method", "spawn"], 1, "analysis.py:53"),
        (["tests.probes.sample_errors", "--exceptions"], 1, "Formatted"),
        (["tests.probes.test_report:NOTHING"], 2, "has no 'NOTHING'"),
        (["no_such_module:x"], 2, "No module named 'no_such_module'; run this in the folder that holds it"),
        (["tests.probes.test_report"], 2, "not of the form"),
        (["tests.probes.test_report:GOOD()"], 2, "cannot be called"),
        (["tests.probes.test_report:GOOD", "--pickler", "interpreter"], 2, "3.14"),
        (["tests.probes.test_report:GOOD", "--tasks", "0"], 2, "tasks"),
    ],
)
def test_the_command(arguments: list[str], code: int, said: str) -> None:
    if code == 2 and "interpreter" in arguments and hasattr(__import__("concurrent.futures"), "interpreter"):
        pytest.skip("this Python has interpreters")
    result = CliRunner().invoke(pickle_command, arguments)
    assert result.exit_code == code, result.output
    assert said in result.output


def test_the_command_prints_json() -> None:
    result = CliRunner().invoke(pickle_command, ["tests.probes.test_report:GOOD", "--json"])
    assert json.loads(result.output)["ok"] is True


def test_the_fixture_fails_a_test_with_the_report(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    pytester.makepyfile(
        """
        import threading

        def test_good(pickle_probe):
            pickle_probe.check({"a": 1})
            assert pickle_probe([1]).ok

        def test_bad(pickle_probe):
            pickle_probe.check({"lock": threading.Lock()}, fixes=False)
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*1. obj*'lock'*", "*test_the_fixture_fails_a_test_with_the_report.py:8*"])
