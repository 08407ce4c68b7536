"""What a new user does: the built wheel in a fresh environment, outside this repository, followed page and all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, blocks, follow, run

PAGE = DOCS / "how-to" / "new-repository.md"

pytestmark = pytest.mark.long


def test_a_new_repository_does_what_the_page_shows(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    folder.mkdir()
    environment = {
        "PIP_CONSTRAINT": str(constraints(tmp_path)),
        "PIP_QUIET": "2",  # an index of this machine may warn
        "PYTEST_ADDOPTS": "--rootdir=.",  # a configuration file further up could make itself the root
    }
    assert follow(PAGE, folder, **environment) == 7
    imported = run(".venv/bin/python -c 'import harness; print(harness.__file__)'", folder).strip()
    assert Path(imported).is_relative_to(folder / ".venv"), "the wheel, not this repository"
    left = {".venv", ".harness", ".pytest_cache"}
    assert {path.name for path in folder.iterdir()} == {"app", "pyproject.toml", *left}


def test_the_configuration_is_eight_lines() -> None:
    (text,) = [block.text for block in blocks(PAGE) if block.file == "pyproject.toml"]
    assert len(text.splitlines()) == 8


def constraints(folder: Path) -> Path:
    """The pinned versions, and of this package the wheel that is built here, so that no index is asked for it."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    path = folder / "constraints.txt"
    pins = (ROOT / "constraints.txt").read_text("utf-8")
    path.write_text(f"{pins}\nconcurrency-harness @ {wheel.as_uri()}\n", "utf-8")
    return path
