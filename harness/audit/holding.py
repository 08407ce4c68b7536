"""Who holds which lock of the user's, and where it was taken: noted by wrapping the harness's lock class on demand."""

from __future__ import annotations

import threading
from typing import Any

from harness.audit.places import calling_line
from harness.runtime.active import slot
from harness.runtime.locks import Lock

_acquire, _release = Lock.acquire, Lock.release


class Holding:
    """The locks that are held; counts its users, so that an audit and the hang doctor can both ask."""

    def __init__(self) -> None:
        self._users = 0
        self.held: dict[int, tuple[Any, str, str]] = {}
        """By identity: the lock, the name of the thread that took it, and the line where."""

    def install(self) -> None:
        self._users += 1
        if self._users > 1:
            return
        calling_line()  # finds out where the libraries are, which takes locks
        held = self.held

        def acquire(self: Lock, blocking: bool = True, timeout: float = -1) -> bool:
            taken = _acquire(self, blocking, timeout)
            if taken and slot.explorer is None and self._site is not None:
                held[id(self)] = (self, threading.current_thread().name, calling_line())
            return taken

        def release(self: Lock) -> None:
            held.pop(id(self), None)
            _release(self)

        Lock.acquire = acquire  # type: ignore[method-assign]
        Lock.release = release  # type: ignore[method-assign]

    def uninstall(self) -> None:
        self._users -= 1
        if not self._users:
            Lock.acquire = _acquire  # type: ignore[method-assign]
            Lock.release = _release  # type: ignore[method-assign]
            self.held.clear()


holding = Holding()
