"""How much of the time a thread holds the GIL, seen by a probe thread that sleeps at random and wakes late.

Wake-ups at exponential intervals see time averages (PASTA). A wake-up that is late by more than :data:`LATE`, less
what the probe itself waited for a CPU, found the GIL held; without taking that off it is an upper bound: a bracket.
Holds shorter than :data:`LATE` are not seen.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.pools.worker import run_queue_delay

MEAN_SLEEP = 0.002
LATE = 0.0005
STARVED = 0.3  # of a pause: less than this the worker ran, more it waited for a CPU
GRACE = 0.1  # seconds longer for a worker that has not run lately: what it waited for a CPU is known once it runs again


@dataclass(frozen=True, slots=True)
class Samples:
    """Wake-ups of the probe, how many were late after correction, and how many without it."""

    wakes: int
    held: int
    late: int


@dataclass(frozen=True, slots=True)
class _Wake:
    """Whether the GIL was held, and whether it was late at all; the worker's clocks tell whether it could hold it.

    In ns: ``at``, when it was; ``pause``: how long the probe slept; ``ran``: the CPU time of the worker meanwhile;
    ``queued``: its run-queue delay until then.
    """

    held: bool
    late: bool
    at: int
    pause: float
    ran: int
    queued: int


def probe(work: Callable[[], Any], seconds: float, generator: random.Random) -> Samples:
    """Repeat ``work`` in a thread for ``seconds``, probing the GIL from this one. Raises what ``work`` raises."""
    stop = threading.Event()
    problems: list[BaseException] = []

    def repeat() -> None:
        try:
            while not stop.is_set():
                work()
        except BaseException as error:
            problems.append(error)

    worker = threading.Thread(target=repeat, name="probed workload")
    worker.start()
    try:
        wakes = _sample(seconds, generator, problems, worker.native_id or 0)
    finally:
        stop.set()
        worker.join()
    if problems:
        raise problems[0]
    return _counted(wakes)


def _sample(seconds: float, generator: random.Random, problems: list[BaseException], worker: int) -> list[_Wake]:
    wakes: list[_Wake] = []
    end = time.monotonic() + seconds
    try:
        schedstat = os.open(f"/proc/self/task/{worker}/schedstat", os.O_RDONLY)
    except OSError:
        schedstat = -1
    try:
        while not problems and time.monotonic() < end + (GRACE if wakes and not wakes[-1].ran else 0.0):
            pause = generator.expovariate(1 / MEAN_SLEEP)
            queued, ran, begun = run_queue_delay(), _cpu(worker), time.monotonic_ns()
            time.sleep(pause)
            at = time.monotonic_ns()
            lateness = (at - begun) / 1e9 - pause
            waited = (run_queue_delay() - queued) / 1e9 if queued >= 0 else 0.0
            starved = int(os.pread(schedstat, 64, 0).split()[1]) if schedstat >= 0 else 0
            wakes.append(_Wake(lateness - waited > LATE, lateness > LATE, at, pause * 1e9, _cpu(worker) - ran, starved))
    except OSError:  # the worker ended, and its file with it: what it raised is told instead
        if not problems:
            raise
    finally:
        if schedstat >= 0:
            os.close(schedstat)
    return wakes


def _cpu(thread: int) -> int:
    """CPU time of a thread of this process, ns, from its own clock; OSError when it has ended, 0 elsewhere."""
    return time.clock_gettime_ns(~thread << 3 | 6) if sys.platform == "linux" else 0


def _counted(wakes: list[_Wake]) -> Samples:
    """Leave out the wake-ups at which the worker waited for a CPU.

    One that has just given the GIL to the probe, or keeps it, goes on when it runs again: late on a busy machine, which
    says nothing about the work.
    """
    kept = [wake for wake, starved in zip(wakes, _starved(wakes), strict=True) if not starved]
    return Samples(len(kept), sum(wake.held for wake in kept), sum(wake.late for wake in kept))


def _starved(wakes: list[_Wake]) -> list[bool]:
    """For each wake-up whether the worker hardly ran before it, but waited for a CPU.

    A wait may span many: the delay rises only once it is over, so each rise accounts for the wake-ups before it too.
    """
    starved = [False] * len(wakes)
    for number in range(1, len(wakes)):
        rise = wakes[number].queued - wakes[number - 1].queued
        begun = wakes[number - 1].at - rise  # at the earliest
        for earlier in range(number, -1, -1):
            if wakes[earlier].at < begun:
                break
            starved[earlier] |= wakes[earlier].ran < STARVED * wakes[earlier].pause < rise
    return starved
