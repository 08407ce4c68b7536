"""Time that tasks wait for locks: in a diagnosing process, locks made after :func:`watch` count it per thread.

Only waits inside a task count; the pool's own queues wait between tasks.
"""

from __future__ import annotations

import threading
import time
from typing import Any

_local = threading.local()


class _Timed:
    """A lock that adds the time of every ``acquire`` that had to wait to its thread's account."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self._lock.acquire(False):
            return True
        if not blocking:
            return False
        begun = time.monotonic_ns()
        try:
            return bool(self._lock.acquire(True, timeout))
        finally:
            if getattr(_local, "inside", False):
                _local.waited = getattr(_local, "waited", 0) + time.monotonic_ns() - begun

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: Any) -> None:
        self._lock.release()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)


class _Watch:
    on = False


def watch() -> None:
    """Time the locks that ``threading.Lock`` and ``threading.RLock`` make from now on, until this process ends."""
    if _Watch.on:
        return
    _Watch.on = True
    lock, rlock = threading.Lock, threading.RLock
    vars(threading).update(Lock=lambda: _Timed(lock()), RLock=lambda: _Timed(rlock()))


def begin() -> int:
    """Start of a task in this thread: what it had waited before."""
    _local.inside = True
    waited: int = getattr(_local, "waited", 0)
    return waited


def end(before: int) -> int:
    """Nanoseconds this thread waited for locks since ``begin``; -1 if locks are not watched."""
    _local.inside = False
    waited: int = getattr(_local, "waited", 0)
    return waited - before if _Watch.on else -1
