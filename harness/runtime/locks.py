"""Dual-mode locks: ordinary outside a schedule, cooperative inside one. They know nothing of strategies.

Only the locks and `SimpleQueue` are ours. `Condition`, `Semaphore`, `Event`, `Barrier` and `queue.Queue` are CPython's
own Python code running on them, so their semantics are CPython's by construction.
"""

from __future__ import annotations

import _thread
import os
import queue
import sys
import threading
from _thread import get_ident
from collections import deque
from types import CodeType, GenericAlias
from typing import Any, NoReturn, cast

from harness.model import CannotExplore
from harness.runtime.active import Site, controlled, slot
from harness.runtime.creation import creation_site
from harness.runtime.tasks import Task, native_lock

_NativeRLock = _thread.RLock
_NativeCondition = threading.Condition


class Lock:
    """A mutual-exclusion lock with the interface of ``_thread.lock``.

    The state is always that of the native lock inside, whichever mode a thread uses, so controlled and ordinary
    threads exclude each other.
    """

    __slots__ = ("__weakref__", "_native", "_owner", "_passes", "_site", "_waiters")

    def __init__(self) -> None:
        self._native = native_lock()
        self._owner: Task | None = None
        self._waiters: list[Task] = []
        self._passes = 0
        self._site = creation_site(sys._getframe(1))

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if slot.off is not None and _is_off(self):
            _pass(self)
            return True
        run = slot.run
        if run is None:
            if slot.explorer is not None:
                return _acquire_between(self, blocking, timeout)
            return self._native.acquire(blocking, timeout)
        task = run.by_ident.get(get_ident())
        if task is None:
            run.others[id(self)] = self
            return self._native.acquire(blocking, timeout)
        return run.acquire(task, self, blocking, timeout)

    def release(self) -> None:
        if slot.off is not None and _is_off(self):
            _unpass(self, "release unlocked lock")
            return
        run = slot.run
        if run is None:
            self._native.release()
            return
        task = run.by_ident.get(get_ident())
        if task is None:
            self._native.release()
            run.released_outside(self)
            return
        run.release(task, self)

    def locked(self) -> bool:
        task = controlled()
        if task is not None:
            assert slot.run is not None
            slot.run.probe(task, self)
        return self._native.locked() or self._passes > 0

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exc: object) -> None:
        self.release()

    acquire_lock = acquire
    release_lock = release
    locked_lock = locked

    def _at_fork_reinit(self) -> None:
        self._native._at_fork_reinit()  # type: ignore[attr-defined]
        self._owner = None
        self._passes = 0
        self._waiters = []

    def __repr__(self) -> str:
        state = "locked" if self._native.locked() else "unlocked"
        return f"<{state} _thread.lock object at {hex(id(self))}>"

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle '_thread.lock' object")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("cannot pickle '_thread.lock' object")


def _is_off(lock: Lock) -> bool:
    site = lock._site
    return site is not None and slot.off == (*site, "no-op") and site[3] in ("Lock", "RLock", "Condition")


def _pass(lock: Lock) -> None:
    """Take a lock that is made a no-op: it excludes nobody, and is otherwise what it was."""
    task = controlled()
    if task is not None:
        slot.run.pass_by(task, lock)  # type: ignore[union-attr]
        slot.run.passed.append(lock)  # type: ignore[union-attr]
    lock._passes += 1


def _unpass(lock: Lock, complaint: str) -> None:
    if lock._passes:
        lock._passes -= 1
    elif lock._native.locked():
        lock._native.release()  # taken before it was made a no-op
    else:
        raise RuntimeError(complaint)


def _chosen(site: Site | None, what: str) -> bool:
    """Whether the primitive made at ``site`` is to be changed in this way; notes that it could be."""
    if site is None or site[3] != "Condition" or controlled() is None:
        return False
    slot.taken.add((*site, what))
    return slot.off == (*site, what)


def _acquire_between(lock: Lock, blocking: bool, timeout: float) -> bool:
    """Acquire in the exploring thread between schedules: a lock that an ended thread still holds is a finding."""
    if lock._native.acquire(False):
        return True
    if blocking and timeout and slot.starting and get_ident() == slot.explorer:
        waits_in_setup()
    if blocking and lock._owner is not None and get_ident() == slot.explorer and not timeout > 0:
        raise AbandonedLock(f"the lock is still held by {lock._owner.name}, which has ended or will never release it")
    return lock._native.acquire(blocking, timeout)


def waits_in_setup() -> NoReturn:
    """Setup waits for a thread that does not run before the schedule begins."""
    assert slot.starting
    raise CannotExplore(
        f"setup waits for {slot.starting[-1][0].name}, a thread that it started, which runs only once the schedule "
        "begins: start it in one of the threads, or wait for it there"
    )


class AbandonedLock(RuntimeError):
    """``check`` or ``observe`` would wait for ever on a lock that a thread of the schedule never released."""


class RLock:
    """A re-entrant lock with the interface of ``_thread.RLock``, on a dual-mode lock."""

    __slots__ = ("__weakref__", "_block", "_count", "_owner")

    def __init__(self) -> None:
        self._block = Lock()
        self._owner: int | None = None
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        me = get_ident()
        if slot.off is not None and _is_off(self._block):
            _pass(self._block)
            return True
        if self._owner == me:
            self._count += 1
            return True
        if timeout != -1 and (not blocking or timeout < 0 or timeout > threading.TIMEOUT_MAX):
            refuse(_NativeRLock(), blocking, timeout)
        if not self._block.acquire(blocking, timeout):
            return False
        self._owner = me
        self._count = 1
        self._note()
        return True

    __enter__ = acquire

    def release(self) -> None:
        if slot.off is not None and _is_off(self._block):
            _unpass(self._block, "cannot release un-acquired lock")
            return
        if self._owner != get_ident():
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._free()

    def _note(self) -> None:
        """Let the end of the schedule free what a thread of it holds; a lock of another thread is left alone."""
        run = slot.run
        if run is not None and get_ident() in run.by_ident:
            run.locks[id(self)] = self

    def _free(self) -> None:
        self._owner = None
        run = slot.run
        if run is not None:
            run.locks.pop(id(self), None)
        self._block.release()

    def __exit__(self, *exc: object) -> None:
        self.release()

    def locked(self) -> bool:
        return self._block.locked()

    def _acquire_restore(self, state: tuple[int, int | None]) -> None:
        if slot.off is not None and _is_off(self._block):
            _pass(self._block)
            return
        self._block.acquire()
        self._count, self._owner = state
        self._note()

    def _release_save(self) -> tuple[int, int | None]:
        if slot.off is not None and _is_off(self._block):
            _unpass(self._block, "cannot release un-acquired lock")
            return (0, None)
        if not self._count:
            raise RuntimeError("cannot release un-acquired lock")
        state = (self._count, self._owner)
        self._count = 0
        self._free()
        return state

    def _is_owned(self) -> bool:
        return self._owner == get_ident() or (slot.off is not None and _is_off(self._block))

    def _recursion_count(self) -> int:
        return self._count if self._owner == get_ident() else 0

    def _at_fork_reinit(self) -> None:
        self._block._at_fork_reinit()
        self._owner = None
        self._count = 0

    def __repr__(self) -> str:
        state = "locked" if self._count else "unlocked"
        return f"<{state} _thread.RLock object owner={self._owner or 0} count={self._count} at {hex(id(self))}>"

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle '_thread.RLock' object")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("cannot pickle '_thread.RLock' object")


def refuse(native: Any, blocking: bool, timeout: float) -> None:
    """Let a free native lock raise what this version of Python raises for wrong arguments."""
    if native.acquire(blocking, timeout):
        native.release()


def _loses_notifications(caller: CodeType) -> bool:
    """Whether a notification before the wait is lost: not where the library keeps it as a count or an item."""
    keeps = os.path.basename(caller.co_filename) in ("threading.py", "queue.py", "_base.py", "thread.py")
    return not keeps or caller.co_qualname in ("Event.wait", "Condition.wait_for")


class Condition(_NativeCondition):
    """``threading.Condition`` that remembers its notifications, to tell a lost wake-up from a deadlock.

    ``keeps`` says that what a notification is about stays: then none is ever lost.
    """

    keeps = False

    def __init__(self, lock: Any = None) -> None:
        super().__init__(lock)
        self._site = creation_site(sys._getframe(1), "Condition")

    def _is_owned(self) -> bool:
        return (slot.off is not None and _is_off(self._lock)) or super()._is_owned()  # type: ignore[misc, attr-defined]

    def notify_all(self) -> None:
        if _chosen(self._site, "notify"):
            self.notify(1)
        else:
            super().notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        task = controlled()
        if task is None:
            return super().wait(timeout)
        if _chosen(self._site, "spurious") and id(self) not in slot.run.woken:  # type: ignore[union-attr]
            slot.run.woken.add(id(self))  # type: ignore[union-attr]
            saved = self._release_save()  # type: ignore[attr-defined]
            self._acquire_restore(saved)  # type: ignore[attr-defined]
            return True
        loses = not self.keeps and _loses_notifications(sys._getframe(1).f_code)
        outer, task.waiting_for = task.waiting_for, (self, loses)
        try:
            return super().wait(timeout)
        finally:
            task.waiting_for = outer

    def notify(self, n: int = 1) -> None:
        super().notify(n)
        run = slot.run
        if run is not None:
            run.notified[id(self)] = self


class SimpleQueue:
    """An unbounded queue with the interface and the argument rules of ``_queue.SimpleQueue``.

    Not CPython's one in Python: that takes its count and its item in two steps, which the one in C does in one.
    The lock is re-entrant because a destructor may put while its thread gets.
    """

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._filled = Condition(cast(Any, RLock()))
        self._filled.keeps = True

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        with self._filled:
            self._items.append(item)
            self._filled.notify()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if block and timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        with self._filled:
            if not self._items and block:
                self._filled.wait_for(lambda: self._items, timeout)
            if not self._items:
                raise queue.Empty
            return self._items.popleft()

    def put_nowait(self, item: Any) -> None:
        self.put(item)

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def empty(self) -> bool:
        return not self._items

    def qsize(self) -> int:
        return len(self._items)

    def __class_getitem__(cls, item: Any) -> GenericAlias:
        return GenericAlias(cls, item)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("cannot pickle '_queue.SimpleQueue' object")
