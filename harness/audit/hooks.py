"""Notes where things are made, while an audit is active: wrappers round the functions that make them, undone after.

No audit hook of the interpreter (`sys.addaudithook`): it can never be taken away again, is told before the descriptor
has a number, and is told nothing at all of pipes.
"""

from __future__ import annotations

import asyncio.base_events
import builtins
import contextlib
import functools
import io
import multiprocessing.process
import multiprocessing.shared_memory
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from harness.audit.holding import holding
from harness.audit.notes import notes
from harness.audit.places import calling_line
from harness.runtime.active import slot

Note = Callable[..., None]


class Hooks:
    """The wrappers; counts its users, so that audits can nest."""

    def __init__(self) -> None:
        self._users = 0
        self._undo: list[tuple[Any, str, Any, Any]] = []

    def install(self) -> None:
        """Put every wrapper in place, if no other audit has."""
        self._users += 1
        if self._users > 1:
            return
        calling_line()  # finds out where the libraries are, for which it opens files
        notes.begin()
        self._made()
        holding.install()
        self._futures()
        self._lost()

    def uninstall(self) -> None:
        """Take the wrappers away with the last user. One that somebody wrapped again stays, and lets through."""
        self._users -= 1
        if self._users:
            return
        for holder, name, original, replacement in reversed(self._undo):
            if getattr(holder, name, None) is replacement:
                setattr(holder, name, original)
        self._undo.clear()
        holding.uninstall()
        notes.end()

    def _put(self, holder: Any, name: str, replacement: Any) -> None:
        self._undo.append((holder, name, getattr(holder, name), replacement))
        setattr(holder, name, replacement)

    def _after(self, holder: Any, name: str, note: Note) -> None:
        """Wrap a function so that ``note(result, args)`` is called once it has returned."""
        original = getattr(holder, name)

        @functools.wraps(original)
        def noting(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if notes.on and slot.explorer is None:
                _try(note, result, args)
            return result

        self._put(holder, name, noting)

    def _made(self) -> None:
        opened = functools.wraps(io.open)(_opening(io.open))
        for holder in (io, builtins, sys.modules["_io"]):
            self._put(holder, "open", opened)
        self._after(os, "open", lambda fd, args: notes.descriptor(fd, calling_line()))
        self._after(os, "dup", lambda fd, args: notes.descriptor(fd, calling_line()))
        self._after(os, "pipe", _piped)
        for owner in (socket.socket, selectors.EpollSelector):
            self._after(owner, "__init__", lambda _, args: notes.descriptor(args[0].fileno(), calling_line()))
        self._after(threading.Thread, "__init__", lambda _, args: _mark(args[0]))
        self._after(subprocess.Popen, "__init__", lambda _, args: _popen(args[0]))
        started = multiprocessing.process.BaseProcess
        self._after(started, "start", lambda _, args: notes.child(args[0].pid, calling_line()))
        self._after(os, "fork", lambda pid, args: notes.child(pid, calling_line()) if pid else None)
        self._after(os, "posix_spawn", lambda pid, args: notes.child(pid, calling_line()))
        # Both `mkstemp` and `NamedTemporaryFile` go through this one.
        self._after(tempfile, "_mkstemp_inner", lambda made, args: notes.path(made[1], calling_line()))
        self._after(tempfile, "mkdtemp", lambda path, args: notes.path(path, calling_line()))
        self._after(multiprocessing.shared_memory.SharedMemory, "__init__", _segment)
        self._after(asyncio.base_events.BaseEventLoop, "create_task", lambda task, args: _mark(task))
        self._after(asyncio.base_events.BaseEventLoop, "create_future", lambda future, args: _mark(future))

    def _futures(self) -> None:
        self._after(Future, "__init__", lambda _, args: notes.future(args[0], calling_line()))
        self._failing()
        self._after(Future, "add_done_callback", lambda _, args: notes.asked(args[0]))
        for name in ("result", "exception"):
            self._asking(name)

    def _failing(self) -> None:
        original = Future.set_exception

        @functools.wraps(original)
        def failing(self: Future[Any], exception: BaseException | None) -> None:
            leak = notes.failing(self, exception) if notes.on and slot.explorer is None else None
            try:
                original(self, exception)
            except BaseException:
                notes.refused(self, leak)
                raise

        self._put(Future, "set_exception", failing)

    def _asking(self, name: str) -> None:
        original = getattr(Future, name)

        @functools.wraps(original)
        def asking(self: Future[Any], timeout: float | None = None) -> Any:
            __tracebackhide__ = True
            try:
                found = original(self, timeout)
            except BaseException as error:
                if error is self._exception:  # else the waiting timed out
                    notes.asked(self)
                raise
            notes.asked(self)
            return found

        self._put(Future, name, asking)

    def _lost(self) -> None:
        """The places where the interpreter and asyncio tell of exceptions that nobody caught."""
        previous, unraisable = threading.excepthook, sys.unraisablehook

        def in_thread(args: Any, /) -> None:
            notes.thread_exception(args)
            previous(args)

        def in_finaliser(args: Any, /) -> None:
            notes.unraisable(args)
            unraisable(args)

        self._put(threading, "excepthook", in_thread)
        self._put(sys, "unraisablehook", in_finaliser)
        handler = asyncio.base_events.BaseEventLoop.call_exception_handler

        @functools.wraps(handler)
        def handling(self: Any, context: Any) -> None:
            notes.told(context)
            handler(self, context)

        self._put(asyncio.base_events.BaseEventLoop, "call_exception_handler", handling)


def _opening(original: Callable[..., Any]) -> Callable[..., Any]:
    def open(file: Any, mode: Any = "r", *args: Any, **kwargs: Any) -> Any:
        new = notes.on and _new_temporary(file, mode)
        opened = original(file, mode, *args, **kwargs)
        if notes.on and slot.explorer is None:
            _try(_opened, opened, os.path.abspath(os.fspath(file)) if new else "")
        return opened

    return open


def _piped(pair: tuple[int, int], _: tuple[Any, ...]) -> None:
    for end in pair:
        notes.descriptor(end, calling_line())


def _opened(opened: Any, path: str) -> None:
    where = calling_line()
    notes.descriptor(opened.fileno(), where)
    if path:
        notes.path(path, where)


def _try(note: Note, *arguments: Any) -> None:
    """The call that is noted has succeeded: a note that fails must not fail it."""
    with contextlib.suppress(Exception):
        note(*arguments)


def _new_temporary(file: Any, mode: Any) -> bool:
    """Whether opening makes a file in the folder for temporary files."""
    if isinstance(file, int) or not isinstance(mode, str) or not set(mode) & set("wxa"):
        return False
    try:
        path = os.path.abspath(os.fsdecode(file))
    except TypeError:
        return False
    return path.startswith(os.path.join(tempfile.gettempdir(), "")) and not os.path.exists(path)


def _mark(made: Any) -> None:
    with contextlib.suppress(AttributeError):  # a type without attributes of its own: where it stands is told instead
        made._harness_made = calling_line()


def _popen(process: subprocess.Popen[Any]) -> None:
    where = calling_line()
    notes.child(process.pid, where)
    for end in (process.stdin, process.stdout, process.stderr):
        if end is not None:
            notes.descriptor(end.fileno(), where)


def _segment(_: None, args: tuple[Any, ...]) -> None:
    memory = args[0]
    where = calling_line()
    if memory._fd >= 0:
        notes.descriptor(memory._fd, where)
    notes.segment(memory.name, where)


hooks = Hooks()
