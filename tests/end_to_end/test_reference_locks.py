"""The lock sensitivity of the reference modules: the page shows what the command prints; a lock left open fails it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness
from scenarios.reference import Form, forms
from scenarios.reference.locks import FIXTURES, FOLDER, broken, locks, main

PAGE = FOLDER.parent / "docs" / "how-to" / "sensitivity.md"
MODULE = """\
from threading import Lock


class Stats:
    def __init__(self):
        self.total = 0
        self.lock = Lock()
        self.spare = Lock(){comment}

    def record(self):
        with self.lock:
            self.total += 1
        {use}
"""
USES = "with self.spare: pass"


def shown() -> str:
    text = PAGE.read_text("utf-8").partition("| lock ")[2]
    return "| lock " + text.partition("\n\nIt exits")[0]


def test_the_page_names_every_lock_of_the_repaired_forms() -> None:
    made = {f"{Path(file).relative_to(FIXTURES.parent)}:{line}" for file, line in locks(FIXTURES, broken(forms()))}
    rows = [line for line in shown().splitlines() if line.startswith("| fixtures")]
    assert {row.split()[1] for row in rows} == made, "run python -m scenarios.reference.locks and show what it prints"


@pytest.mark.long
def test_the_command_prints_the_table_of_the_page() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "scenarios.reference.locks"],
        cwd=FIXTURES.parent, capture_output=True, text=True, timeout=1400,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.strip() == shown()


class Folder:
    """A folder of reference modules with one module, and its form."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = ""

    def stats(self, comment: str = "", use: str = USES) -> list[Form]:
        self.name = f"stats_{len(list(self.path.iterdir()))}"
        (self.path / f"{self.name}.py").write_text(MODULE.format(comment=comment, use=use), "utf-8")
        return [Form(self.path.name, self.name, "hammer", self._hammer)]

    def _hammer(self, explore: harness.Exploration) -> harness.Exploration:
        return harness.hammer(
            __import__(self.name).Stats, "record()", observe="total", threads=2, modules=(self.name,)
        )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Folder(tmp_path)
    yield made
    sys.modules.pop(made.name, None)


def test_a_lock_that_no_scenario_needs(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(folder.stats(), folder.path) == 1
    said = capsys.readouterr()
    assert "stats_0.py, line 8 (Lock made a no-op)" in said.err
    assert len(said.err.splitlines()) == 1, "the other lock is needed"
    assert "fails: hammer" in said.out
    assert said.out.endswith("2 of 2 locks taken; 1 of 2 changes to them noticed or accepted\n")


@pytest.mark.parametrize("use", [USES, "pass"])
def test_a_reason_at_its_line_settles_it(folder: Folder, use: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(folder.stats("  # harness: lock not needed: for show", use), folder.path) == 0
    assert "accepted: for show" in capsys.readouterr().out


def test_a_lock_that_no_scenario_takes(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(folder.stats(use="pass"), folder.path) == 1
    assert capsys.readouterr().err.startswith("lock in no scenario: ")


def test_a_lock_that_only_processes_can_show(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(folder.stats("  # harness: lock not tried: it is taken in workers", "pass"), folder.path) == 0
    assert "not tried: it is taken in workers" in capsys.readouterr().out


def test_a_comment_without_a_reason_settles_nothing(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(folder.stats("  # harness: lock not tried", "pass"), folder.path) == 1
    assert "gives no reason" in capsys.readouterr().err


def test_locks_of_broken_forms_are_left_out(folder: Folder) -> None:
    (form,) = folder.stats()
    failing = Form(form.module, form.form, form.scenario, form.run, "lost_update")
    assert len(list(locks(folder.path, broken([form])))) == 2
    assert list(locks(folder.path, broken([failing]))) == []


def test_no_lock_at_all_is_no_success(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], folder.path) == 1
    assert "no lock was found" in capsys.readouterr().err
