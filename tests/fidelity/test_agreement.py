"""Every script must give the same outcomes natively, beside the harness, and inside a controlled run."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import harness

from .scripts import SCRIPTS

ROOT = Path(__file__).parents[2]
LOCK_LIKE = ("Lock", "RLock")


@functools.cache
def native_outcomes() -> dict[str, Any]:
    """What CPython's own primitives do, from a process of its own."""

    finished = subprocess.run(
        [sys.executable, "-m", "tests.fidelity.native"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    outcomes: dict[str, Any] = json.loads(finished.stdout)
    return outcomes


def as_json(outcomes: object) -> Any:
    """Outcomes as they look after the way through JSON."""
    return json.loads(json.dumps(outcomes))


@pytest.mark.parametrize("name", SCRIPTS)
def test_outside_a_run(name: str) -> None:
    """The dual-mode objects are ordinary while nothing is explored."""
    assert as_json(SCRIPTS[name]()) == native_outcomes()[name]


ORDERED_BY_ADDRESS = {"executors.waiting", "executors.results"}
"""`as_completed` yields finished futures in the order of a set, that is of their addresses: no two runs need agree."""


@pytest.mark.parametrize("name", SCRIPTS)
def test_inside_a_run(name: str) -> None:
    """The script runs in one controlled thread beside another that shares an attribute with it."""
    script = SCRIPTS[name]
    seen: list[Any] = []

    def setup() -> SimpleNamespace:
        return SimpleNamespace(touched=0)

    def run_script(state: SimpleNamespace) -> list[object]:
        state.touched += 1
        outcomes = script()
        state.touched += 1
        return outcomes

    def touch(state: SimpleNamespace) -> None:
        state.touched += 1

    def check(state: SimpleNamespace, results: Sequence[object]) -> None:
        seen.append(as_json(results[0]) if isinstance(results[0], list) else results[0])

    exploration = harness.explore(
        setup, [run_script, touch], check, preemptions=1, schedules=20, expected=(BaseException,)
    )
    assert seen, exploration
    for outcomes in seen:
        assert outcomes == native_outcomes()[name]
    if name in ORDERED_BY_ADDRESS and exploration.verdict is harness.Verdict.INCONCLUSIVE:
        assert "not deterministic" in exploration.reason, exploration
        return
    assert exploration.verdict is harness.Verdict.PASS, exploration


@pytest.mark.parametrize("factory", LOCK_LIKE)
def test_public_names(factory: str) -> None:
    """A lock has every public name of CPython's own."""
    code = f"import threading; print(*(name for name in dir(threading.{factory}()) if name[0] != '_'))"
    native = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(native.stdout.split()) <= set(dir(getattr(threading, factory)()))
