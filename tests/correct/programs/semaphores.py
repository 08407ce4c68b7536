"""Semaphore and BoundedSemaphore: a limit, a signal, trying, time-outs, one release too many."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from ..program import Program, both_ways


def room_for(places: int) -> SimpleNamespace:
    return SimpleNamespace(semaphore=threading.BoundedSemaphore(places), lock=threading.Lock(), inside=0, peak=0)


def room_for_one() -> SimpleNamespace:
    return room_for(1)


def room_for_two() -> SimpleNamespace:
    return room_for(2)


def visit(state: SimpleNamespace) -> None:
    with state.semaphore:
        with state.lock:
            state.inside += 1
            state.peak = max(state.peak, state.inside)
        with state.lock:
            state.inside -= 1


def never_more_than_two(state: SimpleNamespace) -> bool:
    return 1 <= state.peak <= 2 and state.inside == 0


def never_more_than_one(state: SimpleNamespace) -> bool:
    return bool(state.peak == 1)


def signal() -> SimpleNamespace:
    return SimpleNamespace(semaphore=threading.Semaphore(0), values=[], lock=threading.Lock())


def wait_for_signal(state: SimpleNamespace) -> object:
    state.semaphore.acquire()
    return state.values.pop()


def wait_for_signal_in_time(state: SimpleNamespace) -> object:
    assert state.semaphore.acquire(timeout=60)
    return state.values.pop()


def give_signal(state: SimpleNamespace) -> None:
    state.values.append("value")
    state.semaphore.release()


def give_two_signals(state: SimpleNamespace) -> None:
    state.values.extend(["value", "value"])
    state.semaphore.release(2)


def signalled(state: SimpleNamespace, results: Mapping[str, object]) -> None:
    assert results["waiter"] == "value" and not state.values


def both_signalled(state: SimpleNamespace, results: Sequence[object]) -> None:
    assert results.count("value") == 2


def try_signal(state: SimpleNamespace) -> bool:
    if state.semaphore.acquire(blocking=False):
        state.values.pop()
        return True
    return False


def taken_or_left(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return len(state.values) == (0 if results[0] else 1)


def wait_in_vain(state: SimpleNamespace) -> object:
    got = state.semaphore.acquire(timeout=0.005)
    with state.lock:
        state.values.append(got)
    return got


def write(state: SimpleNamespace) -> None:
    with state.lock:
        state.values.append("written")


def waited_in_vain(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return results[0] is False and sorted(map(str, state.values)) == ["False", "written"]


def over_release() -> SimpleNamespace:
    return SimpleNamespace(semaphore=threading.BoundedSemaphore(1), back=threading.Event())


def borrow(state: SimpleNamespace) -> None:
    with state.semaphore:
        pass
    state.back.set()


def release_once_too_often(state: SimpleNamespace) -> str:
    state.back.wait()
    try:
        state.semaphore.release()
    except ValueError as error:
        return str(error)
    return "accepted"


def refused(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return results[1] == "Semaphore released too many times"


PROGRAMS = (
    Program("semaphore_limits_three_to_two", room_for_two, [visit] * 3, never_more_than_two),
    Program("semaphore_as_lock", room_for_one, [visit, visit], never_more_than_one),
    *both_ways("semaphore_signal", signal, wait_for_signal, give_signal, signalled),
    *both_ways("semaphore_signal_timeout", signal, wait_for_signal_in_time, give_signal, signalled),
    Program(
        "semaphore_release_two",
        signal,
        [wait_for_signal, wait_for_signal, give_two_signals],
        both_signalled,
    ),
    Program("semaphore_try_acquire", signal, [try_signal, give_signal], taken_or_left),
    Program("semaphore_times_out", signal, [wait_in_vain, write], waited_in_vain),
    Program("bounded_semaphore_over_release", over_release, [borrow, release_once_too_often], refused),
)
