"""Patience: it lasts while a thread of the same process computes, and ends soon after nothing happens."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import procfs
from harness.faults import patience, runner
from harness.faults.patience import Patience, computed, ticks


def waits() -> None:
    time.sleep(0.05)


def computes() -> None:
    hashlib.sha256(bytes(2**23)).digest()  # without the GIL, so that the one who waits is not slowed down


@pytest.mark.parametrize(("work", "ends_after", "patient"), [(waits, math.inf, False), (computes, 2, True)])
def test_threads_that_compute_are_waited_for(work: Callable[[], None], ends_after: float, patient: bool) -> None:
    ends = time.monotonic() + ends_after
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            work()

    worker = threading.Thread(target=run)
    worker.start()
    try:
        assert Patience(0.5, lambda: 0).until(lambda: time.monotonic() > ends) is patient
    finally:
        over.set()
        worker.join()


def test_a_thread_that_waits_for_a_cpu_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def beside(state: str) -> bool:
        monkeypatch.setattr(procfs, "threads", lambda *_: {-1: f"7 (a) b) {state} 1 7 7 0"})
        return computed(patience._ticks(), 0)

    monkeypatch.setattr(procfs, "children", lambda _: [])
    assert [beside(state) for state in "SRD"] == [False, True, True]


def test_processes_that_are_gone_have_not_computed() -> None:
    assert (ticks([]), computed(0, 0), computed(ticks([2**22 + 1]), 0)) == (0, False, False)


def test_time_in_which_nobody_could_look_is_not_over() -> None:
    assert not patience._over(100.0, 3, 1.0)
    assert patience._over(1.0, 40, 1.0)


@pytest.mark.parametrize(("code", "ends"), [("while time.monotonic() < end: pass", True), ("time.sleep(600)", False)])
def test_an_interpreter_that_computes_at_its_end_is_ending(
    monkeypatch: pytest.MonkeyPatch, code: str, ends: bool
) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.6)
    child = subprocess.Popen([sys.executable, "-c", f"import time; end = time.monotonic() + 2\n{code}"])
    try:
        assert runner._ends(child, math.inf) is ends
    finally:
        child.kill()
        child.wait()


LEFT = """
import contextlib, itertools, sys, threading
from harness.faults.drive import _end_with
from harness.faults.ledger import Ledger

def write():
    for number in itertools.count():
        with contextlib.suppress(FileNotFoundError):
            Ledger(sys.argv[1]).mark(f"{threading.get_ident()}-{number}")

for _ in range(2):
    threading.Thread(target=write, daemon=True).start()
_end_with(0, 60, sys.argv[1])
"""


def test_a_folder_that_is_written_to_meanwhile_goes_too(tmp_path: Path) -> None:
    folder = tmp_path / "chaos-1"
    folder.mkdir()
    root = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", LEFT, folder], start_new_session=True, env=root, timeout=60)
    assert (done.returncode, list(tmp_path.iterdir())) == (-9, [])
