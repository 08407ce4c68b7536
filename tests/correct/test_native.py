"""The corpus on CPython's own threads, without the harness: a program that fails here is not correct."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from .programs import PROGRAMS

ROOT = Path(__file__).parents[2]


def test_names_are_unique() -> None:
    """Each program can be named in a report."""
    repeated = [name for name, count in Counter(program.name for program in PROGRAMS).items() if count > 1]
    assert not repeated


def test_corpus_is_large_enough() -> None:
    """The issue asks for at least 40, and most of them without a thread blocking in C."""
    assert len([program for program in PROGRAMS if not program.blocks_in_c]) >= 48


def test_correct_on_real_threads() -> None:
    """Every program holds in several forked repetitions with the shortest switch interval."""
    finished = subprocess.run(
        [sys.executable, "-m", "tests.correct.native", "--repeats", "3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
