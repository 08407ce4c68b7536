"""The pools that there are, and what works for them: threads, processes and their pipes. It compares nothing.

A pool starts its workers when it is given tasks, which may be long after it was made, and replaces them.
"""

from __future__ import annotations

import multiprocessing.process
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Workers:
    """What works for some pools: threads, identifiers of processes, and the descriptors of the pipes to them."""

    threads: set[threading.Thread] = field(default_factory=set)
    processes: set[int] = field(default_factory=set)
    descriptors: set[int] = field(default_factory=set)


def pools(tracked: list[Any]) -> list[Any]:
    """The executors and the pools of multiprocessing among the objects that the collector tracks."""
    kinds = (Executor, getattr(sys.modules.get("multiprocessing.pool"), "Pool", Executor))
    plain: object = object.__hash__
    # By type, and none that is told apart by code of the user's: they are put into sets.
    return [thing for thing in tracked if issubclass(type(thing), kinds) and type(thing).__hash__ is plain]


def workers(of: Iterable[Any]) -> Workers:
    """What works for these pools now."""
    found = Workers()
    for pool in of:
        attributes = vars(pool)
        started = [attributes.get("_executor_manager_thread"), getattr(attributes.get("_call_queue"), "_thread", None)]
        for name in ("_threads", "_processes", "_pool"):
            several = attributes.get(name)
            if isinstance(several, (dict, set, list)):
                started += list(several.values() if isinstance(several, dict) else several)
        for worker in started:
            if isinstance(worker, threading.Thread):
                found.threads.add(worker)
            elif isinstance(worker, multiprocessing.process.BaseProcess):
                _process(worker, found)
    return found


def _process(worker: Any, found: Workers) -> None:
    popen = worker._popen
    if popen is None:
        return
    found.processes.add(popen.pid)
    finalizer = getattr(popen, "finalizer", None)
    if finalizer is None:
        found.descriptors.add(popen.sentinel)
    else:
        ends = finalizer._args  # once: another thread may be calling it, which clears them
        if ends is not None and finalizer.still_active():
            found.descriptors.update(ends)
