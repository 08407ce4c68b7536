"""Changes one synchronisation primitive of the target for the time of an exploration, to see whether it is noticed.

Locks and conditions look at the change themselves; the primitives that `threading` builds on them are changed here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harness.runtime.active import Mutation, slot


@contextmanager
def mutated(mutation: Mutation) -> Iterator[None]:
    """Let the primitive made at a site do nothing, wake one for all, or wake spuriously."""
    *site, what = mutation
    slot.off = mutation
    undo = [_replace(*step, tuple(site)) for step in _CHANGES] if what == "no-op" else []
    try:
        yield
    finally:
        slot.off = None
        for step in reversed(undo):
            step()


def _acquired(semaphore: Any, *_: Any, **__: Any) -> bool:
    """A permit for everybody. Its lock is taken all the same: a switch there stays possible."""
    with semaphore._cond:
        return True


def _released(semaphore: Any, *_: Any, **__: Any) -> None:
    """No permit was taken, so none is given back."""


def _waited(event: Any, *_: Any, **__: Any) -> bool:
    with event._cond:
        return True


def _met(barrier: Any, timeout: float | None = None) -> int:
    """Nobody waits for the others; the places and the action of the last one are those of a real meeting."""
    with barrier._cond:
        if barrier.broken:
            raise threading.BrokenBarrierError
        place: int = barrier._count
        barrier._count = (place + 1) % barrier.parties
        if not barrier._count and barrier._action:
            barrier._action()
        return place


_CHANGES: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
    (threading.Semaphore, "acquire", _acquired),
    (threading.Semaphore, "__enter__", _acquired),
    (threading.Semaphore, "release", _released),
    (threading.BoundedSemaphore, "release", _released),
    (threading.Event, "wait", _waited),
    (threading.Barrier, "wait", _met),
)


def _replace(cls: Any, name: str, change: Callable[..., Any], site: tuple[Any, ...]) -> Callable[[], None]:
    original = cls.__dict__[name]

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        lock = getattr(self._cond, "_lock", None)
        here = getattr(lock, "_site", None) == site
        return (change if here else original)(self, *args, **kwargs)

    setattr(cls, name, method)
    return lambda: setattr(cls, name, original)
