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


@dataclass(frozen=True, slots=True)
class Samples:
    """Wake-ups of the probe, how many were late after correction, and how many without it."""

    wakes: int
    held: int
    late: int


@dataclass(frozen=True, slots=True)
class _Wake:
    """Whether the GIL was held, and whether it was late at all; the worker's clocks tell whether it could hold it.

    ``pause``: ns the probe slept; ``ran``: the CPU time of the worker meanwhile; ``queued``: its run-queue delay.
    """

    held: bool
    late: bool
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
        while time.monotonic() < end and not problems:
            pause = generator.expovariate(1 / MEAN_SLEEP)
            queued, ran, begun = run_queue_delay(), _cpu(worker), time.monotonic_ns()
            time.sleep(pause)
            lateness = (time.monotonic_ns() - begun) / 1e9 - pause
            waited = (run_queue_delay() - queued) / 1e9 if queued >= 0 else 0.0
            starved = int(os.pread(schedstat, 64, 0).split()[1]) if schedstat >= 0 else 0
            wakes.append(_Wake(lateness - waited > LATE, lateness > LATE, pause * 1e9, _cpu(worker) - ran, starved))
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
    """Leave out the wake-ups that found the GIL free while the worker, not having it, waited for a CPU.

    A worker that has just given the GIL to the probe takes it back when it runs again: late on a busy machine, which
    says nothing about the work.
    """
    kept = []
    for number, wake in enumerate(wakes):
        before, after = wakes[max(0, number - 1)], wakes[min(len(wakes) - 1, number + 1)]
        starved = wake.ran < STARVED * wake.pause and after.queued - before.queued > STARVED * wake.pause
        if wake.held or not starved:
            kept.append(wake)
    return Samples(len(kept), sum(wake.held for wake in kept), sum(wake.late for wake in kept))
