"""Patience: it lasts while a thread of the same process computes, and ends soon after nothing happens."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable

import pytest

from harness.faults.patience import Patience


def waits() -> None:
    time.sleep(0.05)


def computes() -> None:
    hashlib.sha256(bytes(2**23)).digest()  # without the GIL, so that the one who waits is not slowed down


@pytest.mark.parametrize(("work", "patient"), [(waits, False), (computes, True)])
def test_threads_that_compute_are_waited_for(work: Callable[[], None], patient: bool) -> None:
    ends = time.monotonic() + 2
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
