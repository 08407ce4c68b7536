"""What Condition, Semaphore, BoundedSemaphore, Event and Barrier return, raise and show."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

from ..outcome import attempt, kind, text
from .locks import in_thread


def condition_without_its_lock() -> list[object]:
    outcomes: list[object] = []
    for condition in (threading.Condition(), threading.Condition(threading.Lock())):
        outcomes += [
            attempt(condition.wait),
            attempt(condition.wait, 0.01),
            attempt(condition.wait_for, lambda: False, 0.01),
            attempt(condition.wait_for, lambda: 5),
            attempt(condition.notify),
            attempt(condition.notify, 2),
            attempt(condition.notify_all),
            attempt(condition.release),
        ]
    return outcomes


def condition_times_out() -> list[object]:
    condition = threading.Condition()
    with condition:
        return [
            attempt(condition.wait, 0.01),
            attempt(condition.wait, timeout=0),
            attempt(condition.wait, -1),
            attempt(condition.wait_for, lambda: False, 0.01),
            attempt(condition.wait_for, lambda: [], timeout=0),
            attempt(condition.wait_for, lambda: "yes"),
            attempt(condition.notify, 0),
            attempt(condition.notify, 5),
        ]


def condition_wakes() -> list[object]:
    condition = threading.Condition()
    outcomes: list[object] = []
    waiting: list[int] = []

    def wait() -> None:
        with condition:
            waiting.append(1)
            outcomes.append(condition.wait(60))

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    while len(waiting) < 3:
        threading.Event().wait(0.001)
    with condition:
        condition.notify()
        condition.notify_all()
    for thread in threads:
        thread.join()
    return outcomes


def condition_over_recursive_lock() -> list[object]:
    """`wait` releases every level of the lock, and takes as many back."""
    lock = threading.RLock()
    condition = threading.Condition(lock)
    outcomes: list[object] = []

    def other() -> None:
        with condition:
            outcomes.append("inside")
            condition.notify()

    with condition, lock, lock:
        thread = threading.Thread(target=other)
        thread.start()
        outcomes.append(attempt(condition.wait, 60))
        outcomes.append(text(repr(lock)))
        outcomes.append(in_thread(lambda: lock.acquire(False)))
    thread.join()
    return [*outcomes, in_thread(lambda: (lock.acquire(False), lock.release()))]


def condition_delegates() -> list[object]:
    lock = threading.Lock()
    condition = threading.Condition(lock)
    with condition as entered:
        outcomes: list[object] = [attempt(lambda: entered), lock.locked(), attempt(condition.acquire, False)]
    outcomes += [
        attempt(condition.acquire),
        attempt(condition.acquire, timeout=0.01),
        attempt(condition.release),
        text(repr(condition)),
        text(repr(threading.Condition())),
        kind(threading.Condition, 5),
        attempt(copy.copy, lock),
        attempt(pickle.dumps, condition),
    ]
    return outcomes


class Recorder:
    """A lock of the user's own, of the shape that Condition documents."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.lock = threading.Lock()

    def acquire(self, *args: Any) -> bool:
        self.calls.append("acquire")
        return self.lock.acquire(*args)

    def release(self) -> None:
        self.calls.append("release")
        self.lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def condition_over_foreign_lock() -> list[object]:
    recorder = Recorder()
    condition: Any = threading.Condition(recorder)  # type: ignore[arg-type]
    with condition:
        outcome = attempt(condition.wait, 0.01)
    return [outcome, attempt(condition.notify), recorder.calls[0], recorder.lock.locked()]


def semaphore_protocol() -> list[object]:
    outcomes: list[object] = []
    for make in (threading.Semaphore, threading.BoundedSemaphore):
        semaphore = make(2)
        outcomes += [
            attempt(semaphore.acquire),
            attempt(semaphore.acquire, timeout=0.01),
            attempt(semaphore.acquire, False),
            attempt(semaphore.acquire, timeout=0.01),
            attempt(semaphore.acquire, True, 0),
            attempt(semaphore.acquire, False, 1),
            attempt(semaphore.acquire, blocking=False, timeout=0),
            text(repr(semaphore)),
            attempt(semaphore.release),
            attempt(semaphore.release, 1),
            attempt(semaphore.release, 0),
            attempt(semaphore.release, n=-1),
            attempt(make, -1),
            attempt(make, 0),
            attempt(make),
        ]
        with semaphore as entered:
            outcomes.append(attempt(lambda entered=entered: entered))
    return outcomes


def bounded_semaphore_over_release() -> list[object]:
    semaphore = threading.BoundedSemaphore(2)
    outcomes = [attempt(semaphore.release), attempt(semaphore.release, 2)]
    semaphore.acquire()
    return [*outcomes, attempt(semaphore.release, 2), attempt(semaphore.release), text(repr(semaphore))]


def event_protocol() -> list[object]:
    event = threading.Event()
    outcomes: list[object] = [
        event.is_set(),
        attempt(event.wait, 0.01),
        attempt(event.wait, timeout=0),
        text(repr(event)),
        attempt(event.set),
        attempt(event.set),
        event.is_set(),
        attempt(event.wait),
        attempt(event.wait, 0),
        text(repr(event)),
        attempt(event.clear),
        event.is_set(),
        attempt(event.wait, -1),
        kind(event.wait, "soon"),
    ]
    thread = threading.Thread(target=event.set)
    thread.start()
    outcomes.append(attempt(event.wait, 60))
    thread.join()
    return outcomes


def barrier_protocol() -> list[object]:
    calls: list[str] = []
    barrier = threading.Barrier(1, action=lambda: calls.append("action"), timeout=5)
    outcomes: list[object] = [
        barrier.parties,
        barrier.n_waiting,
        barrier.broken,
        attempt(barrier.wait),
        attempt(barrier.wait, 0.01),
        calls,
        text(repr(barrier)),
        attempt(barrier.abort),
        barrier.broken,
        attempt(barrier.wait),
        text(repr(barrier)),
        attempt(barrier.reset),
        barrier.broken,
        attempt(barrier.wait),
        attempt(threading.Barrier, 0),
        issubclass(threading.BrokenBarrierError, RuntimeError),
    ]
    return outcomes


def barrier_breaks() -> list[object]:
    barrier = threading.Barrier(2)
    outcomes = [attempt(barrier.wait, 0.01), barrier.broken, attempt(barrier.wait), in_thread(barrier.wait)]
    barrier.reset()
    return [*outcomes, barrier.broken, meet(barrier), attempt(barrier.wait, timeout=0)]


def meet(barrier: threading.Barrier) -> object:
    """Two threads at the barrier: the sorted places they got, or what was raised."""
    outcomes: list[Any] = []
    threads = [threading.Thread(target=lambda: outcomes.append(attempt(barrier.wait, 60))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def barrier_action_raises() -> list[object]:
    def action() -> None:
        raise LookupError("action")

    barrier = threading.Barrier(2, action=action)
    outcomes = meet(barrier)
    return [outcomes, barrier.broken]


def waiters_keep_the_order() -> list[object]:
    """`notify(1)` wakes the one that has waited longest."""
    condition = threading.Condition()
    waiting: list[int] = []
    woken: list[int] = []

    def body(number: int) -> Callable[[], None]:
        def wait() -> None:
            with condition:
                waiting.append(number)
                condition.wait(60)
                woken.append(number)

        return wait

    threads = []
    for number in range(3):
        thread = threading.Thread(target=body(number))
        thread.start()
        threads.append(thread)
        while len(waiting) <= number:
            threading.Event().wait(0.001)
    for thread in threads:
        with condition:
            condition.notify()
        thread.join()
    return [woken]


SCRIPTS = (
    condition_without_its_lock,
    condition_times_out,
    condition_wakes,
    condition_over_recursive_lock,
    condition_delegates,
    condition_over_foreign_lock,
    semaphore_protocol,
    bounded_semaphore_over_release,
    event_protocol,
    barrier_protocol,
    barrier_breaks,
    barrier_action_raises,
    waiters_keep_the_order,
)
