"""Workloads that wait: for a lock, for a peer, and for both in the way of a small service."""

from __future__ import annotations

import hashlib
import threading
import time

from harness.pools.workload import Task
from harness.pools.workloads.plain import compute

_LOCK = threading.Lock()
_DATA = b"\x5a" * 2_000_000


def locked(item: int) -> str:
    """Hashing outside the GIL, all of it under one lock of the process: threads queue, processes do not."""
    with _LOCK:
        return hashlib.sha256(_DATA + bytes([item % 256])).hexdigest()


def wait(item: int) -> int:
    """A peer that answers after 5 ms."""
    time.sleep(0.005)
    return item + 1


def serve(item: int) -> int:
    """One request of a service: wait for a peer, then a little Python."""
    time.sleep(0.004)
    return compute(item, 3_000)


LOCK_BOUND = Task("lock-bound", run_item=locked, given=tuple(range(16)))
IO_BOUND = Task("I/O-bound", run_item=wait, given=tuple(range(16)))
SERVICE = Task("event-loop service", run_item=serve, given=tuple(range(16)))
