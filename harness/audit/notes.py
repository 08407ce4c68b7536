"""What the hooks noted while an audit was active: who made what. It judges nothing.

A forked child inherits the hooks; what it makes and leaves to the file system comes back through an anonymous file
that both hold.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import threading
import weakref
from concurrent.futures import Future
from typing import Any

from harness.audit.leaks import Leak, LeakKind
from harness.model import one_line

LOST = {
    "Task exception was never retrieved": LeakKind.TASK_EXCEPTION,
    "Future exception was never retrieved": LeakKind.FUTURE_EXCEPTION,
    "Task was destroyed but it is pending!": LeakKind.PENDING_TASK,
}


class Notes:
    """The tables of one stretch of auditing."""

    def __init__(self) -> None:
        self.on = False
        self._owner = 0
        self._from_children = -1
        self._file = (-1, -1)
        self._numbers = itertools.count()  # goes on from one stretch to the next: futures may outlive theirs
        self._clear()

    def _clear(self) -> None:
        self.descriptors: dict[int, tuple[str, str]] = {}
        self.children: dict[int, str] = {}
        self.paths: dict[str, str] = {}
        self.segments: dict[str, str] = {}
        self.futures: weakref.WeakValueDictionary[int, Future[Any]] = weakref.WeakValueDictionary()
        self.unasked: dict[int, Leak] = {}
        self.lost: list[Leak] = []

    def begin(self) -> None:
        """Start with empty tables."""
        self._clear()
        self._owner = os.getpid()
        if hasattr(os, "memfd_create"):
            self._from_children = os.memfd_create("harness-audit")
            fcntl.fcntl(self._from_children, fcntl.F_SETFL, os.O_APPEND)
            self._file = _file_of(self._from_children)
        self.on = True

    def end(self) -> None:
        """Forget everything."""
        self.on = False
        if self._shared():
            os.close(self._from_children)
        self._from_children = -1
        self._clear()

    def own_descriptor(self) -> int:
        """The descriptor that belongs to the audit itself, or -1."""
        return self._from_children

    def _shared(self) -> bool:
        """Whether the file is still open: others close what they inherited, and get its number for a file of theirs."""
        return self._from_children >= 0 and _file_of(self._from_children) == self._file

    def descriptor(self, fd: int, where: str) -> None:
        with contextlib.suppress(OSError):  # closed meanwhile, or no /proc
            self.descriptors[fd] = (os.readlink(f"/proc/self/fd/{fd}"), where)

    def child(self, pid: int | None, where: str) -> None:
        if pid is not None:
            self.children[pid] = where

    def path(self, path: Any, where: str) -> None:
        self._left(self.paths, "path", os.path.abspath(os.fsdecode(path)), where)

    def segment(self, name: str, where: str) -> None:
        name = name.lstrip("/")
        if name not in self.segments:  # the one who made it, not those who attached later
            self._left(self.segments, "segment", name, where)

    def _left(self, table: dict[str, str], kind: str, name: str, where: str) -> None:
        table[name] = where
        if os.getpid() != self._owner and self._from_children >= 0:
            if self._shared():
                os.write(self._from_children, json.dumps([kind, name, where]).encode() + b"\n")
            else:
                self.on = False  # a child that closed what it inherited goes on unobserved

    def read_children(self) -> None:
        """Take over what forked children noted."""
        if not self._shared():
            return
        size = os.fstat(self._from_children).st_size
        whole, _, _ = os.pread(self._from_children, size, 0).rpartition(b"\n")  # a child may be writing the next
        for line in whole.splitlines():
            kind, name, where = json.loads(line)
            (self.paths if kind == "path" else self.segments).setdefault(name, f"{where} (in a child process)")

    def future(self, future: Future[Any], where: str) -> None:
        future._harness_made = where  # type: ignore[attr-defined]
        future._harness_number = next(self._numbers)  # type: ignore[attr-defined]
        self.futures[id(future)] = future  # last: another thread may be looking at what is in here

    def live_futures(self) -> list[Future[Any]]:
        """The futures of this stretch that there still are."""
        # Not `values()`, which another thread that makes a future meanwhile would break.
        return [future for known in self.futures.valuerefs() if (future := known()) is not None]

    def failing(self, future: Future[Any], error: BaseException | None) -> Leak | None:
        """A future is about to get an exception: whoever asks for it later finds the note and takes it away."""
        number = getattr(future, "_harness_number", None)
        if number is None or error is None:
            return None
        leak = Leak(LeakKind.FUTURE_EXCEPTION, one_line(error), future._harness_made)  # type: ignore[attr-defined]
        self.unasked.setdefault(number, leak)
        if future._done_callbacks:  # type: ignore[attr-defined]
            self.asked(future)
        return leak

    def refused(self, future: Future[Any], leak: Leak | None) -> None:
        """A future did not take the exception of ``failing``, for it was done before."""
        number = getattr(future, "_harness_number", -1)
        if self.unasked.get(number) is leak:
            self.unasked.pop(number, None)

    def asked(self, future: Future[Any]) -> None:
        self.unasked.pop(getattr(future, "_harness_number", -1), None)

    def thread_exception(self, args: Any) -> None:
        if args.exc_type is SystemExit or not self.on:
            return
        thread: threading.Thread | None = args.thread
        name = thread.name if thread is not None else "a thread"
        where = getattr(thread, "_harness_made", "")
        self.lost.append(Leak(LeakKind.THREAD_EXCEPTION, f"{_shown(args)} in {name}", where))

    def unraisable(self, args: Any) -> None:
        if self.on:
            where = getattr(args.object, "__qualname__", type(args.object).__qualname__)
            self.lost.append(Leak(LeakKind.UNRAISABLE, f"{_shown(args)}: {args.err_msg or 'ignored in'} {where}", ""))

    def told(self, context: Any) -> None:
        """An event loop tells of something that nobody asked for."""
        kind = LOST.get(context.get("message", ""))
        if kind is None or not self.on:
            return
        source = context.get("task") or context.get("future")
        error = context.get("exception")
        what = one_line(error) if error is not None else "destroyed while it was pending"
        name = source.get_name() if hasattr(source, "get_name") else "a future"
        self.lost.append(Leak(kind, f"{what} in {name}", getattr(source, "_harness_made", "")))


def _file_of(descriptor: int) -> tuple[int, int]:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return (-2, -2)
    return found.st_dev, found.st_ino


def _shown(args: Any) -> str:
    return one_line(args.exc_value) if args.exc_value is not None else args.exc_type.__name__


notes = Notes()
