"""Where the lock factories are replaced: once, when the plugin loads or an exploration starts."""

from __future__ import annotations

import _thread
import functools
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.runtime.locks import Condition, Lock, RLock, SimpleQueue

REPLACED: tuple[tuple[Any, str, Any], ...] = (
    (threading, "Lock", Lock),
    (threading, "_allocate_lock", Lock),
    (threading, "RLock", RLock),
    (threading, "_CRLock", RLock),
    (threading, "Condition", Condition),
    (queue, "SimpleQueue", SimpleQueue),
    (functools, "RLock", RLock),
)


class Patches:
    """The replaced factories; counts its users, so that plugin and exploration can nest."""

    def __init__(self) -> None:
        self._users = 0
        self._undo: list[tuple[Any, str, Any]] = []

    def install(self) -> None:
        """Replace the factories, in their modules and wherever a loaded module outside the library imported them."""
        self._users += 1
        if self._users > 1:
            return
        aliases = {
            id(_thread.allocate_lock): Lock,
            id(threading.RLock): RLock,
            id(threading.Condition): Condition,
            id(queue.SimpleQueue): SimpleQueue,
        }
        for module, name, replacement in REPLACED:
            if hasattr(module, name):
                self._set(module, name, replacement)
        for namespace, name, value in _imported():
            replacement = aliases.get(id(value))
            if replacement is not None:
                self._undo.append((namespace, name, value))
                namespace[name] = replacement
        futures = sys.modules.get("concurrent.futures.thread")
        if futures is not None:
            self._set(futures, "_global_shutdown_lock", Lock())

    def uninstall(self) -> None:
        """Put every factory back."""
        self._users -= 1
        if self._users:
            return
        for holder, name, value in reversed(self._undo):
            if isinstance(holder, dict):
                holder[name] = value
            else:
                setattr(holder, name, value)
        self._undo.clear()

    def _set(self, module: Any, name: str, value: Any) -> None:
        self._undo.append((module, name, getattr(module, name)))
        setattr(module, name, value)


def _imported() -> Iterator[tuple[dict[str, Any], str, Any]]:
    """The names of loaded modules outside the standard library and this package."""
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        namespace = getattr(module, "__dict__", None)
        if type(namespace) is dict and top not in sys.stdlib_module_names and top != "harness":
            for key, value in list(namespace.items()):
                yield namespace, key, value


patches = Patches()


@contextmanager
def replaced_factories() -> Iterator[None]:
    """The factories replaced for the time of an exploration."""
    patches.install()
    try:
        yield
    finally:
        patches.uninstall()
