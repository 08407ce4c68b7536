"""The event loop behind the interface of an executor, as the comparison of pools and the outcome table use it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from harness.faults.event_loop import LoopPool
from harness.faults.pools import pool_type
from harness.pools.executors import POOLS

MAKERS: dict[str, Callable[[], Any]] = {
    "compared, to_thread": lambda: POOLS["asyncio-to-thread"].open(2),
    "compared, run_in_executor": lambda: POOLS["asyncio-executor"].open(2),
    "under chaos, to_thread": lambda: pool_type("to-thread").make(2, None),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_tasks_run_off_the_loop_and_nothing_is_left(make: Callable[[], Any]) -> None:
    before = set(threading.enumerate())
    pool = make()
    both = threading.Barrier(2)  # two at a time
    waits = [pool.submit(both.wait, timeout=20) for _ in range(2)]
    assert sorted(wait.result(20) for wait in waits) == [0, 1]
    with pytest.raises(ZeroDivisionError):
        pool.submit(divmod, 1, 0).result(20)
    with pytest.raises(RuntimeError, match="no running event loop"):
        pool.submit(asyncio.get_running_loop).result(20)
    pool.shutdown()
    assert set(threading.enumerate()) <= before
    assert pool.loop.is_closed()


def test_it_waits_for_its_tasks() -> None:
    go, pool = threading.Event(), LoopPool(1)
    task = pool.submit(go.wait, 20)
    timer = threading.Timer(0.2, go.set)
    timer.start()
    pool.shutdown(wait=False)
    assert task.result(0) is True
    timer.join()


def test_to_thread_copies_the_context() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")
    pool = LoopPool(1)
    variable.set("given")
    assert pool.submit(variable.get).result(20) == "given"
    pool.shutdown()
