"""Changes one synchronisation primitive of the target for the time of an exploration, to see whether it is noticed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harness.runtime.active import Mutation, slot

_GATES = ((threading.Semaphore, "acquire", True), (threading.Event, "wait", True), (threading.Barrier, "wait", 0))


@contextmanager
def mutated(mutation: Mutation) -> Iterator[None]:
    """Let the primitive made at a site do nothing, wake one for all, or wake spuriously."""
    file, line, _, what = mutation
    slot.off = mutation
    undo: list[Callable[[], None]] = []
    if what == "no-op":
        for cls, name, value in _GATES:
            undo.append(_open(cls, name, value, (file, line)))
        undo.append(_open(threading.Semaphore, "release", None, (file, line)))
        undo.append(_open(threading.BoundedSemaphore, "release", None, (file, line)))
    try:
        yield
    finally:
        slot.off = None
        for step in reversed(undo):
            step()


def _open(cls: Any, name: str, value: Any, place: tuple[str, int]) -> Callable[[], None]:
    original = cls.__dict__[name]

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        condition = getattr(self, "_cond", None)
        lock = getattr(condition, "_lock", None)
        site = getattr(getattr(lock, "_block", lock), "_site", None)
        return value if site is not None and site[:2] == place else original(self, *args, **kwargs)

    had_enter = cls.__dict__.get("__enter__")
    setattr(cls, name, method)
    if name == "acquire":
        cls.__enter__ = method

    def restore() -> None:
        setattr(cls, name, original)
        if name == "acquire":
            cls.__enter__ = had_enter

    return restore
