"""Threads that setup starts: they belong to the schedule, and none is left behind."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import Kind, Verdict, explore
from harness.model import CannotExplore


class Counter:
    """A service whose worker thread is started by its constructor."""

    def __init__(self, lock: bool) -> None:
        self.count = 0
        self.jobs: queue.Queue[int] = queue.Queue()
        self.lock = threading.Lock() if lock else None
        self.worker = threading.Thread(target=self.work, daemon=True)
        self.worker.start()

    def work(self) -> None:
        while True:
            self.jobs.get()
            self.add()
            self.jobs.task_done()

    def add(self) -> None:
        if self.lock is None:
            self.count += 1
        else:
            with self.lock:
                self.count += 1

    def order(self) -> None:
        self.jobs.put(1)
        self.jobs.join()


@pytest.mark.parametrize("lock", [False, True])
def test_a_worker_started_by_the_constructor_is_interleaved(lock: bool) -> None:
    before = set(threading.enumerate())
    exploration = explore(lambda: Counter(lock), [Counter.order, Counter.add], lambda counter: counter.count == 2)
    assert exploration.verdict is (Verdict.PASS if lock else Verdict.FAIL)
    assert set(threading.enumerate()) <= before
    if exploration.failure is not None:
        again = explore(
            lambda: Counter(lock),
            [Counter.order, Counter.add],
            lambda counter: counter.count == 2,
            replay=exploration.failure.witness,
        )
        assert again.failure is not None


def test_an_executor_that_setup_uses_is_interleaved() -> None:
    class Batch:
        def __init__(self) -> None:
            self.done = 0
            self.pool = ThreadPoolExecutor(1)
            self.first = self.pool.submit(self.step)

        def step(self) -> None:
            self.done += 1

    exploration = explore(
        Batch, [lambda batch: batch.first.result(), lambda batch: batch.step()], lambda batch: batch.done == 2
    )
    assert exploration.verdict is Verdict.FAIL
    assert exploration.failure is not None
    assert exploration.failure.kind is Kind.CHECK


class Ready:
    def __init__(self) -> None:
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.ready.set, name="starter")
        self.thread.start()


class Waits(Ready):
    def __init__(self) -> None:
        super().__init__()
        self.ready.wait()


class Joins(Ready):
    def __init__(self) -> None:
        super().__init__()
        self.thread.join()


@pytest.mark.parametrize("kind", [Waits, Joins])
def test_a_setup_that_waits_for_its_own_thread_is_told_the_remedy(kind: type[Ready]) -> None:
    before = set(threading.enumerate())
    exploration = explore(kind, [lambda state: state.ready.is_set()] * 2, lambda state: True)
    assert exploration.verdict is Verdict.INCONCLUSIVE
    assert exploration.reason.startswith("setup waits for starter, a thread that it started")
    assert set(threading.enumerate()) <= before


def test_an_obstacle_met_by_the_check_is_no_failure() -> None:
    def check(counter: list[int]) -> None:
        raise CannotExplore("the data base is gone")

    exploration = explore(lambda: [0], [lambda counter: counter.append(1)] * 2, check)
    assert exploration.verdict is Verdict.INCONCLUSIVE
    assert "the data base is gone" in exploration.reason
