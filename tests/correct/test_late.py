"""Programs whose modules were imported before the harness: their locks exist already."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from .program import Program
from .programs import PROGRAMS

ROOT = Path(__file__).parents[2]

OUT_OF_REACH = frozenset({"partial_lock"})
"""Programs whose lock lives where the issue promises no replacement: neither in a module, class, instance, slot or
cell. It blocks in C then, which must be recognised."""


def test_programs_imported_before_the_harness() -> None:
    """The verdicts are as if the harness had been there first, and the process is left as it was."""
    finished = subprocess.run(
        [sys.executable, "-m", "tests.correct.late"], cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert finished.returncode == 0, finished.stderr
    found = {line["name"]: line for line in map(json.loads, finished.stdout.splitlines())}
    assert set(found) == {program.name for program in PROGRAMS}
    wrong = [found[program.name] for program in PROGRAMS if not as_it_should_be(program, found[program.name])]
    assert wrong == []


def as_it_should_be(program: Program, line: dict[str, Any]) -> bool:
    """Nothing left, and PASS; INCONCLUSIVE only where a thread may block in C."""
    may_block = program.blocks_in_c or program.name in OUT_OF_REACH
    return line["left"] == [] and (line["verdict"] == "PASS" or (may_block and line["verdict"] == "INCONCLUSIVE"))
