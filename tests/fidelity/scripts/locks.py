"""What Lock and RLock return, raise, show and refuse."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

from ..outcome import attempt, kind, text

FACTORIES: tuple[Callable[[], Any], ...] = (lambda: threading.Lock(), lambda: threading.RLock())


def lock_protocol() -> list[object]:
    lock = threading.Lock()
    return [
        attempt(lock.acquire),
        lock.locked(),
        attempt(lock.acquire, False),
        attempt(lock.acquire, blocking=False),
        attempt(lock.acquire, True, 0.01),
        attempt(lock.acquire, timeout=0.01),
        attempt(lock.acquire, True, 0),
        attempt(lock.release),
        lock.locked(),
        attempt(lock.acquire, True, -1),
        attempt(lock.release),
        attempt(lock.acquire, 1, threading.TIMEOUT_MAX),
        attempt(lock.release),
    ]


def lock_errors() -> list[object]:
    lock = threading.Lock()
    outcomes: list[object] = [attempt(lock.release)]
    for held in (False, True):
        outcomes += [
            held,
            attempt(lock.acquire, False, 1),
            attempt(lock.acquire, blocking=False, timeout=1),
            attempt(lock.acquire, False, -1),
        ]
        if lock.locked():
            lock.release()
        outcomes += [
            attempt(lock.acquire, True, -2),
            attempt(lock.acquire, timeout=-0.5),
            kind(lock.acquire, timeout="soon"),
            kind(lock.acquire, timeout=None),
            kind(lock.acquire, timeout=1e100),
            kind(lock.acquire, timeout=threading.TIMEOUT_MAX * 2),
            kind(lock.acquire, 1, 2, 3),
            kind(lock.acquire, wait=True),
            kind(lock.release, 1),
            lock.locked(),
        ]
        lock.acquire()
    return outcomes


def rlock_protocol() -> list[object]:
    lock = threading.RLock()
    return [
        attempt(lock.acquire),
        attempt(lock.acquire, False),
        attempt(lock.acquire, True, 0.01),
        attempt(lock.acquire, timeout=5),
        attempt(lock.release),
        attempt(lock.release),
        attempt(lock.release),
        attempt(lock.release),
        attempt(lock.release),
    ]


def rlock_errors() -> list[object]:
    lock = threading.RLock()
    return [
        attempt(lock.release),
        attempt(lock.acquire, False, 1),
        attempt(lock.acquire, True, -2),
        kind(lock.acquire, timeout="soon"),
        kind(lock.acquire, timeout=1e100),
    ]


def in_thread(action: Callable[[], object]) -> object:
    """What the action does in a thread of its own."""
    outcomes: list[object] = []
    thread = threading.Thread(target=lambda: outcomes.append(attempt(action)))
    thread.start()
    thread.join()
    return outcomes


def rlock_of_another_thread() -> list[object]:
    lock = threading.RLock()
    lock.acquire()
    outcomes = [
        in_thread(lock.release),
        in_thread(lambda: lock.acquire(False)),
        in_thread(lambda: lock.acquire(timeout=0.01)),
    ]
    lock.release()
    return [*outcomes, in_thread(lambda: (lock.acquire(False), lock.release()))]


def lock_of_another_thread() -> list[object]:
    lock = threading.Lock()
    lock.acquire()
    return [in_thread(lambda: lock.acquire(False)), in_thread(lock.release), lock.locked()]


def rlock_internals_that_condition_uses() -> list[object]:
    lock: Any = threading.RLock()
    lock.acquire()
    lock.acquire()
    outcomes: list[object] = [lock._is_owned()]
    saved = lock._release_save()
    outcomes += [lock._is_owned(), in_thread(lambda: (lock.acquire(False), lock.release()))]
    lock._acquire_restore(saved)
    outcomes += [lock._is_owned(), attempt(lock.release), attempt(lock.release), attempt(lock.release)]
    if sys.version_info >= (3, 12):
        outcomes.append(attempt(lock._recursion_count))
    return outcomes


def with_statement() -> list[object]:
    outcomes: list[object] = []
    for make in FACTORIES:
        lock = make()
        with lock as value:
            outcomes.append(attempt(lambda value=value: value))
            outcomes.append(in_thread(lambda lock=lock: lock.acquire(False)))
        outcomes.append(in_thread(lambda lock=lock: (lock.acquire(False), lock.release())))
        try:
            with lock:
                raise LookupError
        except LookupError:
            outcomes.append(attempt(lock.__exit__, None, None, None))
        outcomes.append(attempt(lock.__enter__))
        outcomes.append(attempt(lock.__exit__, LookupError, LookupError(), None))
    return outcomes


def shape() -> list[object]:
    outcomes: list[object] = []
    for make in FACTORIES:
        lock = make()
        outcomes.append(text(repr(lock)))
        with lock:
            outcomes.append(text(repr(lock)))
            outcomes.append(text(f"{lock}"))
        outcomes.append(text(repr(lock)))
    return outcomes


def shape_of_rlock_twice() -> list[object]:
    lock = threading.RLock()
    with lock, lock:
        return [text(repr(lock))]


def identity() -> list[object]:
    outcomes: list[object] = []
    for make in FACTORIES:
        lock, other = make(), make()
        outcomes += [
            isinstance(lock, type(make())),
            isinstance(threading.Lock(), type(lock)),
            type(lock) is type(other),
            lock == lock,
            lock == other,
            lock != other,
            hash(lock) == hash(lock),
            len({lock, other, lock}),
            bool(lock),
            kind(lambda lock=lock: vars(lock)),
            kind(setattr, lock, "note", 1),
            kind(lambda lock=lock, other=other: lock < other),
            kind(len, lock),
            kind(lock),
        ]
        if sys.version_info >= (3, 13) and make is FACTORIES[0]:
            outcomes.append(isinstance(lock, threading.Lock))
    return outcomes


def copying() -> list[object]:
    outcomes: list[object] = []
    for make in FACTORIES:
        for copier in (copy.copy, copy.deepcopy, pickle.dumps):
            outcomes.append(attempt(copier, make()))
        outcomes.append(attempt(copy.deepcopy, {"lock": make()}))
        outcomes.append(attempt(pickle.dumps, [make()], 2))
    return outcomes


def weak_references() -> list[object]:
    outcomes: list[object] = []
    for make in FACTORIES:
        lock = make()
        gone: list[str] = []
        reference = weakref.ref(lock, lambda _, gone=gone: gone.append("gone"))
        outcomes.append(reference() is lock)
        outcomes.append(weakref.proxy(lock).acquire(False))
        lock.release()
        outcomes.append(len(weakref.WeakSet([lock])))
        lock = None
        outcomes.append([reference() is None, gone])
    return outcomes


def old_names() -> list[object]:
    lock: Any = threading.Lock()
    return [
        attempt(lock.acquire_lock),
        attempt(lock.locked_lock),
        attempt(lock.release_lock),
        kind(threading.Lock, 1),
        kind(threading.Lock, name="x"),
    ]


def callable_as_default_factory() -> list[object]:
    import collections
    import dataclasses

    @dataclasses.dataclass
    class Guarded:
        lock: Any = dataclasses.field(default_factory=threading.Lock)

    table: Any = collections.defaultdict(threading.Lock)
    return [Guarded().lock.locked(), table["a"] is table["a"], callable(threading.Lock), callable(threading.RLock)]


SCRIPTS = (
    lock_protocol,
    lock_errors,
    rlock_protocol,
    rlock_errors,
    rlock_of_another_thread,
    lock_of_another_thread,
    rlock_internals_that_condition_uses,
    with_statement,
    shape,
    shape_of_rlock_twice,
    identity,
    copying,
    weak_references,
    old_names,
    callable_as_default_factory,
)
