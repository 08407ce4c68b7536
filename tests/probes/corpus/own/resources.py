"""What cannot be pickled, by kind: locks, files, threads, frames, and hooks that refuse, hang or exit."""

from __future__ import annotations

import asyncio
import contextvars
import io
import logging
import mmap
import multiprocessing
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable
from typing import Any

from tests.probes.corpus.case import Case, Expected, Fails


class Holder:
    """Holds one thing under ``thing``."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing


class Condition(Holder):
    def __init__(self) -> None:
        self.ready = threading.Condition()  # culprit: condition


class Jobs:
    def __init__(self) -> None:
        self.jobs: queue.Queue[int] = queue.Queue()  # culprit: queue


class Stream:
    def __init__(self) -> None:
        self.log = logging.StreamHandler(io.StringIO())  # culprit: handler


class OpenFile:
    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile("w+")  # noqa: SIM115  # culprit: file


class Mapped:
    def __init__(self) -> None:
        self.view = mmap.mmap(-1, 4096)  # culprit: mmap


class Background:
    def __init__(self) -> None:
        self.thread = threading.Thread(target=print)  # culprit: thread


class Child:
    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", "pass"])  # culprit: popen
        self.process.wait()


class Shared:
    def __init__(self) -> None:
        self.gate = multiprocessing.get_context("spawn").Lock()  # culprit: mp_lock


class Scoped:
    def __init__(self) -> None:
        self.variable: contextvars.ContextVar[int] = contextvars.ContextVar("corpus")  # culprit: contextvar


class View:
    def __init__(self) -> None:
        self.window = memoryview(b"abc")  # culprit: memoryview


class Tee:
    def __init__(self) -> None:
        self.table = types.MappingProxyType({"a": 1})  # culprit: mappingproxy


class Frame:
    def __init__(self) -> None:
        self.frame = sys._getframe()  # culprit: frame


class Coroutine:
    """A coroutine that was made and not awaited; closed so that nothing warns."""

    def __init__(self) -> None:
        self.pending = self.work()  # culprit: coroutine
        self.pending.close()

    async def work(self) -> None: ...


class Loop:
    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()  # culprit: loop
        self.loop.close()


class Refusing:
    def __getstate__(self) -> Any:
        raise RuntimeError("not today")


class Exiting:
    def __reduce__(self) -> Any:
        sys.exit(3)


class Killing:
    def __reduce__(self) -> Any:
        os._exit(4)


class Hanging:
    def __reduce__(self) -> Any:
        time.sleep(1e6)


class Recursive:
    def __getstate__(self) -> Any:
        return self.__getstate__()


class Malformed:
    def __reduce__(self) -> Any:
        return (1, 2, 3, 4, 5, 6, 7)


class NotCallable:
    def __reduce__(self) -> Any:
        return ("no function", ())


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def _traceback() -> Any:
    try:
        raise ValueError("kept with its traceback")
    except ValueError as error:
        return error.__traceback__


def _held(name: str, thing: Callable[[], Any], type_: str) -> Case:
    return Case(name, Fails.DUMP, lambda: [1, {"held": Holder(thing())}], (Expected("obj[1]['held'].thing", type_),))


def _case(name: str, make: Callable[[], Any], path: str, type_: str, line: str) -> Case:
    return Case(name, Fails.DUMP, make, (Expected(path, type_, line),))


CASES: tuple[Case, ...] = (
    _case("condition", Condition, "obj.ready._lock", "RLock", "condition"),
    Case("queue", Fails.DUMP, Jobs, (Expected("obj.jobs.mutex", "lock", "queue"),)),
    Case("stream_handler", Fails.DUMP, Stream, (Expected("obj.log.lock", "RLock", "handler"),)),
    _case("open_file", OpenFile, "obj.file", "", "file"),
    _case("mmap", Mapped, "obj.view", "mmap", "mmap"),
    _case("thread", Background, "obj.thread._started._cond._lock", "lock", "thread"),
    _case("popen", Child, "obj.process._waitpid_lock", "lock", "popen"),
    _case("mp_lock_in_work_item", Shared, "obj.gate", "Lock", "mp_lock"),
    _case("context_variable", Scoped, "obj.variable", "ContextVar", "contextvar"),
    _case("memory_view", View, "obj.window", "memoryview", "memoryview"),
    _case("mapping_proxy", Tee, "obj.table", "mappingproxy", "mappingproxy"),
    _case("frame", Frame, "obj.frame", "frame", "frame"),
    _case("coroutine", Coroutine, "obj.pending", "coroutine", "coroutine"),
    _held("traceback", lambda: _traceback(), "traceback"),
    _held("refusing_getstate", Refusing, "Refusing"),
    _held("exiting_reduce", Exiting, "Exiting"),
    _held("killing_reduce", Killing, "Killing"),
    _held("hanging_reduce", Hanging, "Hanging"),
    _held("recursive_getstate", Recursive, "Recursive"),
    _held("malformed_reduce", Malformed, "Malformed"),
    _held("reduce_not_callable", NotCallable, "NotCallable"),
    Case("deep_list", Fails.DUMP, lambda: deep(100_000), (Expected("obj", "list"),)),
    Case(
        "two_culprits",
        Fails.DUMP,
        lambda: {"a": Condition(), "b": [OpenFile()]},
        (Expected("obj['a'].ready._lock", "RLock", "condition"), Expected("obj['b'][0].file", "", "file")),
    ),
)
