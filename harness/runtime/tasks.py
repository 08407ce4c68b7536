"""Tasks (the threads of one schedule), what they wait for, and the OS threads that carry them."""

from __future__ import annotations

import _thread
import contextvars
import enum
import os
import threading
from _thread import get_ident
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.runtime.run import Run

native_lock = _thread.allocate_lock
native_start = _thread.start_new_thread


MARK = "_harness_task"
"""The attribute of a Thread object that holds its task."""


class Unwound(BaseException):
    """Raised in a parked thread to end it; target code that swallows it gets it again."""


class State(enum.Enum):
    READY = "ready"
    BLOCKED = "blocked"
    OUTSIDE = "blocked in C"
    DONE = "done"


@dataclass(slots=True)
class Wait:
    """Why a task is blocked: ``on`` is the primitive, ``owner`` the task that can release it if one is known."""

    verb: str
    on: Any
    condition: Any = None


class Task:
    """One thread of a schedule."""

    __slots__ = (
        "body",
        "deadline",
        "error",
        "index",
        "joiners",
        "linger",
        "name",
        "quiet",
        "repeats",
        "result",
        "scenario",
        "snapshot",
        "spinning",
        "started",
        "state",
        "symmetry",
        "thread",
        "timed_out",
        "turned",
        "unwinds",
        "wait",
        "waiting_for",
        "worker",
    )

    def __init__(self, index: int, name: str, body: Callable[[], Any], worker: Worker, scenario: bool) -> None:
        self.index = index
        self.name = name
        self.body = body
        self.worker = worker
        self.scenario = scenario
        self.state = State.READY
        self.started = False
        self.symmetry: int | None = None
        self.wait: Wait | None = None
        self.waiting_for: Any = None
        self.deadline: float | None = None
        self.timed_out = False
        self.joiners: list[Task] = []
        self.result: Any = None
        self.error: BaseException | None = None
        self.thread: threading.Thread | None = None
        self.quiet = 0
        self.repeats = 0
        self.snapshot: Any = None
        self.spinning = False
        self.turned = False
        self.linger = 0
        self.unwinds = 0

    def forget(self) -> None:
        """Let go of what belongs to the target."""
        self.body = _nothing
        self.result = self.error = self.wait = self.waiting_for = self.snapshot = None
        self.worker.job = None


def _nothing() -> None:
    """The body of a task that is over."""


class Worker:
    """An OS thread that carries one task after another; it sleeps on its own lock between hand-overs."""

    __slots__ = ("around", "ended", "ident", "job", "lost", "native_id", "park", "thread")

    def __init__(self, cpu: int | None, around: Callable[[Callable[[], None]], None]) -> None:
        self.park = native_lock()
        self.park.acquire()
        self.ended = native_lock()
        self.ended.acquire()
        self.job: Callable[[], None] | None = None
        self.lost = False
        self.around = around
        self.native_id = 0
        ready = native_lock()
        ready.acquire()
        self.ident = native_start(self._main, (cpu, ready))
        ready.acquire()
        self.thread = _registered(self.ident)

    def _main(self, cpu: int | None, ready: Any) -> None:
        self.native_id = _thread.get_native_id()
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        ready.release()
        try:
            while not self._serve():
                pass
        finally:
            self.ended.release()

    def _serve(self) -> bool:
        """Carry tasks until told to end (True), or until a task's `Unwound` comes after the task has ended."""
        try:
            while not self.lost:
                self.park.acquire()
                job = self.job
                if job is None:
                    break
                contextvars.Context().run(self.around, job)
                job = None
        except Unwound:
            return False
        return True


def _registered(ident: int) -> threading.Thread:
    """A Thread object that ``threading.current_thread()`` finds for ``ident``, without a thread of its own."""
    thread = threading.Thread(daemon=False)
    # Not `set()`: its lock would make yield points where a schedule needs one more worker than those before it.
    thread._started._flag = True  # type: ignore[attr-defined]
    thread._ident = ident  # type: ignore[attr-defined]
    threading._active[ident] = thread  # type: ignore[attr-defined]
    return thread


def mark_started(thread: threading.Thread, worker: Worker) -> None:
    """Give a Thread object the attributes that ``Thread.start`` would."""
    thread._ident = worker.ident  # type: ignore[attr-defined]
    thread._native_id = worker.native_id  # type: ignore[attr-defined]
    if hasattr(threading, "_make_thread_handle"):
        thread._handle = threading._make_thread_handle(worker.ident)  # type: ignore[attr-defined]
    threading._active[worker.ident] = thread  # type: ignore[attr-defined]
    thread._started.set()  # type: ignore[attr-defined]


def mark_ended(thread: threading.Thread) -> None:
    """Let a Thread object know that its thread has ended, as its ``repr`` shows."""
    if hasattr(thread, "_is_stopped"):
        thread._is_stopped = True
    if hasattr(thread, "_handle"):
        thread._handle._set_done()
    if threading._active.get(thread._ident) is thread:  # type: ignore[attr-defined]
        del threading._active[thread._ident]  # type: ignore[attr-defined]


def mark_lost(thread: threading.Thread, worker: Worker) -> None:
    """Let a Thread object tell of the worker that is stuck with it, once nothing controls that any more."""
    if hasattr(thread, "_tstate_lock"):
        thread._tstate_lock = worker.ended


class Workers:
    """The OS threads of one exploration: started when first needed, reused, ended by :meth:`close`."""

    def __init__(self, cpu: int | None, around: Callable[[Callable[[], None]], None]) -> None:
        self._cpu = cpu
        self._around = around
        self._idle: list[Worker] = []
        self.lost: list[Worker] = []
        self.fresh = False

    def take(self) -> Worker:
        """An idle worker, or a new one."""
        return self._idle.pop() if self._idle else Worker(self._cpu, self._around)

    def give_back(self, workers: list[Worker]) -> None:
        """Return workers whose tasks ended; they are replaced rather than reused where thread locals are in play."""
        for worker in workers:
            worker.thread.__dict__.pop("_threading_local", None)
            threading._active[worker.ident] = worker.thread  # type: ignore[attr-defined]
        if self.fresh:
            for worker in workers:
                self._end(worker)
        else:
            self._idle.extend(sorted(workers, key=lambda worker: -worker.ident))

    def lose(self, worker: Worker) -> None:
        """Give up a worker stuck in C: it stays as a daemon thread that never runs target code under control again."""
        threading._active.pop(worker.ident, None)  # type: ignore[attr-defined]
        worker.lost = True
        worker.job = None
        self.lost.append(worker)

    def _end(self, worker: Worker) -> None:
        worker.job = None
        worker.park.release()
        worker.ended.acquire()
        threading._active.pop(worker.ident, None)  # type: ignore[attr-defined]

    def close(self) -> None:
        """End every idle worker and wait for it."""
        while self._idle:
            self._end(self._idle.pop())


def bind(run: Run, task: Task) -> None:
    """Let the task's worker carry it, and make the worker known to the run."""
    run.by_ident[task.worker.ident] = task
    setattr(task.worker.thread, MARK, task)
    task.worker.job = lambda: run.carry(task)


__all__ = ["State", "Task", "Unwound", "Wait", "Worker", "Workers", "bind", "get_ident", "native_lock"]
