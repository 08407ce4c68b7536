"""What an audit allows, what it adds to an exception, and that nothing of it stays."""

from __future__ import annotations

import _io
import _thread
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
import weakref
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

import harness
from harness import Leak, LeakKind, LeaksFound, UsageError, leak_audit
from harness.audit.notes import Notes, notes
from harness.audit.observe import holder_of, observe
from harness.audit.workers import workers
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


def test_the_last_look_is_no_older_than_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [[Leak(LeakKind.THREAD, "about to end")], []]
    clock = [0.0]

    def stall() -> list[Leak]:
        clock[0] += 10
        return looks.pop(0)

    audit = leak_audit(settle=1)
    audit.start()
    monkeypatch.setattr(audit, "_difference", stall)
    stalled = SimpleNamespace(monotonic=lambda: clock[0], sleep=lambda seconds: None)
    monkeypatch.setattr("harness.audit.audit.time", stalled)
    assert audit.finish() == ()


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
    resource_tracker.ensure_running()  # else the child has its own, which unlinks what the child left
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


@pytest.mark.parametrize(
    "ask",
    [
        lambda future: future.exception(),
        lambda future: pytest.raises(ValueError, future.result),
        lambda future: future.add_done_callback(id),
    ],
    ids=["exception", "result", "callback"],
)
def test_an_exception_may_be_asked_for_at_once(ask: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch) -> None:
    asked, original = threading.Event(), Future.set_exception

    def before_the_worker_goes_on(self: Future[Any], exception: BaseException | None) -> None:
        original(self, exception)
        assert asked.wait(60)

    monkeypatch.setattr(Future, "set_exception", before_the_worker_goes_on)
    with leak_audit(settle=0), ThreadPoolExecutor(1) as pool:
        ask(pool.submit(int, "not a number"))
        asked.set()


def test_a_callback_may_come_while_the_exception_is_noted() -> None:
    class Late(Exception):
        def __str__(self) -> str:
            future.add_done_callback(id)
            return "late"

    with leak_audit(settle=0):
        future: Future[int] = Future()
        future.set_exception(Late())


def test_who_stopped_waiting_before_the_exception_came_has_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Future.result

    def result(self: Future[Any], timeout: float | None = None) -> Any:
        try:
            return original(self, timeout)
        except TimeoutError:
            self.set_exception(ValueError("late"))
            raise

    monkeypatch.setattr(Future, "result", result)
    with pytest.raises(LeaksFound, match="ValueError: late"), leak_audit(settle=0):
        future: Future[int] = Future()
        with pytest.raises(TimeoutError):
            future.result(timeout=0)


def test_an_exception_that_a_future_does_not_take_is_not_its_own() -> None:
    done: Future[int] = Future()
    failed: Future[int] = Future()
    with pytest.raises(LeaksFound) as found, leak_audit(settle=0):
        done.__init__()  # type: ignore[misc]  # made inside
        failed.__init__()  # type: ignore[misc]
        done.set_result(1)
        failed.set_exception(ValueError("first"))
        for future in (done, failed):
            with pytest.raises(InvalidStateError):
                future.set_exception(ValueError("second"))
    assert [leak.what for leak in found.value.leaks] == ["ValueError: first"]


def test_a_future_of_an_earlier_stretch_is_not_taken_for_another() -> None:
    with leak_audit():
        old: Future[int] = Future()
        old.set_result(1)
    with pytest.raises(LeaksFound, match="ValueError: new"), leak_audit(settle=0):
        new: Future[int] = Future()
        new.set_exception(ValueError("new"))
        assert old.result() == 1


def test_futures_may_be_made_while_they_are_listed() -> None:
    known, kept, traced = Notes(), [Future[int]()], sys.gettrace()
    known.future(kept[0], "here")

    def meanwhile(frame: Any, event: str, arg: Any) -> Any:
        if frame.f_globals is vars(weakref):
            kept.append(Future())
            known.future(kept[-1], "here")
        return meanwhile

    sys.settrace(meanwhile)
    try:
        found = known.live_futures()
    finally:
        sys.settrace(traced)
    assert kept[0] in found and len(kept) > 1


def test_a_future_is_listed_with_all_that_is_known_of_it() -> None:
    class Listed(weakref.WeakValueDictionary[int, Any]):
        def __setitem__(self, key: int, future: Any) -> None:
            seen.append((future._harness_number, future._harness_made))

    seen: list[tuple[int, str]] = []
    known = Notes()
    known.futures = Listed()
    known.future(Future(), "here")
    assert seen == [(0, "here")]


def test_paths_may_be_made_while_they_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    exists = os.path.lexists

    def meanwhile(path: str) -> bool:
        notes.path(f"{path}-and-another", "here")
        return exists(path)

    with leak_audit():
        notes.path("/not/there", "here")
        monkeypatch.setattr(os.path, "lexists", meanwhile)
        observe()
        monkeypatch.undo()


def test_an_attribute_may_be_made_while_the_holder_of_a_lock_is_looked_for() -> None:
    class Service:
        def __init__(self) -> None:
            self.first = 0
            self.lock = threading.Lock()

    service, traced = Service(), sys.gettrace()

    def meanwhile(frame: Any, event: str, arg: Any) -> Any:
        frame.f_trace_opcodes = True
        setattr(service, f"new{len(vars(service))}", 1)
        return meanwhile

    sys.settrace(meanwhile)
    try:
        name = holder_of(service.lock)
    finally:
        sys.settrace(traced)
    assert name.endswith("Service.lock")


def test_the_ends_of_a_worker_may_be_closed_while_it_is_looked_at() -> None:
    class Closing:
        _args: tuple[int, ...] | None = (3, 4)

        def still_active(self) -> bool:
            self._args = None  # by another thread, after the answer
            return True

    worker: Any = multiprocessing.get_context("fork").Process()
    worker._popen = SimpleNamespace(pid=1, sentinel=3, finalizer=Closing())
    assert workers([SimpleNamespace(_pool=[worker])]).descriptors == {3, 4}
    worker._popen = None


def test_a_task_that_another_thread_is_making_is_not_looked_into() -> None:
    with leak_audit(settle=0):
        task: Any = asyncio.Task.__new__(asyncio.Task)
    assert not task.done()


def test_a_child_that_ends_between_two_questions_is_a_zombie(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LeaksFound) as found, leak_audit(settle=0):
        child = subprocess.Popen([sys.executable, "-c", ""])
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        monkeypatch.setattr(psutil.Process, "status", lambda process: psutil.STATUS_RUNNING)
    child.wait()
    assert [leak.kind for leak in found.value.leaks] == [LeakKind.ZOMBIE]


def test_a_lock_is_not_taken_for_one_that_was_in_its_place() -> None:
    class Service:
        lock: Any

    service = Service()
    first = _thread.allocate_lock()
    first.acquire()
    audit = leak_audit(settle=0)
    audit.start()
    place = id(first)
    del first
    others = []
    while id(lock := _thread.allocate_lock()) != place and len(others) < 100_000:
        others.append(lock)
    service.lock = lock
    lock.acquire()
    found = audit.finish()
    assert id(lock) == place
    assert [leak.what.endswith("Service.lock is held") for leak in found] == [True]


def test_what_a_child_is_writing_is_left_until_it_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Notes()
    known.begin()
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: 0)
        known.path("/a\tb\n", "x.py:1")
        known.path("/c", "x.py:2")
    known.paths.clear()
    os.truncate(known.own_descriptor(), os.fstat(known.own_descriptor()).st_size - 3)
    known.read_children()
    found = dict(known.paths)
    known.end()
    assert found == {"/a\tb\n": "x.py:1 (in a child process)"}


def test_a_child_that_closes_what_it_inherited_writes_into_no_file_of_its_own(tmp_path: Path) -> None:
    def close_and_open() -> None:
        os.closerange(3, 256)
        for _ in range(100):
            os.open(own, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.rmdir(tempfile.mkdtemp())

    own = tmp_path / "own"
    with leak_audit(settle=0):
        child = multiprocessing.get_context("fork").Process(target=close_and_open)
        child.start()
        child.join()
        assert child.exitcode == 0
        child.close()
    assert own.read_bytes() == b""
