"""What an audit allows, what it adds to an exception, and that nothing of it stays."""

from __future__ import annotations

import _io
import asyncio
import builtins
import gc
import io
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import pytest

import harness
from harness import LeakKind, LeaksFound, UsageError, leak_audit
from harness.runtime.locks import Lock

WRAPPED: tuple[tuple[Any, str], ...] = (
    (builtins, "open"), (io, "open"), (_io, "open"), (os, "open"), (os, "pipe"), (os, "fork"), (os, "dup"),
    (socket.socket, "__init__"), (threading.Thread, "__init__"), (subprocess.Popen, "__init__"),
    (multiprocessing.process.BaseProcess, "start"), (tempfile, "mkdtemp"), (tempfile, "_mkstemp_inner"),
    (SharedMemory, "__init__"), (asyncio.base_events.BaseEventLoop, "create_task"),
    (asyncio.base_events.BaseEventLoop, "call_exception_handler"), (Future, "result"), (Future, "set_exception"),
    (Lock, "acquire"), (Lock, "release"), (threading, "excepthook"), (sys, "unraisablehook"),
)  # fmt: skip


def test_every_wrapper_is_gone_afterwards() -> None:
    before = [getattr(holder, name) for holder, name in WRAPPED]
    with leak_audit(), leak_audit():
        inside = [getattr(holder, name) for holder, name in WRAPPED]
    after = [getattr(holder, name) for holder, name in WRAPPED]
    assert all(a is b for a, b in zip(before, after, strict=True))
    assert not any(a is b for a, b in zip(before, inside, strict=True))


def test_an_exception_stays_and_gets_the_report_as_a_note() -> None:
    ends = []
    with pytest.raises(ValueError, match="of the test") as raised, leak_audit(settle=0):
        ends += os.pipe()
        raise ValueError("of the test")
    for end in ends:
        os.close(end)
    assert raised.value.__notes__[0].startswith("left behind: pipe")


def test_what_may_stay_is_ignored_by_pattern(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with leak_audit(settle=0, ignore=["file: */app.log"]):
        kept = log.open("w")
    kept.close()
    with pytest.raises(LeaksFound), leak_audit(settle=0, ignore=["file: */other.log"]):
        kept = log.open("w")
    kept.close()


def test_what_is_about_to_end_is_waited_for() -> None:
    with leak_audit(settle=5):
        threading.Timer(0.1, gc.isenabled).start()


@pytest.mark.parametrize(
    "wrong",
    [{"settle": -1}, {"settle": float("nan")}, {"settle": "x"}, {"ignore": "file: x"}, {"ignore": [1]}, {"ignore": 1}],
)
def test_a_wrong_argument_is_said(wrong: Any) -> None:
    with pytest.raises(UsageError):
        leak_audit(**wrong)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_that_is_left_and_one_that_is_not(method: str) -> None:
    context = multiprocessing.get_context(method)
    with leak_audit(), ProcessPoolExecutor(1, context) as pool:
        assert pool.submit(abs, -1).result() == 1
    with pytest.raises(LeaksFound) as found, leak_audit(settle=0):
        pool = ProcessPoolExecutor(1, context)
        assert pool.submit(abs, -1).result() == 1
    pool.shutdown()
    kinds = {leak.kind for leak in found.value.leaks}
    assert kinds >= {LeakKind.CHILD, LeakKind.THREAD, LeakKind.PIPE}


def leave_and_die(name: str) -> None:
    tempfile.mkdtemp(prefix="of-a-worker-")
    memory = SharedMemory(create=True, size=16, name=name)
    memory.close()
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_child_left_in_the_file_system() -> None:
    name = f"audit-{os.getpid()}"
    with pytest.raises(LeaksFound) as found, leak_audit(settle=0):
        child = multiprocessing.get_context("fork").Process(target=leave_and_die, args=(name,))
        child.start()
        child.join()
        child.close()
    SharedMemory(name=name).unlink()
    leaks = {leak.kind: leak for leak in found.value.leaks}
    os.rmdir(leaks[LeakKind.TEMPORARY_DIRECTORY].what)
    assert set(leaks) == {LeakKind.TEMPORARY_DIRECTORY, LeakKind.SHARED_MEMORY}
    assert all("test_audit.py" in leak.where and "in a child process" in leak.where for leak in leaks.values())


def test_a_lock_that_is_as_old_as_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old_locks.py").write_text("import _thread\nLOCK = _thread.allocate_lock()\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    old_locks: Any = __import__("old_locks")
    with pytest.raises(LeaksFound) as found, leak_audit(settle=0):
        old_locks.LOCK.acquire()
    assert [leak.what for leak in found.value.leaks] == ["old_locks.LOCK is held"]


def test_an_exploration_leaves_nothing_behind_and_concludes_the_same() -> None:
    class Stats:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.total = 0

        def record(self) -> None:
            with self.lock:
                self.total += 1

        def unlocked(self) -> None:
            self.total += 1

    def check(stats: Stats, results: Any) -> bool:
        return stats.total == 2

    with leak_audit():
        good = harness.explore(Stats, [Stats.record] * 2, check, schedules=50)
        bad = harness.explore(Stats, [Stats.unlocked] * 2, check, schedules=50)
    assert (good.verdict, bad.verdict) == (harness.Verdict.PASS, harness.Verdict.FAIL)


def test_an_exception_that_a_callback_hears_of_is_not_lost() -> None:
    heard = []
    with leak_audit(), ThreadPoolExecutor(1) as pool:
        pool.submit(time.sleep, -1).add_done_callback(lambda done: heard.append(done.exception()))
    assert len(heard) == 1
