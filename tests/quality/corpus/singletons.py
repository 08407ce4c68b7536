"""Singletons of which there are two: made in ``__new__``, in an accessor, in a cached function.

The twins look once more under the lock before they make one.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, ClassVar

from tests.quality.corpus.case import Case, Variant, twins
from tests.quality.corpus.claims import same_object


class Settings:
    """A singleton made in ``__new__`` without a lock."""

    _instance: ClassVar[Settings | None] = None

    @classmethod
    def forget(cls) -> type[Settings]:
        cls._instance = None
        return cls

    def __new__(cls) -> Settings:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance


class LockedSettings(Settings):
    _lock = threading.Lock()

    def __new__(cls) -> Any:
        with cls._lock:
            if cls._instance is None:
                cls._instance = object.__new__(cls)
            return cls._instance


class Engine:
    """Double-checked locking without the second check."""

    _current: ClassVar[Engine | None] = None
    _lock = threading.Lock()

    @classmethod
    def forget(cls) -> type[Engine]:
        cls._current = None
        return cls

    @classmethod
    def current(cls) -> Engine:
        if cls._current is None:
            with cls._lock:
                cls._current = cls()
        return cls._current


class CheckedEngine(Engine):
    @classmethod
    def current(cls) -> Engine:
        if cls._current is None:
            with cls._lock:
                if cls._current is None:
                    cls._current = cls()
        return cls._current


class Session:
    """What the lazy accessors below hand out."""


_session: Session | None = None
_session_lock = threading.Lock()


def forget_session() -> None:
    global _session
    _session = None


def get_session(_: None) -> Session:
    global _session
    if _session is None:
        _session = Session()
    return _session


def get_session_locked(_: None) -> Session:
    global _session
    with _session_lock:
        if _session is None:
            _session = Session()
        return _session


@functools.cache
def cached_session() -> Session:
    """``lru_cache`` as a singleton: it calls the function again while the first call is running."""
    return Session()


def forget_cached_session() -> Callable[[], Session]:
    cached_session.cache_clear()
    return cached_session


def forget_locked_cached_session() -> Callable[[], Session]:
    cached_session.cache_clear()
    lock = threading.Lock()

    def locked_cached_session() -> Session:
        with lock:
            return cached_session()

    return locked_cached_session


def _one_instance(_: object, results: list[object]) -> None:
    same_object(results)


CASES = (
    twins(
        "two_instances_singleton_new",
        "two_instances",
        Settings.forget,
        LockedSettings.forget,
        [lambda settings: settings()] * 2,
        check=_one_instance,
    ),
    twins(
        "two_instances_second_check_missing",
        "two_instances",
        Engine.forget,
        CheckedEngine.forget,
        [lambda engine: engine.current()] * 2,
        check=_one_instance,
    ),
    Case(
        "two_instances_module_global",
        Variant(forget_session, [get_session] * 2, _one_instance),
        Variant(forget_session, [get_session_locked] * 2, _one_instance),
        "two_instances",
    ),
    twins(
        "two_instances_lru_cache",
        "two_instances",
        forget_cached_session,
        forget_locked_cached_session,
        [lambda session: session()] * 2,
        check=_one_instance,
    ),
)
