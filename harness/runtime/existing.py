"""Native locks that exist already are replaced in the module, class, instance, slot or cell that holds them."""

from __future__ import annotations

import _thread
import logging
import queue
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from harness.runtime.active import Site
from harness.runtime.creation import OLDER
from harness.runtime.locks import Condition, Lock, RLock, SimpleQueue
from harness.runtime.reach import Setter

_NATIVE_LOCK = type(_thread.allocate_lock())
_NATIVE_RLOCK = _thread.RLock
_NATIVE_SIMPLE = queue.SimpleQueue
_NATIVE_CONDITION = threading.Condition.__mro__[1] if threading.Condition is Condition else threading.Condition
_LOCAL = threading.local


def logging_locks() -> Iterator[tuple[Any, Setter]]:
    """The locks of `logging`: a target's ``__str__`` runs under the lock of a handler that may be older than we are."""
    yield logging._lock, partial(setattr, logging, "_lock")  # type: ignore[attr-defined]
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    handlers = [handler for logger in loggers for handler in getattr(logger, "handlers", ())]
    for handler in (logging.lastResort, *handlers):
        if handler is not None and handler.lock is not None:
            yield handler.lock, partial(setattr, handler, "lock")


class Adoption:
    """The replacements made for one exploration; :meth:`undo` puts the originals back."""

    def __init__(self) -> None:
        self._undo: list[tuple[Setter, Any]] = []
        self._twins: dict[int, tuple[Any, Any]] = {}
        self._site: Site | None = OLDER
        self.unreachable: list[str] = []
        self.locals_found = False

    def adopt(self, reached: Iterable[tuple[Any, Setter | None]], site: Site | None = OLDER) -> int:
        """Replace the native primitives among what a walk ``reached``; returns how many places were changed."""
        self._site = site
        before = len(self._undo)
        conditions = []
        for thing, put in reached:
            kind = type(thing)
            if kind is _NATIVE_LOCK or kind is _NATIVE_RLOCK or kind is _NATIVE_SIMPLE:
                if put is None:
                    self.unreachable.append(f"a {kind.__name__} held where it cannot be replaced")
                    continue
                put(self._twin(thing))
                self._undo.append((put, thing))
            elif kind is _NATIVE_CONDITION:
                conditions.append(thing)
            elif issubclass(kind, _LOCAL):
                self.locals_found = True
        for condition in conditions:
            self._rebind(condition)
        return len(self._undo) - before

    def _twin(self, native: Any) -> Any:
        """One dual-mode object for each native one, however many places hold it."""
        known = self._twins.get(id(native))
        if known is None:
            if type(native) is _NATIVE_LOCK:
                twin: Any = Lock()
                twin._native, twin._site = native, self._site
            elif type(native) is _NATIVE_RLOCK:
                twin = RLock()
                twin._block._site = self._site
            else:
                twin = SimpleQueue()
            known = self._twins[id(native)] = (twin, native)
        return known[0]

    def _rebind(self, condition: Any) -> None:
        """Let a condition use the twin of its lock: it keeps bound methods of the native one."""
        lock = condition._lock
        if type(lock) in (_NATIVE_LOCK, _NATIVE_RLOCK):
            lock = self._twin(lock)
        saved = dict(condition.__dict__)
        waiters = condition._waiters
        condition.__class__ = Condition
        condition.__init__(lock)
        condition._waiters = waiters

        def restore(_: Any) -> None:
            condition.__class__ = _NATIVE_CONDITION
            condition.__dict__.clear()
            condition.__dict__.update(saved)

        self._undo.append((restore, None))

    def undo(self) -> None:
        """Put every original back."""
        for put, native in reversed(self._undo):
            put(native)
        self._undo.clear()
        self._twins.clear()
