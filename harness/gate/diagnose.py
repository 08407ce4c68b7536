"""Why a side is slower: what its threads wait for, what it sends to its workers, what it starts.

It runs outside the measured slices, on both sides alike, and only for a benchmark that regressed.
"""

from __future__ import annotations

import contextlib
import linecache
import multiprocessing.connection
import os
import random
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from harness import procfs
from harness.gate import tree
from harness.stats.pairs import Slice

MEAN_SLEEP = 0.002
LATE = 0.0005
SECONDS = (0.4, 4.0)
LOOKS = 60  # fewer say little of a share
IDLE_FILES = ("concurrent/futures/", "multiprocessing/", "asyncio/", "/queue.py", "/selectors.py")


@contextlib.contextmanager
def _counted_messages(counts: Counter[str]) -> Iterator[None]:
    """Count what this process sends to and receives from its workers through multiprocessing's connections."""
    connection: Any = multiprocessing.connection.Connection
    send, receive = connection._send_bytes, connection._recv_bytes

    def sending(self: Any, buffer: Any) -> Any:
        counts["messages"] += 1
        counts["bytes"] += len(buffer)
        return send(self, buffer)

    def receiving(self: Any, maxsize: int | None = None) -> Any:
        buffer = receive(self, maxsize)
        counts["messages"] += 1
        counts["bytes"] += buffer.getbuffer().nbytes
        return buffer

    connection._send_bytes, connection._recv_bytes = sending, receiving
    try:
        yield
    finally:
        connection._send_bytes, connection._recv_bytes = send, receive


def _run_queue_delay() -> int:
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0


class _Probe(threading.Thread):
    """Sleeps at random and looks: a late wake-up that no CPU was missing for found the GIL held."""

    def __init__(self) -> None:
        super().__init__(name="probe", daemon=True)
        self.stopped = threading.Event()
        self.wakes = self.held = self.threads = 0
        self.places: Counter[tuple[str, str, int]] = Counter()

    def run(self) -> None:
        generator = random.Random(0)
        while not self.stopped.is_set():
            pause = generator.expovariate(1 / MEAN_SLEEP)
            queued, begun = _run_queue_delay(), time.monotonic_ns()
            time.sleep(pause)
            late = (time.monotonic_ns() - begun) / 1e9 - pause - (_run_queue_delay() - queued) / 1e9
            self.wakes += 1
            self.held += late > LATE
            self._look()

    def _look(self) -> None:
        states = {thread.ident: _state(thread.native_id) for thread in threading.enumerate() if thread is not self}
        self.threads = max(self.threads, len(states))
        for ident, frame in sys._current_frames().items():
            if ident == self.ident or ident not in states:
                continue
            kind, caller = _doing(frame, states[ident])
            self.places[kind, caller.f_code.co_filename, caller.f_lineno] += 1


def _doing(frame: FrameType, state: str) -> tuple[str, FrameType]:
    """What a thread does, and where as its caller sees it: a semaphore's own wait is at the line that acquires it."""
    while frame.f_code.co_filename == threading.__file__ and frame.f_back is not None:
        frame = frame.f_back
    file = frame.f_code.co_filename
    text = linecache.getline(file, frame.f_lineno).strip()
    if file == threading.__file__ or any(part in file for part in IDLE_FILES):
        return "idle", frame
    if state == "S" and (text.startswith(("with ", "async with ")) or ".acquire(" in text):
        return "lock", frame
    return "work", frame


def _state(native: int | None) -> str:
    fields = procfs.stat(os.getpid(), native)
    return fields[procfs.STATE] if fields else "?"


def observe(run: Callable[[int], Any], calls: int, tasks: int) -> dict[str, Any]:
    """Run for a while with the probe beside it; shares are fractions of 1, counts are per task."""
    counts: Counter[str] = Counter()
    probe = _Probe()
    done = 0
    forked = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    processes = set(procfs.children(os.getpid()))
    with _counted_messages(counts):
        probe.start()
        queued, cpu, begun = tree.queued_seconds(), tree.cpu_seconds(), time.perf_counter()
        while (spent := time.perf_counter() - begun) < SECONDS[0] or (probe.wakes < LOOKS and spent < SECONDS[1]):
            run(calls)
            done += calls * tasks
        wall, cpu = time.perf_counter() - begun, tree.cpu_seconds() - cpu
        whole = Slice("", wall, cpu, done, max(0.0, tree.queued_seconds() - queued), len(os.sched_getaffinity(0)))
        probe.stopped.set()
        probe.join()
    looks = Counter({"lock": 0, "idle": 0, "work": 0})
    for (kind, _, _), count in probe.places.items():
        looks[kind] += count
    locks = [(count, file, line) for (kind, file, line), count in probe.places.items() if kind == "lock"]
    place = max(locks, default=None)
    faults = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - forked
    fresh = len(set(procfs.children(os.getpid())) - processes)
    return {
        "gil": probe.held / max(1, probe.wakes),
        "lock": looks["lock"] / max(1, probe.wakes),
        "busy": cpu / whole.unhindered,
        "messages": counts["messages"] / done,
        "bytes": counts["bytes"] / done,
        "started": (fresh + (1 if faults else 0)) / done,
        "lock_file": place[1] if place else "",
        "lock_line": place[2] if place else 0,
        "processes": len(processes),
        "threads": probe.threads,
    }
