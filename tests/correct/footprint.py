"""What a run of the harness must leave as it found it: threads, patches, tracing, gc, affinity."""

from __future__ import annotations

import concurrent.futures
import gc
import os
import queue
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any

TIME_FUNCTIONS = (
    "sleep",
    "time",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
)
LOCK_FACTORIES: tuple[tuple[ModuleType, str], ...] = (
    (threading, "Lock"),
    (threading, "RLock"),
    (threading, "Condition"),
    (threading, "Semaphore"),
    (threading, "BoundedSemaphore"),
    (threading, "Event"),
    (threading, "Barrier"),
    (threading, "local"),
    (threading, "_allocate_lock"),
    (queue, "Queue"),
    (queue, "SimpleQueue"),
)
THREAD_METHODS = ("start", "run", "join", "is_alive", "_bootstrap", "_bootstrap_inner")
SETTLE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Footprint:
    """One picture of the process; two pictures are compared by `differences`."""

    threads: tuple[str, ...]
    running: int
    factories: tuple[object, ...]
    thread_methods: tuple[object, ...]
    clock: tuple[object, ...]
    executor: tuple[object, ...]
    tracing: tuple[object, ...]
    monitoring: tuple[object, ...]
    hooks: tuple[object, ...]
    collector: tuple[object, ...]
    affinity: tuple[int, ...]
    switch_interval: float
    interrupt: object
    children: int
    random_state: int

    @classmethod
    def take(cls) -> Footprint:
        """A picture of this process now."""
        return cls(
            threads=tuple(sorted(thread.name for thread in threading.enumerate() if not _of_pytest(thread))),
            running=len(sys._current_frames()) - sum(map(_of_pytest, threading.enumerate())),
            factories=tuple(getattr(module, name) for module, name in LOCK_FACTORIES),
            thread_methods=tuple(vars(threading.Thread).get(name) for name in THREAD_METHODS),
            clock=tuple(getattr(time, name) for name in TIME_FUNCTIONS),
            executor=(
                vars(concurrent.futures.ThreadPoolExecutor)["submit"],
                vars(threading.Timer)["run"],
            ),
            tracing=(sys.gettrace(), threading.gettrace(), sys.getprofile()),
            monitoring=_monitoring(),
            hooks=(sys.excepthook, threading.excepthook, sys.unraisablehook),
            collector=(gc.isenabled(), gc.get_threshold()),
            affinity=tuple(sorted(os.sched_getaffinity(0))),
            switch_interval=sys.getswitchinterval(),
            interrupt=signal.getsignal(signal.SIGINT),
            children=len(_children()),
            random_state=hash(random.getstate()),
        )

    @classmethod
    def settled(cls) -> Footprint:
        """A picture in which nothing moves any more: what has ended may be about to leave."""
        deadline = time.monotonic() + SETTLE_SECONDS
        found = cls.take()
        while time.monotonic() < deadline:
            time.sleep(0.01)
            before, found = found, cls.take()
            if before == found:
                break
        return found

    def differences(self, *, ignore: tuple[str, ...] = ()) -> list[str]:
        """What is different now, after giving ending threads a moment to leave."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            now = Footprint.take()
            found = [
                f"{each.name}: {getattr(self, each.name)!r} became {getattr(now, each.name)!r}"
                for each in fields(self)
                if each.name not in ignore and getattr(self, each.name) != getattr(now, each.name)
            ]
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.01)


def _of_pytest(thread: threading.Thread) -> bool:
    """Whether it is the timer of pytest-timeout, which ends when the test does, before its fixtures."""
    return thread.name.startswith("pytest_timeout")


def _monitoring() -> tuple[object, ...]:
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None:
        return ()
    tools = range(6)
    names = tuple(monitoring.get_tool(tool) for tool in tools)
    events = tuple(monitoring.get_events(tool) if names[tool] else 0 for tool in tools)
    return (names, events)


def _children() -> set[int]:
    found: set[int] = set()
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/children") as listing:
                found.update(int(pid) for pid in listing.read().split())
        except OSError:
            continue
    return found
