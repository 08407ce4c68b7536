"""The process-wide pool of the reference modules: what its docstrings promise, on executors that break when told to."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from fixtures.global_pool import repaired, threads, timed
from fixtures.global_pool.repaired import GlobalPool
from fixtures.global_pool.supervisor import _ended


class Breaking(ThreadPoolExecutor):
    """Breaks under its first `breaks` tasks, which learn of it in their result."""

    def __init__(self, breaks: int = 0) -> None:
        super().__init__(1)
        self.breaks = breaks

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.breaks -= 1
        return super().submit(fn if self.breaks < 0 else self._break, *args, **kwargs)

    def _break(self, *_: object) -> None:
        raise BrokenExecutor("a worker died abruptly")


@pytest.fixture
def executors() -> Iterator[list[Breaking]]:
    made: list[Breaking] = []
    yield made
    for executor in made:
        executor.shutdown()


@pytest.mark.parametrize("form", ["released", "repaired", "threads_released", "threads", "timed"])
def test_every_form_runs_tasks_and_counts(form: str) -> None:
    pool = import_module(f"fixtures.global_pool.{form}").GlobalPool(lambda: ThreadPoolExecutor(2))
    assert [pool.submit_safe(pow, 2, number).result(20) for number in range(4)] == [1, 2, 4, 8]
    with pytest.raises(ZeroDivisionError):
        pool.submit_safe(divmod, 1, 0).result(20)
    assert (pool.health()["submitted"], pool.health()["rebuilds"]) == (5, 0)
    pool.close()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit_safe(pow, 2, 2)


def test_a_task_whose_workers_die_runs_again(executors: list[Breaking]) -> None:
    pool = GlobalPool(_maker(executors, 1, 1, 0), retries=2)
    assert pool.submit_safe(pow, 2, 5).result(20) == 32
    assert pool.health() == {"is_broken": False, "submitted": 1, "rebuilds": 2}
    pool.close()


def test_a_task_that_always_kills_is_given_up_and_the_pool_lives(executors: list[Breaking]) -> None:
    pool = GlobalPool(_maker(executors, 1, 1, 1, 0), retries=2)
    with pytest.raises(BrokenExecutor):
        pool.submit_safe(pow, 2, 5).result(20)
    assert pool.health() == {"is_broken": False, "submitted": 1, "rebuilds": 3}
    assert pool.submit_safe(pow, 2, 5).result(20) == 32
    pool.close()


def test_a_pool_that_cannot_be_rebuilt_says_so_and_tries_again(executors: list[Breaking]) -> None:
    make = _maker(executors, 2, 0)
    pool = GlobalPool(make)
    pool._make_executor = lambda: (_ for _ in ()).throw(OSError("too many processes"))
    with pytest.raises(OSError, match="too many processes"):
        pool.submit_safe(pow, 2, 5).result(20)
    assert pool.health()["is_broken"] is True
    pool._make_executor = make
    assert pool.submit_safe(pow, 2, 5).result(20) == 32
    assert pool.health()["is_broken"] is False
    pool.close()


def test_a_closed_pool_replaces_no_worker(executors: list[Breaking]) -> None:
    pool = GlobalPool(_maker(executors, 1))
    pool._closed = True
    with pytest.raises(RuntimeError, match="after the pool was closed"):
        pool.submit_safe(pow, 2, 5).result(20)
    assert len(executors) == 1


def test_a_replaced_executor_keeps_nothing_open() -> None:
    """It had pipes, a thread and semaphores; a service whose workers die now and then lives long."""
    pool = GlobalPool(lambda: ProcessPoolExecutor(1, multiprocessing.get_context("spawn")))
    opened = []
    for rebuilds in range(4):
        worker = pool.submit_safe(os.getpid).result(60)
        assert pool.health()["rebuilds"] == rebuilds
        opened.append(_settled_descriptors(pool))
        os.kill(worker, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            while os.kill(worker, 0) is None and psutil.Process(worker).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.01)
    pool.close()
    assert opened[1] == opened[2] == opened[3]


def test_a_worker_whose_end_the_supervisor_learns_first_is_let_go() -> None:
    """The manager that waits for the same process gets no exit code then, and would leave it to the next start."""
    worker = multiprocessing.get_context("spawn").Process(target=os.getpid)
    worker.start()
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has been told how
    manager = SimpleNamespace(processes={worker.pid: worker}, max_tasks_per_child=None)
    assert _ended(manager) == {worker}
    assert worker not in multiprocessing.process._children  # type: ignore[attr-defined]


def _settled_descriptors(pool: GlobalPool) -> int:
    """How many are open, once what was replaced has ended and is forgotten."""
    for retiring in list(pool._retiring):
        retiring.join(60)
    current = pool._executor._executor_manager_thread  # type: ignore[attr-defined]
    for watch in [watch for manager, watch in list(pool._supervisor._watches.items()) if manager is not current]:
        watch.join(60)
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_each_class_has_one_pool_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    classes: list[Any] = [repaired.GlobalPool, threads.GlobalPool, timed.GlobalPool]
    for cls in classes:
        monkeypatch.setattr(cls, "_shared", None)
    pools = [cls.shared(lambda: ThreadPoolExecutor(1)) for cls in classes]
    assert [type(pool) for pool in pools] == classes
    assert [cls.shared() for cls in classes] == pools


def _maker(made: list[Breaking], *breaks: int) -> Callable[[], Breaking]:
    left = list(breaks)

    def make() -> Breaking:
        made.append(Breaking(left.pop(0)))
        return made[-1]

    return make
