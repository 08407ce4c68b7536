"""The composite action and the workflows: what they use is pinned, and the action's own steps run here as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.gate_repository import ROOT, Repository

pytestmark = pytest.mark.once

FILES = [ROOT / "action.yml", *sorted((ROOT / ".github" / "workflows").glob("*.yml"))]


def zizmor(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "zizmor"), "--offline", "--no-progress", "--quiet", str(path)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_linter_has_nothing_to_say(path: Path) -> None:
    done = zizmor(path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (r"actions/checkout@\w{40} # v5.0.0", "actions/checkout@v5"),
        ("permissions:\n  contents: read", "permissions: write-all"),
    ],
)
def test_the_linter_sees_what_it_is_there_for(tmp_path: Path, good: str, bad: str) -> None:
    text, count = re.subn(good, bad, (ROOT / ".github" / "workflows" / "concurrency.yml").read_text("utf-8"))
    assert count
    path = tmp_path / ".github" / "workflows" / "concurrency.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    assert zizmor(path).returncode != 0


def step(name: str) -> dict[str, Any]:
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    (found,) = [step for step in action["runs"]["steps"] if step.get("name") == name]
    return dict(found)


def run_gate_step(repository: Repository, tmp_path: Path, base: str, arguments: str) -> tuple[int, str]:
    """The step as a runner would do it, with the values of its expressions filled in."""
    values = {"BASE": base, "ARGUMENTS": arguments, "RESULTS": str(tmp_path / "results")}
    assert set(step("gate")["env"]) == set(values)
    harness = tmp_path / "bin" / "harness"
    harness.parent.mkdir()
    harness.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from harness.cli import main; main()' \"$@\"\n")
    harness.chmod(0o755)
    environment = repository.environment(tmp_path / "summary.md") | values
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step("gate")["run"]], cwd=repository.folder,
        env={**environment, "PATH": f"{harness.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_action_fails_on_a_lost_update_and_keeps_its_results(repository: Repository, tmp_path: Path) -> None:
    repository.add_counter(locked=False)
    code, text = run_gate_step(repository, tmp_path, "HEAD~1", "--only scenarios")
    assert code == 1, text
    assert "::error file=counter.py,line=10" in text
    assert "`counter.py:10`" in (tmp_path / "summary.md").read_text("utf-8")
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"gate.jsonl", "gate.html", "junit.xml"}


def test_the_action_does_without_a_base_that_is_not_there(repository: Repository, tmp_path: Path) -> None:
    repository.write("README", "text\n")
    repository.commit("document")
    code, text = run_gate_step(repository, tmp_path, "0" * 40, "--only scenarios")
    assert code == 4, text
    assert "NOTHING MEASURED" in text and "no such commit" not in text
