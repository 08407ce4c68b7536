"""Threads that no schedule controls: their own locks are their business, what they share with the target is waited for.

Their code lies outside the project, as that of pytest's plugins does; what a controlled thread does there is no yield
point.
"""

from __future__ import annotations

import _thread
import functools
import os
import threading
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from harness import Kind, Verdict, explore
from harness.runtime import watch
from harness.runtime.locks import Lock, RLock

ELSEWHERE = os.path.join(os.sep, "elsewhere", "plugin.py")
SOURCE = """
def run(action, ended):
    try:
        action()
    finally:
        ended.release()

def spin(ended):
    while not ended.acquire(False):
        pass

def use(lock):
    lock.acquire()
    lock.release()

def keep(lock, took, leave, errors):
    lock.acquire()
    took.release()
    leave.acquire()
    try:
        lock.release()
    except RuntimeError as error:
        errors.append(error)

def take_back(lock, took, leave, errors):
    lock.acquire()
    lock._acquire_restore(lock._release_save())
    took.release()
    leave.acquire()
    try:
        lock.release()
    except RuntimeError as error:
        errors.append(error)

"""
FOREIGN: dict[str, Any] = {}
exec(compile(SOURCE, ELSEWHERE, "exec"), FOREIGN)
spin, use, keep, take_back = (FOREIGN[name] for name in ("spin", "use", "keep", "take_back"))


def closed() -> Any:
    """A native lock that is taken."""
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock


def outside(action: Callable[[], object]) -> Any:
    """Let a thread that no schedule controls do it; the lock that it returns is released afterwards."""
    ended = closed()
    _thread.start_new_thread(FOREIGN["run"], (action, ended))
    return ended


def two_locks() -> SimpleNamespace:
    return SimpleNamespace(left=threading.Lock(), right=threading.Lock(), total=0)


def crossing(first: str, second: str, own: Any, state: SimpleNamespace) -> None:
    with getattr(state, first):
        spin(outside(functools.partial(use, own)))
        with getattr(state, second):
            state.total += 1


@pytest.mark.parametrize("kind", [Lock, RLock])
def test_the_lock_of_an_outsider_hides_no_deadlock(kind: Callable[[], Any]) -> None:
    """It is used in every schedule, while the threads wait for each other; a replay sees the deadlock too."""
    own = kind()
    threads = [functools.partial(crossing, *names, own) for names in (("left", "right"), ("right", "left"))]
    found = explore(two_locks, threads, lambda state: True)
    assert found.failure is not None, found
    assert found.failure.kind == Kind.DEADLOCK
    again = explore(two_locks, threads, lambda state: True, replay=found.failure.witness)
    assert again.failure is not None, again
    assert again.failure.kind == Kind.DEADLOCK


def test_an_outsider_that_has_the_lock_of_the_target_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads of the schedule wait for it, and it comes back while nobody can run: no deadlock."""
    sleep, waited, errors = watch._sleep, deque[Any](), list[Exception]()

    def wait_a_moment(seconds: float) -> None:
        while waited:
            waited.pop().release()
        sleep(seconds)

    def borrow(state: SimpleNamespace) -> None:
        took, leave = closed(), closed()
        waited.append(leave)
        outside(functools.partial(keep, state.left, took, leave, errors))
        spin(took)
        with state.left:
            state.total += 1

    def wait(state: SimpleNamespace) -> None:
        with state.left:
            state.total += 1

    monkeypatch.setattr(watch, "_sleep", wait_a_moment)
    exploration = explore(two_locks, [borrow, wait], lambda state: bool(state.total == 2), schedules=20)
    wait_a_moment(0)
    assert exploration.verdict is not Verdict.FAIL, exploration
    assert "outside the scenario" not in exploration.reason
    assert not errors


@pytest.mark.parametrize("waits", [False, True])
def test_a_lock_that_an_outsider_has_when_a_schedule_ends_stays_its_own(waits: bool) -> None:
    """Also one that it took back after it had waited for a notification."""
    own, took, leave, errors = RLock(), closed(), closed(), []
    ended = []

    def share(state: SimpleNamespace) -> None:
        if not ended:
            ended.append(outside(functools.partial(take_back if waits else keep, own, took, leave, errors)))
            spin(took)
        with state.left:
            state.total += 1

    exploration = explore(two_locks, [share, share], lambda state: bool(state.total == 2))
    leave.release()
    ended[0].acquire()
    assert errors == []
    assert own.acquire(False)
    assert exploration.verdict is not Verdict.FAIL, exploration
