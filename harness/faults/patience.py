"""How long a case waits for what may never come: as long as anything happens, and then for a while."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from harness import procfs

MOST = 8
POLL = 0.02
LOOK = 0.2
TICKS = 3
"""CPU time, in clock ticks within LOOK, that waiting processes do not use."""
COMPUTES = 0.03
"""The same of waiting threads, in seconds."""


class Patience:
    """Gives up when for `seconds` no record was written and no process of the case computed; at MOST times that anyway.

    Only so is a future that never ends told from one that takes its time on a busy machine.
    """

    def __init__(self, seconds: float, size: Callable[[], int]) -> None:
        self.seconds, self.most = seconds, MOST * seconds
        self._size = size

    def until(self, done: Callable[[], bool]) -> bool:
        """Wait; whether it is done."""
        started = moved = looked = time.monotonic()
        size, ticks, beside, polls = self._size(), _ticks(), _beside(), 0
        while not done():
            time.sleep(POLL)
            now, polls = time.monotonic(), polls + 1
            if self._size() != size:
                size, moved, polls = self._size(), now, 0
            if now - looked >= LOOK:
                used, before, beside = _ticks(), beside, _beside()
                children = used is None or ticks is None or used - ticks >= TICKS or used < ticks
                if children or beside - before >= COMPUTES:
                    moved, polls = now, 0
                looked, ticks = now, used
            # polls too: a machine that starves this process starves the others
            quiet = now - moved >= self.seconds and polls >= self.seconds / POLL / 2
            if quiet or now - started > self.most:
                return done()
        return True


def _beside() -> float:
    """CPU seconds of the threads of this process but the one that asks, which computes while it looks."""
    return time.process_time() - time.thread_time()


def _ticks() -> int | None:
    """CPU time of all descendants in clock ticks; None while one of them waits for a CPU or a disk."""
    total = 0
    for child in procfs.children(os.getpid()):
        if fields := procfs.stat(child):
            if fields[procfs.STATE] in "DR":
                return None
            total += int(fields[procfs.USER_TICKS]) + int(fields[procfs.SYSTEM_TICKS])
    return total
