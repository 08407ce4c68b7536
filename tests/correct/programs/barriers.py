"""Barrier: phases, action, time-out, abort, reset, beside a lock."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import SimpleNamespace

from ..program import Program


def phases() -> SimpleNamespace:
    return SimpleNamespace(barrier=threading.Barrier(2), slots=[0, 0])


def left(state: SimpleNamespace) -> object:
    return exchange(state, 0)


def right(state: SimpleNamespace) -> object:
    return exchange(state, 1)


def exchange(state: SimpleNamespace, mine: int) -> list[int]:
    """Write, meet, read the other's, meet again, twice over the same barrier."""
    read = []
    for phase in (1, 2):
        state.slots[mine] = 10 * phase + mine
        state.barrier.wait()
        read.append(state.slots[1 - mine])
        state.barrier.wait()
    return read


def each_read_the_other(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == [[11, 21], [10, 20]]


def with_action() -> SimpleNamespace:
    state = SimpleNamespace(parts=[], sums=[])
    state.barrier = threading.Barrier(2, action=lambda: state.sums.append(sum(state.parts)))
    return state


def contribute(state: SimpleNamespace) -> object:
    state.parts.append(3)
    place = state.barrier.wait()
    assert state.sums == [6]
    return place


def summed_once(state: SimpleNamespace, results: Sequence[int]) -> bool:
    return state.sums == [6] and sorted(results) == [0, 1]


def gathering() -> SimpleNamespace:
    return SimpleNamespace(barrier=threading.Barrier(3), lock=threading.Lock(), total=0)


def add_and_meet(state: SimpleNamespace) -> object:
    with state.lock:
        state.total += 1
    state.barrier.wait(timeout=60)
    return state.total


def all_saw_three(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == [3, 3, 3]


def appointment() -> SimpleNamespace:
    return SimpleNamespace(barrier=threading.Barrier(2), given_up=threading.Event(), lock=threading.Lock(), log=[])


def wait_in_vain(state: SimpleNamespace) -> str:
    try:
        state.barrier.wait(timeout=0.005)
    except threading.BrokenBarrierError:
        state.given_up.set()
        return "broken"
    return "met"


def come_too_late(state: SimpleNamespace) -> str:
    state.given_up.wait()
    try:
        state.barrier.wait()
    except threading.BrokenBarrierError:
        return "broken"
    return "met"


def both_broken(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == ["broken", "broken"] and state.barrier.broken


def wait_or_be_told(state: SimpleNamespace) -> str:
    try:
        state.barrier.wait()
    except threading.BrokenBarrierError:
        return "broken"
    return "met"


def abort(state: SimpleNamespace) -> str:
    state.barrier.abort()
    return "broken"


def wait_again_after_reset(state: SimpleNamespace) -> str:
    first = wait_or_be_told(state)
    state.given_up.set()
    return first


def abort_then_reset(state: SimpleNamespace) -> str:
    state.barrier.abort()
    state.given_up.wait()
    state.barrier.reset()
    return "broken"


def usable_again(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == ["broken", "broken"] and not state.barrier.broken


PROGRAMS = (
    Program("barrier_phases", phases, [left, right], each_read_the_other),
    Program("barrier_action", with_action, [contribute, contribute], summed_once),
    Program("barrier_and_lock", gathering, [add_and_meet] * 3, all_saw_three),
    Program("barrier_times_out", appointment, [wait_in_vain, come_too_late], both_broken),
    Program("barrier_late_first", appointment, [come_too_late, wait_in_vain], both_broken),
    Program("barrier_abort", appointment, [wait_or_be_told, abort], both_broken),
    Program("barrier_abort_first", appointment, [abort, wait_or_be_told], both_broken),
    Program("barrier_reset", appointment, [wait_again_after_reset, abort_then_reset], usable_again),
)
