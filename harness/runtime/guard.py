"""Refuses what a schedule cannot control: processes started by the target."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

from harness.runtime.active import controlled, slot

_GUARDED: tuple[tuple[Any, str], ...] = (
    (os, "fork"), (os, "forkpty"), (os, "posix_spawn"), (os, "system"),
    (subprocess.Popen, "__init__"), (BaseProcess, "start"),
)  # fmt: skip


def _refusing(native: Callable[..., Any], name: str) -> Callable[..., Any]:
    def guarded(*args: Any, **kwargs: Any) -> Any:
        task = controlled()
        if task is not None:
            run = slot.run
            assert run is not None
            run.abort(
                task,
                f"{task.name} starts a process ({name}): processes cannot be interleaved; "
                "put the call outside the threads, or replace it by a stand-in",
            )
        return native(*args, **kwargs)

    guarded.__name__ = getattr(native, "__name__", name)
    return guarded


@contextmanager
def no_processes() -> Iterator[None]:
    """Guard the ways to start a process for the time of an exploration."""
    undo = []
    for holder, name in _GUARDED:
        native = getattr(holder, name, None)
        if native is not None:
            undo.append((holder, name, native))
            setattr(holder, name, _refusing(native, f"{getattr(holder, '__name__', holder)}.{name}"))
    try:
        yield
    finally:
        for holder, name, native in undo:
            setattr(holder, name, native)
