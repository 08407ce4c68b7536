"""Targets configured in pyproject.toml and lock sensitivity, as their users meet them."""

from __future__ import annotations

from pathlib import Path

import pytest
from user_project import Project

pytestmark = pytest.mark.once

STATS = """\
from threading import Lock


class Stats:
    def __init__(self):
        self.total = 0
        self.lock = Lock()
        self.spare = Lock(){comment}

    def record(self):
        with self.lock:
            self.total += 1
        with self.spare:
            pass

    def read(self):
        with self.lock:
            return {{"total": self.total}}


class Racy(Stats):
    def record(self):
        self.total += 1
"""
TABLE = """\
[tool.pytest.ini_options]
addopts = "-p no:cacheprovider"
[tool.harness.targets.stats]
make = "app.stats:Stats"
call = ["record()"]
observe = "read()"
kinds = ["hammer"]
threads = 4
"""


def project(folder: Path, table: str = TABLE, comment: str = "") -> Project:
    made = Project(folder, {"app/stats.py": STATS.format(comment=comment), "pyproject.toml": table})
    (folder / "pytest.ini").unlink()
    return made


def test_items_are_collected_without_a_test_file(tmp_path: Path) -> None:
    run = project(tmp_path).pytest("-m", "concurrency")
    assert run.outcomes == {"passed": 1}, run.text
    assert run.line(r"pyproject.toml::stats::hammer: PASS: proved at 3 threads with at most 2 preemptions")


def test_the_table_of_the_gate_stands_beside_them(tmp_path: Path) -> None:
    run = project(tmp_path, f"{TABLE}[tool.harness.gate]\nscenarios = ['tests']\n").pytest("-m", "concurrency")
    assert run.outcomes == {"passed": 1}, run.text


@pytest.mark.parametrize("more", [("-n", "2"), ("-k", "hammer"), ("--junitxml=junit.xml",)])
def test_other_options_of_pytest_work(tmp_path: Path, more: tuple[str, ...]) -> None:
    assert project(tmp_path).pytest("-m", "concurrency", *more).outcomes == {"passed": 1}


def test_items_can_be_listed_deselected_and_named(tmp_path: Path) -> None:
    made = project(tmp_path)
    assert made.pytest("--collect-only", "-q").line("pyproject.toml::stats::hammer")
    assert made.pytest("--deselect", "pyproject.toml::stats::hammer").outcomes == {"deselected": 1}
    assert made.pytest("pyproject.toml::stats::hammer").outcomes == {"passed": 1}


def test_nothing_is_collected_when_the_user_names_a_file(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.write("test_own.py", "def test_own(): pass\n")
    assert made.pytest("test_own.py").outcomes == {"passed": 1}
    assert made.pytest().outcomes == {"passed": 2}


def test_another_implementation_is_chosen(tmp_path: Path) -> None:
    run = project(tmp_path).pytest("-m", "concurrency", "--target", "stats=app.stats:Racy")
    assert run.outcomes == {"failed": 1}
    assert run.line("FAIL: lost_update")


def test_a_kind_that_does_not_fit_says_why(tmp_path: Path) -> None:
    run = project(tmp_path, TABLE.replace('kinds = ["hammer"]\n', "")).pytest("-m", "concurrency")
    assert run.line("stats: singleton does not fit: Stats\\(\\) makes a new object each time")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[tool.harness.targets", "[tool.harness.target", r"pyproject.toml \[tool.harness\] target: unknown key; did"),
        ("threads = 4", "thread = 4", r"pyproject.toml \[tool.harness.targets.stats\] thread: unknown key; did"),
        ("threads = 4", "threads = 'x'", r"threads: must be a whole number, not 'x'"),
        ("threads = 4", "threads = 1", r"threads: must be at least 2, not 1"),
        ('"hammer"', '"hamer"', r"kinds: there is no kind 'hamer'; did you mean hammer\? the kinds are cache"),
        ("app.stats:Stats", "app.stat:Stats", r"make: importing app.stat raised ModuleNotFoundError"),
        ("app.stats:Stats", "app.stats:Stat", r"make: app.stats has no Stat; did you mean Stats"),
        ('["record()"]', '["record("]', r"call\[0\]: 'record\(' is no Python expression: .* at column 7"),
        ('["record()"]', '["recrd()"]', r"call\[0\]: 'recrd\(\)': Stats has no recrd; did you mean record"),
        ('make = "app.stats:Stats"\n', "", r"make: missing; add make"),
    ],
)
def test_a_bad_entry_is_one_clear_error(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TABLE
    run = project(tmp_path, TABLE.replace(old, new)).pytest("-m", "concurrency")
    assert run.returncode not in (0, 5)
    assert run.line(message)
    assert "Traceback" not in run.text


def test_a_lock_that_no_scenario_needs_is_reported(tmp_path: Path) -> None:
    run = project(tmp_path).pytest("-m", "concurrency", "--sensitivity")
    assert run.returncode == 1
    assert run.line(r"lock not covered: app/stats.py, line 8 \(Lock made a no-op\)")
    assert "line 7" not in run.text, "the lock that the scenario does need"


def test_a_lock_is_accepted_by_a_comment_with_a_reason(tmp_path: Path) -> None:
    run = project(tmp_path, comment="  # harness: lock not needed: for show").pytest("--sensitivity")
    assert run.returncode == 0, run.text
    assert run.line(r"lock not needed: app/stats.py, line 8 .*: for show")
    assert run.line("2 of 2 changes to locks noticed or accepted")
