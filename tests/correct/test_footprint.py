"""The detectors of this folder must be able to fail: a left-over thread, a patch, a wrong program."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

import harness

from . import footprint
from .footprint import Footprint
from .program import Program
from .test_programs import assert_not_wrong, explore

ROOT = Path(__file__).parents[2]


@contextmanager
def left_thread() -> Iterator[None]:
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait)
    thread.start()
    yield
    leave.set()
    thread.join()


@contextmanager
def patched_clock() -> Iterator[None]:
    native = time.monotonic
    time.monotonic = lambda: native()
    yield
    time.monotonic = native


@contextmanager
def patched_thread() -> Iterator[None]:
    native = threading.Thread.join
    threading.Thread.join = lambda self, timeout=None: native(self, timeout)  # type: ignore[method-assign]
    yield
    threading.Thread.join = native  # type: ignore[method-assign]


@contextmanager
def replaced_lock() -> Iterator[None]:
    native = threading.Lock
    threading.Lock = lambda: native()  # type: ignore[misc,assignment]
    yield
    threading.Lock = native  # type: ignore[misc]


@contextmanager
def collector_off() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@contextmanager
def pinned() -> Iterator[None]:
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    yield
    os.sched_setaffinity(0, cpus)


@contextmanager
def profiled() -> Iterator[None]:
    before = sys.getprofile()
    sys.setprofile(lambda *event: None)
    yield
    sys.setprofile(before)


@pytest.mark.parametrize(
    "disturb",
    [left_thread, patched_clock, patched_thread, replaced_lock, collector_off, profiled, pinned],
    ids=lambda disturb: disturb.__name__,
)
def test_footprint_notices(disturb: Callable[[], Iterator[None]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of left-over shows while it is there, and only then."""
    if disturb is pinned and len(os.sched_getaffinity(0)) == 1:
        pytest.skip("this machine allows one CPU only, so pinning changes nothing")
    monkeypatch.setattr(footprint, "SETTLE_SECONDS", 0.05)
    before = Footprint.settled()
    with disturb():  # type: ignore[attr-defined]
        assert before.differences() != []
    monkeypatch.undo()
    assert before.differences() == []


def forget_the_lock(state: SimpleNamespace) -> None:
    before = state.total
    state.total = before + 1


WRONG = Program(
    "wrong", lambda: SimpleNamespace(total=0), [forget_the_lock, forget_the_lock], lambda state: state.total == 2
)
NEVER = """
from tests.correct.native import problem_of
from tests.correct.program import Program
nothing = lambda _: None
print(problem_of(Program("never", lambda: None, [nothing, nothing], lambda _: False), 1))
print(problem_of(Program("always", lambda: None, [nothing, nothing], lambda _: True), 1))
"""


def test_wrong_program_is_noticed() -> None:
    """The assertion of this corpus fails for a program that is not correct."""
    with pytest.raises(harness.ConcurrencyFailure):
        assert_not_wrong(WRONG, explore(WRONG))


def test_native_runner_notices() -> None:
    """So does the native runner: for a check that never holds, and not for one that does."""
    finished = subprocess.run([sys.executable, "-c", NEVER], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "AssertionError" in finished.stdout and finished.stdout.splitlines()[-1] == "None"
