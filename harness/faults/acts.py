"""What each fault does, inside the worker that has the task: real signals, limits and devices."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import random
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

FOR_EVER = 3600.0
HUGE = 16 * 2**20
HELD = threading.Lock()
"""Held by the parent while it starts workers: a forked worker has it locked, and nobody to release it."""
OTHERS = ThreadPoolExecutor(1)
"""The executor whose thread the parent has: a forked worker has the executor, and no thread."""
INSIDE: dict[str, Callable[[Callable[[], Any]], Future[Any]]] = {}
"""By the folder of the ledger: how a task submits to the pool that runs it, where that is the same process."""


class NeedsMore(Exception):
    """Is pickled with its message only, and cannot be made of that."""

    def __init__(self, message: str, where: str) -> None:
        super().__init__(message)
        self.where = where


def kill() -> None:
    """End this process as the kernel's out-of-memory killer does."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(FOR_EVER)


def _segv() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def _signal(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(1)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(FOR_EVER)  # whoever continues it finds it hanging still


def _hold_the_gil() -> None:
    ctypes.PyDLL(None).sleep(int(FOR_EVER))


def _wait_for(lock: threading.Lock) -> None:
    lock.acquire()
    lock.acquire()


def _take_and_give_back() -> None:
    with HELD:
        pass


@contextlib.contextmanager
def _limited(which: int, soft: int) -> Iterator[None]:
    before = resource.getrlimit(which)
    resource.setrlimit(which, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(which, before)


def _memory() -> None:
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    with _limited(resource.RLIMIT_AS, used + 64 * 2**20):
        bytearray(1024 * 2**20)


def _io_error() -> None:
    with open("/proc/self/mem", "rb", buffering=0) as file:
        file.read(1)  # no page is mapped at address 0


def _disk_full() -> None:
    with open("/dev/full", "wb", buffering=0) as file:
        file.write(b"x")


def _too_many_files() -> None:
    with _limited(resource.RLIMIT_NOFILE, len(os.listdir("/proc/self/fd"))), contextlib.ExitStack() as opened:
        for _ in range(64):
            opened.enter_context(open(os.devnull, "rb"))


def _clock_back() -> None:
    real = time.time
    time.time = lambda: real() - 3600.0  # the machine's clock belongs to everybody


class _Finalized:
    lock = threading.Lock()

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        with _Finalized.lock:
            pass


def _collect() -> None:
    gc.set_threshold(1)
    for _ in range(2000):
        _Finalized()
    gc.set_threshold(700, 10, 10)


def cut_the_next_message(seed: int, note: Callable[[], None]) -> None:
    """Die in the middle of the next message of more than a few bytes that this process sends; `note` comes before."""
    from multiprocessing.connection import Connection

    send = Connection._send  # type: ignore[attr-defined]

    def cut(self: Any, buffer: Any, *arguments: Any) -> None:
        if len(buffer) < 16:
            return send(self, buffer, *arguments)  # type: ignore[no-any-return]
        note()
        send(self, bytes(buffer)[: random.Random(seed).randrange(5, len(buffer))], *arguments)
        return kill()

    Connection._send = cut  # type: ignore[attr-defined]


def act(fault: str, seed: int, folder: str) -> None:
    """Do what a fault of the stages before, body and after does; returns if the task can go on."""
    chosen = random.Random(seed)
    what: dict[str, Callable[[], Any]] = {
        "kill-before-body": kill,
        "kill-in-body": kill,
        "kill-after-body": kill,
        "segv-in-body": _segv,
        "exit-in-body": lambda: os._exit(7),
        "terminate-in-body": lambda: _signal(signal.SIGTERM),
        "interrupt-in-body": lambda: _signal(signal.SIGINT),
        "memory-limit": _memory,
        "hang-sleep": lambda: time.sleep(FOR_EVER),
        "hang-stopped": _stop,
        "hang-gil": _hold_the_gil,
        "hang-lock": lambda: _wait_for(threading.Lock()),
        "slow-task": lambda: time.sleep(chosen.uniform(0.3, 0.6)),
        "io-error": _io_error,
        "disk-full": _disk_full,
        "too-many-files": _too_many_files,
        "clock-back": _clock_back,
        "gc-pressure": _collect,
        "submit-inside": lambda: INSIDE[folder](int).result(FOR_EVER),
        "fork-held-lock": _take_and_give_back,
        "fork-live-threads": lambda: OTHERS.submit(int).result(),
    }
    if fault == "error-that-does-not-load":
        raise NeedsMore("a task failed", "here")
    what.get(fault, lambda: None)()
