"""Programs whose modules were imported before the harness: their locks exist already."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .program import Program
from .programs import PROGRAMS

ROOT = Path(__file__).parents[2]

OUT_OF_REACH = frozenset({"partial_lock"})
"""Programs whose lock lives where the issue promises no replacement: neither in a module, class, instance, slot or
cell. It blocks in C then, which must be recognised."""


@functools.cache
def lines() -> dict[str, dict[str, Any]]:
    """One line for each program, from a process of its own."""
    finished = subprocess.run(
        [sys.executable, "-m", "tests.correct.late"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return {line["name"]: line for line in map(json.loads, finished.stdout.splitlines())}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_program_imported_before_the_harness(program: Program) -> None:
    """The verdict is as if the harness had been there first, and the process is left as it was."""
    line = lines()[program.name]
    assert line["left"] == []
    assert line["verdict"] != "FAIL", line["reason"]
    if not program.blocks_in_c and program.name not in OUT_OF_REACH:
        assert line["verdict"] == "PASS", line["reason"]
