"""Correct locked counters stay correct wherever a thread is stopped: the engine must not make up lost updates.

On 3.11 a trace function that reads ``frame.f_locals`` and then parks its thread writes stale closure cells back when
the thread resumes, so a preemption anywhere in such a function can undo the increments of the others. It shows only
where a thread is stopped outside the lock: inside it, nobody else counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import harness

SEEDS = range(8)


@dataclass(frozen=True)
class Counter:
    """A counter seen from outside: one step, and the value."""

    step: Callable[[], object]
    value: Callable[[], int]


def nonlocal_counter() -> Counter:
    count = 0
    lock = threading.Lock()

    def step() -> None:
        nonlocal count
        with lock:
            count += 1

    return Counter(step, lambda: count)


def nonlocal_counter_tested_before_the_lock() -> Counter:
    """The test outside the lock is only a short cut; a thread can be stopped there while others count."""
    count = 0
    lock = threading.Lock()

    def step() -> int:
        nonlocal count
        before = "before"
        if count < 1000:
            with lock:
                seen = count
                wanted = seen + 1
                count = wanted
        return len(before)

    return Counter(step, lambda: count)


def nonlocal_counter_beside_a_log() -> Counter:
    """Shared state is touched outside the lock, by the function that holds the cell."""
    count = 0
    log: list[str] = []
    lock = threading.Lock()

    def step() -> None:
        nonlocal count
        log.append("begin")
        with lock:
            count += 1
        log.append("end")

    return Counter(step, lambda: count)


def nonlocal_counter_two_deep() -> Counter:
    """The cell belongs to the outermost of three functions and passes through the middle one."""
    count = 0
    log: list[str] = []
    lock = threading.Lock()

    def middle() -> Callable[[], None]:
        def step() -> None:
            nonlocal count
            log.append("begin")
            with lock:
                count += 1

        return step

    return Counter(middle(), lambda: count)


def nonlocal_counter_through_a_helper() -> Counter:
    """While the helper counts, the frame of its caller holds the same cell."""
    count = 0
    log: list[int] = []
    lock = threading.Lock()

    def add(amount: int) -> None:
        nonlocal count
        log.append(amount)
        with lock:
            count += amount

    def step() -> int:
        log.append(0)
        add(1)
        return count

    return Counter(step, lambda: count)


def nonlocal_counter_of_a_generator() -> Counter:
    """The cell is used by a generator that each thread makes for itself."""
    count = 0
    log: list[str] = []
    lock = threading.Lock()

    def steps() -> Iterator[int]:
        nonlocal count
        log.append("begin")
        with lock:
            count += 1
        yield 1
        log.append("end")

    return Counter(lambda: sum(steps()), lambda: count)


class AttributeCounter:
    def __init__(self) -> None:
        self.count = 0
        self.log: list[str] = []
        self._lock = threading.Lock()

    def step(self) -> None:
        self.log.append("begin")
        with self._lock:
            self.count += 1
        self.log.append("end")


def attribute_counter() -> Counter:
    counter = AttributeCounter()
    return Counter(counter.step, lambda: counter.count)


def attribute_counter_in_a_cell() -> Counter:
    """The object is held by a cell; the count is an attribute of it."""
    counter = AttributeCounter()

    def step() -> None:
        if counter.count < 1000:
            counter.step()

    return Counter(step, lambda: counter.count)


COUNTERS = (
    nonlocal_counter,
    nonlocal_counter_tested_before_the_lock,
    nonlocal_counter_beside_a_log,
    nonlocal_counter_two_deep,
    nonlocal_counter_through_a_helper,
    nonlocal_counter_of_a_generator,
    attribute_counter,
    attribute_counter_in_a_cell,
)

counters = pytest.mark.parametrize("make", COUNTERS, ids=lambda make: make.__name__)


def step(counter: Counter) -> object:
    return counter.step()


def step_twice(counter: Counter) -> None:
    counter.step()
    counter.step()


def all_steps_counted(counter: Counter, results: list[Any]) -> None:
    assert counter.value() == len(results)


def twice_as_many_counted(counter: Counter, results: list[Any]) -> None:
    assert counter.value() == 2 * len(results)


@counters
@pytest.mark.parametrize("threads", [2, 3])
def test_it_survives_a_preemption_at_every_yield_point(make: Callable[[], Counter], threads: int) -> None:
    exploration = harness.explore(make, [step] * threads, all_steps_counted, preemptions=2)
    assert exploration.verdict is harness.Verdict.PASS, exploration.reason
    assert exploration.proved == 2, exploration.reason


@counters
def test_it_survives_three_preemptions(make: Callable[[], Counter]) -> None:
    exploration = harness.explore(make, [step_twice] * 2, twice_as_many_counted, preemptions=3)
    assert exploration.verdict is harness.Verdict.PASS, exploration.reason
    assert exploration.proved == 3, exploration.reason


@counters
def test_it_survives_random_schedules_of_many_seeds(make: Callable[[], Counter]) -> None:
    for seed in SEEDS:
        exploration = harness.explore(make, [step] * 5, all_steps_counted, preemptions=0, schedules=120, seed=seed)
        assert exploration.verdict is harness.Verdict.PASS, f"seed {seed}: {exploration.reason}"
        assert "sampled" in exploration.reason


def racy_nonlocal_counter() -> Counter:
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    return Counter(step, lambda: count)


def test_the_same_counter_without_its_lock_fails() -> None:
    exploration = harness.explore(racy_nonlocal_counter, [step] * 2, all_steps_counted)
    assert exploration.verdict is harness.Verdict.FAIL
