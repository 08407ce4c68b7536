"""How long a case waits for what may never come: as long as anything happens, and then for a while."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable

from harness import procfs

MOST = 8
POLL = 0.02
LOOK = 0.2
TICKS = 3
"""CPU time, in clock ticks within LOOK, that waiting processes do not use."""
COMPUTES = 0.03
"""The same of waiting threads, in seconds."""
WAITING = "DR"
"""The states of a process that would go on if it were given a CPU or its disk. Source: proc_pid_stat(5)."""


class Patience:
    """Gives up when for `seconds` no record was written and nobody in the case computed; at MOST times that anyway.

    Only so is a future that never ends told from one that takes its time on a busy machine. A time counts as over when
    half of its polls were made too: a machine that starves this process starves the others.
    """

    def __init__(self, seconds: float, size: Callable[[], int]) -> None:
        self.seconds, self.most = seconds, MOST * seconds
        self._size = size

    def until(self, done: Callable[[], bool]) -> bool:
        """Wait; whether it is done."""
        started = moved = looked = time.monotonic()
        size, used, beside, polls, since = self._size(), _ticks(), _beside(), 0, 0
        while not done():
            time.sleep(POLL)
            now, polls, since = time.monotonic(), polls + 1, since + 1
            if self._size() != size:
                size, moved, since = self._size(), now, 0
            if now - looked >= LOOK:
                here = _beside()
                if computed(now_used := _ticks(), used) or here - beside >= COMPUTES:
                    moved, since = now, 0
                looked, used, beside = now, now_used, here
            if _over(now - moved, since, self.seconds) or _over(now - started, polls, self.most):
                return done()
        return True


def _over(passed: float, polls: int, seconds: float) -> bool:
    return passed >= seconds and polls >= seconds / POLL / 2


def _beside() -> float:
    """CPU seconds of the threads of this process but the one that asks, which computes while it looks."""
    return time.process_time() - time.thread_time()


def _ticks() -> int | None:
    """The :func:`ticks` of all descendants; None also while a thread beside this one waits for a CPU or a disk."""
    for thread, text in procfs.threads(os.getpid(), "stat").items():
        if thread != threading.get_native_id() and procfs.fields(text)[procfs.STATE] in WAITING:
            return None
    return ticks(procfs.children(os.getpid()))


def ticks(processes: Iterable[int]) -> int | None:
    """CPU time of processes in clock ticks; None while one of them has a CPU, or waits for one or for a disk."""
    total = 0
    for process in processes:
        if fields := procfs.stat(process):
            if fields[procfs.STATE] in WAITING:
                return None
            total += int(fields[procfs.USER_TICKS]) + int(fields[procfs.SYSTEM_TICKS])
    return total


def computed(now: int | None, before: int | None) -> bool:
    """Whether processes have computed between two looks at their :func:`ticks`, LOOK apart."""
    return now is None or before is None or now - before >= TICKS or now < before
