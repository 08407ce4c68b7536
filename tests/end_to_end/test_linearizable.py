"""Linearizability as a user meets it: the how-to's examples, the fixture's settings, the printed command replays."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.end_to_end.user_project import Project

pytestmark = pytest.mark.once

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "linearizability.md"


def blocks(language: str) -> list[str]:
    """The fenced blocks of the page in ``language``."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    return [text for name, text in fenced if name == language]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, {"test_names.py": blocks("python")[0]})


def test_the_page_shows_what_is_printed(project: Project) -> None:
    run = project.pytest("-m", "concurrency")
    assert run.returncode == 1, run.text
    assert blocks("")[0].strip() in run.text, run.text
    run.line(r"test_names_are_linearizable: FAIL: not_linearizable in program")


def test_the_page_shows_the_result(tmp_path: Path) -> None:
    project = Project(tmp_path, {"counter.py": blocks("python")[1]})
    run = project.command("counter")
    assert run.returncode == 0, run.text
    assert [line.rstrip() for line in run.lines if line] == blocks("")[1].splitlines(), run.text
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}
    assert left == {"counter.py", "pytest.ini"}


def test_the_printed_command_replays(project: Project) -> None:
    first = project.pytest()
    command = first.line(r"^replay: pytest ").split()[2:]
    again = project.pytest(*command)
    assert again.returncode == 1, again.text
    assert again.line("^not_linearizable: ") == first.line("^not_linearizable: ")
    assert again.line(r"after \d+ schedules") != first.line(r"after \d+ schedules")


def test_repaired_code_passes_and_says_what_was_proved(project: Project) -> None:
    broken = blocks("python")[0]
    locked = broken.replace(
        "        if name in self.taken:\n            return False\n        with self.lock:\n",
        "        with self.lock:\n            if name in self.taken:\n                return False\n",
    )
    assert locked != broken
    project.write("test_names.py", locked)
    run = project.pytest("--concurrency-preemptions=1", "--concurrency-schedules=600")
    assert run.outcomes == {"passed": 1}, run.text
    run.line(
        r"PASS: linearizable: \d+ programs of 2 threads in all schedules with at most 1 preemption; .*"
        r"stopped by the budget of 600 schedules"
    )
