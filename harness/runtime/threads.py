"""Threads that the target starts itself: `Thread.start`, `join` and `is_alive` inside a schedule."""

from __future__ import annotations

import sys
import threading
from _thread import get_ident
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from harness.runtime.active import controlled, slot
from harness.runtime.locks import waits_in_setup
from harness.runtime.tasks import MARK, State, Task, Unwound, Worker, mark_started

if TYPE_CHECKING:
    from harness.runtime.run import Run

NATIVE: dict[str, Callable[..., Any]] = {
    name: getattr(threading.Thread, name) for name in ("start", "join", "is_alive")
}


def _start(self: threading.Thread) -> None:
    task = controlled()
    starting = slot.starting if get_ident() == slot.explorer else None
    if task is None and starting is None:
        NATIVE["start"](self)
        return
    if not self._initialized:  # type: ignore[attr-defined]
        raise RuntimeError("thread.__init__() not called")
    if self._started.is_set():  # type: ignore[attr-defined]
        raise RuntimeError("threads can only be started once")
    if starting is not None:
        assert slot.workers is not None
        worker = slot.workers.take()
        starting.append((self, worker))
        mark_started(self, worker)
        return
    assert slot.run is not None
    mark_started(self, adopt(slot.run, self, None).worker)


def adopt(run: Run, thread: threading.Thread, worker: Worker | None) -> Task:
    """Let ``thread`` be one of the schedule's; ``worker`` carries it if setup has started it already."""
    task = run.spawn(thread.name, lambda: _body(thread), worker=worker)
    task.thread = thread
    setattr(thread, MARK, task)
    return task


def _body(thread: threading.Thread) -> None:
    try:
        thread.run()
    except Unwound:
        raise
    except BaseException as error:
        if threading.excepthook is threading.__excepthook__:
            if isinstance(error, SystemExit):
                return
            raise
        # The program handles what its threads raise: then it is no finding.
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), thread)))


def _join(self: threading.Thread, timeout: float | None = None) -> None:
    target: Task | None = getattr(self, MARK, None)
    task = controlled()
    if target is None or task is None:
        if target is None:
            if slot.starting and any(thread is self for thread, _ in slot.starting):
                waits_in_setup()
            NATIVE["join"](self, timeout)
        return
    if target is task:
        raise RuntimeError("cannot join current thread")
    assert slot.run is not None
    slot.run.join(task, target, timeout)


def _is_alive(self: threading.Thread) -> bool:
    target: Task | None = getattr(self, MARK, None)
    if target is None:
        return bool(NATIVE["is_alive"](self))
    task = controlled()
    if task is not None:
        assert slot.run is not None
        slot.run.probe_end(task, target)
    return target.state is not State.DONE


def _hash(self: Any) -> int:
    """By order of creation inside a schedule, so that a set of threads or futures has the same order in every run."""
    attributes = self.__dict__
    found: int | None = attributes.get("_harness_hash")
    if found is None:
        run = slot.run
        if run is None or controlled() is None:
            found = object.__hash__(self)
        else:
            found = run.hashed = run.hashed + 1
        attributes["_harness_hash"] = found
    return found


class ThreadPatch:
    """Puts the methods in place for the time of an exploration."""

    def __enter__(self) -> None:
        threading.Thread.__hash__ = _hash  # type: ignore[method-assign]
        Future.__hash__ = _hash  # type: ignore[method-assign]
        threading.Thread.start = _start  # type: ignore[method-assign]
        threading.Thread.join = _join  # type: ignore[method-assign]
        threading.Thread.is_alive = _is_alive  # type: ignore[method-assign]

    def __exit__(self, *exc: object) -> None:
        # While threads still hash as they did when they were entered: CPython would join them at exit.
        futures = sys.modules.get("concurrent.futures.thread")
        if futures is not None:
            for thread in list(futures._threads_queues):
                if hasattr(thread, MARK):
                    futures._threads_queues.pop(thread, None)
        del threading.Thread.__hash__
        del Future.__hash__
        for name, method in NATIVE.items():
            setattr(threading.Thread, name, method)
