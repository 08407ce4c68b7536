"""What runs inside a worker of any pool: make the resource once, do a chunk of items, and say what it took.

An exception of the workload comes back as text: raised across a process boundary it could break the pool.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.model import UsageError, one_line
from harness.pools import lockwait
from harness.pools.workload import Workload, resolve


@dataclass(frozen=True, slots=True)
class Answer:
    """Results of one chunk with its times in ns; ``queued`` and ``cpu`` are the thread's own clocks (-1: unknown).

    ``beside``: the CPU time of all other threads of the process meanwhile.
    """

    results: tuple[Any, ...]
    begun: int
    ended: int
    cpu: int
    beside: int
    queued: int
    locked: int
    worker: tuple[int, int]
    error: str = ""
    usage: bool = False


_workloads: dict[str, Workload] = {}
_resources: dict[str, Any] = {}
_making = threading.RLock()
_local = threading.local()


def run_queue_delay() -> int:
    """Nanoseconds this thread has waited for a CPU while it could run; -1 where the kernel does not say."""
    handle = getattr(_local, "schedstat", None)
    if handle is None or _local.owner != os.getpid():
        try:
            handle = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        except OSError:
            handle = -1
        _local.schedstat, _local.owner = handle, os.getpid()
        if handle >= 0:
            _local.closer = _Closer(handle)
    return -1 if handle < 0 else int(os.pread(handle, 64, 0).split()[1])


class _Closer:
    """Closes the file when its thread ends."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def __del__(self, close: Any = os.close) -> None:
        close(self._handle)


def _resource(reference: str, threads: int) -> tuple[Workload, Any]:
    with _making:
        workload = _workloads.get(reference)
        if workload is None:
            workload = _workloads[reference] = resolve(reference)
        if workload.shared:
            if reference not in _resources:
                _resources[reference] = workload.make(threads)
            return workload, _resources[reference]
    own: dict[str, Any] = _local.__dict__.setdefault("resources", {})
    if reference not in own:
        own[reference] = workload.make(1)
    return workload, own[reference]


def forget() -> None:
    """Drop the resources of this process, so that a pool opened next makes its own."""
    _resources.clear()
    _local.__dict__.pop("resources", None)


def identity() -> tuple[int, int]:
    return os.getpid(), threading.get_native_id()


def hello(hold: float) -> tuple[int, int]:
    """Who this worker is; it stays busy for ``hold`` seconds so that the others have to answer too."""
    if multiprocessing_child():
        die_with_parent()
    time.sleep(hold)
    return identity()


def multiprocessing_child() -> bool:
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def die_with_parent() -> None:
    """On Linux, have the kernel end this worker process when the process that measures is gone."""
    if sys.platform != "linux":
        return
    import ctypes
    import signal

    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)


def warm(reference: str, threads: int, hold: float) -> Answer:
    """Make the resource and do one item; ``begun`` to ``cpu`` is making it (wall), then to ``ended`` the first item."""
    begun = time.monotonic_ns()
    error, usage, made = "", False, begun
    try:
        workload, resource = _resource(reference, threads)
        made = time.monotonic_ns()
        workload.run(resource, workload.items()[0])
    except Exception as problem:
        error, usage = _told(problem)
    ended = time.monotonic_ns()
    time.sleep(hold)
    return Answer((), begun, ended, made - begun, 0, 0, 0, identity(), error, usage)


def _told(problem: Exception) -> tuple[str, bool]:
    return (str(problem), True) if isinstance(problem, UsageError) else (one_line(problem), False)


def run_chunk(reference: str, threads: int, indices: Sequence[int]) -> Answer:
    """Do the items with these indices (modulo the number of distinct items), in order."""
    begun = time.monotonic_ns()
    process, cpu, queued, locked = time.process_time_ns(), time.thread_time_ns(), run_queue_delay(), lockwait.begin()
    results: list[Any] = []
    error, usage = "", False
    try:
        workload, resource = _resource(reference, threads)
        items = workload.items()
        for index in indices:
            results.append(workload.run(resource, items[index % len(items)]))
    except Exception as problem:
        error, usage = _told(problem)
    locked = lockwait.end(locked)
    waited = run_queue_delay() - queued if queued >= 0 else -1
    ended, cpu, process = time.monotonic_ns(), time.thread_time_ns() - cpu, time.process_time_ns() - process
    return Answer(
        tuple(results),
        begun,
        ended,
        cpu,
        max(0, process - cpu),
        waited,
        locked,
        identity(),
        error,
        usage,
    )


def work(reference: str, item: Any, threads: int) -> Any:
    """Do one item and return its result; what the workload raises is raised."""
    workload, resource = _resource(reference, threads)
    return workload.run(resource, item)


def nothing(count: int) -> int:
    """A task that does nothing: what remains is the pool's own cost."""
    return count


def stages(reference: str, threads: int, index: int) -> dict[str, float]:
    """Seconds of each stage of one item, where the workload tells them apart."""
    workload, resource = _resource(reference, threads)
    tell = getattr(workload, "stages", None)
    if tell is None:
        return {}
    times: dict[str, float] = tell(resource, workload.items()[index % len(workload.items())])
    return times
