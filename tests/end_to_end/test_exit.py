"""The interpreter that explored ends as any other: at once, and without a word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEADLOCK_WITH_A_POOL = """
import concurrent.futures
import sys
import threading
import types

import harness

sys.kept = []


def setup():
    return types.SimpleNamespace(total=0, gate=threading.Event())


def work(state):
    pool = concurrent.futures.ThreadPoolExecutor(1)
    sys.kept.append(pool)
    state.total += 1
    pool.submit(state.gate.wait).result()


if __name__ == "__main__":
    print(harness.explore(setup, [work, work], lambda state: None).failure.kind.value)
    print(any(thread.is_alive() for pool in sys.kept for thread in pool._threads))
"""

STUCK_BESIDE_A_TRACER = """
import os
import sys
import types

import harness

reader, writer = os.pipe()


def setup():
    return types.SimpleNamespace(total=0)


def work(state):
    state.total += 1
    os.read(reader, 1)


def explore():
    return harness.explore(setup, [work, work], lambda state: None, watchdog=0.5)


if __name__ == "__main__":
    if sys.version_info < (3, 12):
        sys.settrace(lambda frame, event, argument: None)
    print(explore().verdict.name)
    sys.settrace(None)
"""


def outcome(folder: Path, program: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a new interpreter."""
    path = folder / "program.py"
    path.write_text(program)
    ended = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=60, cwd=folder, check=False
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    ("program", "expected"),
    [(DEADLOCK_WITH_A_POOL, "deadlock\nFalse\n"), (STUCK_BESIDE_A_TRACER, "INCONCLUSIVE\n")],
    ids=["pool in a deadlock", "stuck in C"],
)
def test_exit(tmp_path: Path, program: str, expected: str) -> None:
    """Threads of a pool that a deadlock ended are not waited for; threads stuck in C do not hold the process."""
    assert outcome(tmp_path, program) == (0, expected, "")
