"""The diagnosis on real threads and workers: each kind of slowdown beside the same work without it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.gate.causes import name_cause

pytestmark = [pytest.mark.long, pytest.mark.serial]  # a machine that is full has other bottlenecks
ROOT = Path(__file__).parents[2]


def diagnosed(*words: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "tests.unit.diagnosed_work", *words], cwd=ROOT, capture_output=True,
                          text=True, check=True, timeout=100)  # fmt: skip
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def free() -> dict[str, Any]:
    return diagnosed("releases_the_gil")


def cause(base: dict[str, Any], head: dict[str, Any]) -> str:
    return name_cause(base, head, frozenset({"parallelism"}), {}, {})


def test_the_gil_is_seen(free: dict[str, Any]) -> None:
    held = diagnosed("holds_the_gil")
    assert held["gil"] > 0.3 > free["gil"]
    assert "GIL held" in cause(free, held) and "lock wait" not in cause(free, held)


@pytest.mark.parametrize("kind", ["under_a_lock", "under_a_semaphore"])
def test_a_lock_is_seen_at_the_line_that_takes_it(free: dict[str, Any], kind: str) -> None:
    locked = diagnosed(kind)
    assert Path(locked["lock_file"]).name == "diagnosed_work.py"
    assert locked["lock_line"] == locked["expected_line"]
    assert free["lock"] < 0.1 < locked["lock"]
    said = cause(free, locked)
    assert f"diagnosed_work.py:{locked['lock_line']}" in said and "GIL held" not in said


def test_what_is_sent_to_workers_is_counted_per_task() -> None:
    few, many, large = (diagnosed("map", size, chunk) for size, chunk in (("10", "20"), ("10", "1"), ("100000", "1")))
    assert many["messages"] > 3 * few["messages"]
    assert large["bytes"] > 100_000 > few["bytes"]
    assert "serialisation" in cause(few, many) and "serialisation" in cause(many, large)
