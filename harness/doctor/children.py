"""Lets child processes tell where they stand although they are stuck: armed when they start, by code they bring along.

At the deadline a thread of C that needs no interpreter lock writes the stacks of the child into a file of the doctor's:
also when the child sleeps in C with all signals blocked. Nothing of the harness is imported in a child.
"""

from __future__ import annotations

import functools
import multiprocessing.spawn
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import procfs
from harness.doctor.descriptors import raised

OUTERMOST = (" in <module>\n", " in _run_module_as_main\n", "\n  ...\n")
SOURCE = """
def arm(folder, until):
    try:
        import faulthandler, fcntl, os, resource, time
        seconds = until - time.monotonic()
        if seconds <= 0 or not os.path.isdir(folder):
            return
        # Open for good: it is written to when all is stuck. A process that had this number may have written to it.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        file = os.open(os.path.join(folder, str(os.getpid())), flags)
""" + raised(8) + """
        faulthandler.dump_traceback_later(seconds, file=file)
        # From 3.12 on a fork warns of the other thread.
        os.register_at_fork(before=faulthandler.cancel_dump_traceback_later)
    except Exception:
        pass
"""
_space: dict[str, Any] = {}
exec(SOURCE, _space)
_arm: Callable[[str, float], None] = _space["arm"]


class Arming:
    """Arms the children that start while it is set to a deadline; its hooks stay out of the way otherwise."""

    def __init__(self) -> None:
        self.folder = ""
        self.until = 0.0
        self._installed = False
        self._undo: list[tuple[Any, Any]] = []

    def install(self, folder: str) -> None:
        """Put the hooks in place. That of fork cannot be taken away again, and does nothing without a deadline."""
        self.folder = folder
        if not self._installed:
            self._installed = True
            os.register_at_fork(after_in_child=self._forked)
        modules: list[Any] = [multiprocessing.spawn, sys.modules.get("loky.backend.spawn")]
        for module in filter(None, modules):
            original = module.get_preparation_data
            self._undo.append((module, original))
            module.get_preparation_data = functools.wraps(original)(self._preparing(original))

    def uninstall(self) -> None:
        """Take the hooks away."""
        self.folder = ""
        self.until = 0.0
        for module, original in self._undo:
            module.get_preparation_data = original
        self._undo.clear()

    def _forked(self) -> None:
        if self.folder and self.until:
            _arm(self.folder, self.until)

    def _preparing(self, original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def get_preparation_data(*args: Any, **kwargs: Any) -> dict[str, Any]:
            data = original(*args, **kwargs)
            if self.folder and self.until:
                # A key that `prepare` does not know; what counts is what loading it does.
                data["harness_doctor"] = _Brought(self.folder, self.until)
            return data

        return get_preparation_data


@dataclass(frozen=True)
class _Brought:
    """Arms the process that unpickles it, without importing anything of the harness there."""

    folder: str
    until: float

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, (f"{SOURCE}\narm({self.folder!r}, {self.until!r})", {}))


@dataclass(frozen=True)
class Line:
    """One line of a child's stack, innermost first."""

    file: str
    line: int
    function: str


_LINE = re.compile(r'^  File "(.*)", line (\d+) in (.*)$')
_THREAD = re.compile(r"^(Current thread|Thread) 0x[0-9a-f]+")


def stacks(folder: str, pid: int) -> list[list[Line]]:
    """The stacks that a child has written, the main thread's last; nothing if it has not."""
    try:
        text = Path(folder, str(pid)).read_text("utf-8", "replace")
    except OSError:
        return []
    found: list[list[Line]] = []
    for line in text.splitlines():
        if _THREAD.match(line):
            found.append([])
        elif found and (match := _LINE.match(line)):
            found[-1].append(Line(match[1], int(match[2]), match[3]))
    return [_own(stack) for stack in found if stack]


def _own(stack: list[Line]) -> list[Line]:
    """A stack without what it was before the fork."""
    for number, line in enumerate(stack):
        if line.function == "_bootstrap" and line.file.endswith("/multiprocessing/process.py"):
            return stack[: number + 1]
    return stack


def await_stacks(folder: str, pids: list[int], seconds: float) -> None:
    """Give the children the time to write."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if all(_written(folder, pid) for pid in pids):
            return
        time.sleep(0.02)


def _written(folder: str, pid: int) -> bool:
    """Whether a child has written all, was never armed, or has ended.

    The main thread comes last, and its outermost line: that of a module, run by a file or with `-m`, or that there are
    more than are shown. Other ends, such as that of a child forked by a thread, are not known from a half; they cost
    the time that a child has.
    """
    try:
        text = Path(folder, str(pid)).read_text("utf-8", "replace")
    except OSError:
        return True
    return text.endswith(OUTERMOST) or procfs.ended(pid)


arming = Arming()
