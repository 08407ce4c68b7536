"""Time: sleeping, deadlines, polling, spinning, and work that takes long without sharing anything."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from ..program import Program, both_ways


def shared() -> SimpleNamespace:
    return SimpleNamespace(lock=threading.Lock(), total=0, flag=False, log=[], event=threading.Event())


def add(state: SimpleNamespace) -> None:
    with state.lock:
        state.total += 1


def add_once(state: SimpleNamespace) -> int:
    add(state)
    return 1


def sleep_then_add(state: SimpleNamespace) -> None:
    time.sleep(0.005)
    add(state)
    time.sleep(0)


def sleep_holding(state: SimpleNamespace) -> None:
    with state.lock:
        before = state.total
        time.sleep(0.005)
        state.total = before + 1


def two(state: SimpleNamespace) -> bool:
    return bool(state.total == 2)


def measure_sleep(state: SimpleNamespace) -> bool:
    begin, precise, nanoseconds = time.monotonic(), time.perf_counter(), time.monotonic_ns()
    time.sleep(0.01)
    add(state)
    return (
        time.monotonic() - begin >= 0.0099
        and time.perf_counter() - precise >= 0.0099
        and time.monotonic_ns() - nanoseconds >= 9_900_000
    )


def slept_long_enough(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return state.total == 2 and list(results) == [True, True]


def raise_flag(state: SimpleNamespace) -> None:
    state.log.append("before")
    state.flag = True


def poll(state: SimpleNamespace) -> object:
    while not state.flag:
        time.sleep(0.001)
    return state.log[0]


def poll_until_deadline(state: SimpleNamespace) -> object:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if state.flag:
            return state.log[0]
        time.sleep(0.001)
    raise TimeoutError


def poll_event(state: SimpleNamespace) -> object:
    while not state.event.wait(timeout=0.001):
        pass
    return state.log[0]


def set_event(state: SimpleNamespace) -> None:
    state.log.append("before")
    state.event.set()


def spin(state: SimpleNamespace) -> object:
    while not state.flag:
        pass
    return state.log[0]


def spin_politely(state: SimpleNamespace) -> object:
    while not state.flag:
        time.sleep(0)
    return state.log[0]


def spin_on_lock(state: SimpleNamespace) -> object:
    while True:
        with state.lock:
            if state.flag:
                return state.log[0]


def raise_flag_under_lock(state: SimpleNamespace) -> None:
    with state.lock:
        raise_flag(state)


def saw_before(state: SimpleNamespace, results: Mapping[str, object]) -> bool:
    return results["waiter"] == "before"


def give_up_at_deadline(state: SimpleNamespace) -> str:
    """Nobody raises the flag: the deadline must come."""
    deadline = time.monotonic() + 0.01
    while not state.flag:
        if time.monotonic() >= deadline:
            add(state)
            return "gave up"
        time.sleep(0.003)
    return "raised"


def gave_up(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == ["gave up", "gave up"] and state.total == 2


def compute_long(state: SimpleNamespace) -> int:
    """A loop of many steps over locals is neither a livelock nor a reason to end the run."""
    value = 1
    for step in range(8_000):
        value = (value * 31 + step) % 10_007
    add(state)
    return value


def same_value(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return state.total == 2 and results[0] == results[1]


def share_long(state: SimpleNamespace) -> int:
    """Many equal steps on shared state are progress, not spinning."""
    for _ in range(150):
        with state.lock:
            state.total += 1
    return 150


def descend(state: SimpleNamespace, depth: int = 80) -> int:
    """So are the steps of a deep recursion."""
    state.lock.acquire()
    state.total += 1
    state.lock.release()
    return 1 + descend(state, depth - 1) if depth > 1 else 1


def each_step_counted(state: SimpleNamespace, results: Sequence[int]) -> bool:
    return bool(state.total == sum(results))


def timestamp(state: SimpleNamespace) -> None:
    with state.lock:
        state.log.append(datetime.datetime.now(datetime.UTC))


def two_stamps(state: SimpleNamespace) -> bool:
    return len(state.log) == 2 and all(stamp.tzinfo is datetime.UTC for stamp in state.log)


def tolerate_early_timeout(state: SimpleNamespace) -> bool:
    came: bool = state.event.wait(timeout=0.01)
    add(state)
    return came


def set_then_add(state: SimpleNamespace) -> bool:
    state.event.set()
    add(state)
    return True


FEW = {"preemptions": 1, "schedules": 60}

PROGRAMS = (
    Program("sleep", shared, [sleep_then_add, sleep_then_add], two),
    Program("sleep_holding_lock", shared, [sleep_holding, sleep_holding], two),
    Program("sleep_is_measured", shared, [measure_sleep, measure_sleep], slept_long_enough),
    *both_ways("poll", shared, poll, raise_flag, saw_before),
    *both_ways("poll_until_deadline", shared, poll_until_deadline, raise_flag, saw_before),
    *both_ways("poll_event", shared, poll_event, set_event, saw_before),
    *both_ways("spin", shared, spin, raise_flag, saw_before),
    *both_ways("spin_with_sleep_zero", shared, spin_politely, raise_flag, saw_before),
    *both_ways("spin_on_lock", shared, spin_on_lock, raise_flag_under_lock, saw_before),
    Program("deadline_passes", shared, [give_up_at_deadline] * 2, gave_up),
    Program("long_computation", shared, [compute_long, compute_long], same_value, options={"preemptions": 1}),
    Program("long_loop_over_shared_state", shared, [share_long, add_once], each_step_counted, options=FEW),
    Program("deep_recursion_over_shared_state", shared, [descend, descend], each_step_counted, options=FEW),
    Program("datetime_now", shared, [timestamp, timestamp], two_stamps),
    Program(
        "early_timeout_tolerated", shared, [tolerate_early_timeout, set_then_add], two, options={"timeouts": "any"}
    ),
)
