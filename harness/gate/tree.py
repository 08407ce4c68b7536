"""What the tree of this process uses, as Linux tells it: CPU time, memory, and which threads do the work."""

from __future__ import annotations

import contextlib
import os
import resource
import time

from harness import procfs

AGAIN = 10  # readings at most, where children come and go all the time


def cpu_seconds() -> float:
    """CPU time of this process, of its living descendants and of the children it has reaped."""
    for _ in range(AGAIN):
        reaped = resource.getrusage(resource.RUSAGE_CHILDREN)
        total = time.process_time() + reaped.ru_utime + reaped.ru_stime
        for process in procfs.children(os.getpid()):
            with contextlib.suppress(OSError):
                total += procfs.cpu_seconds(process)
        # A child that was reaped in between is in neither sum.
        if resource.getrusage(resource.RUSAGE_CHILDREN) == reaped:
            break
    return total


def pss_bytes() -> int | None:
    """Proportional set size of the tree: RSS would count a shared page once per process. None: not told."""
    total = 0
    for process in [os.getpid(), *procfs.children(os.getpid())]:
        with contextlib.suppress(OSError):
            total += procfs.memory_bytes(process).get("Pss", 0)
    return total or None


def thread_seconds() -> dict[tuple[int, int], float]:
    """CPU seconds by (process, thread) of the tree, from schedstat."""
    return {key: ran / 1e9 for key, (ran, _) in _schedules().items()}


def queued_seconds() -> float:
    """How long the living threads of the tree have waited for a CPU since they began."""
    return sum(queued for _, queued in _schedules().values()) / 1e9


def _schedules() -> dict[tuple[int, int], tuple[int, int]]:
    """For each thread of the tree, by (process, thread): nanoseconds it ran, and nanoseconds it waited for a CPU."""
    found = {}
    for process in [os.getpid(), *procfs.children(os.getpid())]:
        for thread, text in procfs.threads(process, "schedstat").items():
            if fields := text.split():
                found[process, thread] = int(fields[0]), int(fields[1])
    return found


def pin_workers(before: dict[tuple[int, int], float], first: int, least: float = 0.002) -> int:
    """Pin each thread that worked since ``before`` to one CPU, in turn from number ``first``; how many were pinned.

    The main thread stays free when others work: it feeds them. Threads are pinned once they exist and never around
    the making of a pool, because what they start would inherit it.
    """
    cpus = sorted(os.sched_getaffinity(0))
    worked = [key for key, seconds in sorted(thread_seconds().items()) if seconds - before.get(key, 0.0) > least]
    main = (os.getpid(), os.getpid())
    busy = [key for key in worked if key != main] or [main]
    groups = sorted({process for process, _ in busy if process != os.getpid()})
    for number, (process, task) in enumerate(busy):
        turn = groups.index(process) if process in groups else number
        with contextlib.suppress(OSError):
            os.sched_setaffinity(task, {cpus[(first + turn) % len(cpus)]})
    return len(busy)
