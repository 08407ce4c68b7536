"""Event: set, clear, time-outs, several waiters, a handshake."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from ..program import Program, both_ways


def announcement() -> SimpleNamespace:
    return SimpleNamespace(event=threading.Event(), value=None, lock=threading.Lock(), total=0)


def listen(state: SimpleNamespace) -> object:
    state.event.wait()
    return state.value


def listen_in_time(state: SimpleNamespace) -> object:
    assert state.event.wait(timeout=60) is True
    return state.value


def announce(state: SimpleNamespace) -> None:
    state.value = "news"
    state.event.set()


def heard(state: SimpleNamespace, results: Mapping[str, object]) -> None:
    assert results["waiter"] == "news" and state.event.is_set()


def both_heard(state: SimpleNamespace, results: Sequence[object]) -> None:
    assert results.count("news") == 2


def look(state: SimpleNamespace) -> object:
    return state.value if state.event.is_set() else "nothing yet"


def saw_all_or_nothing(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return results[0] in ("nothing yet", "news")


def wait_in_vain(state: SimpleNamespace) -> object:
    came = state.event.wait(0.005)
    with state.lock:
        state.total += 1
    return came


def count(state: SimpleNamespace) -> None:
    with state.lock:
        state.total += 1


def waited_in_vain(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return results[0] is False and state.total == 2


def handshake() -> SimpleNamespace:
    return SimpleNamespace(ready=threading.Event(), taken=threading.Event(), value=0, seen=[])


def offer(state: SimpleNamespace) -> None:
    for number in (1, 2):
        state.value = number
        state.ready.set()
        state.taken.wait()
        state.taken.clear()


def accept(state: SimpleNamespace) -> None:
    for _ in range(2):
        state.ready.wait()
        state.ready.clear()
        state.seen.append(state.value)
        state.taken.set()


def seen_in_order(state: SimpleNamespace, results: Mapping[str, object]) -> bool:
    return bool(state.seen == [1, 2])


PROGRAMS = (
    *both_ways("event_wait", announcement, listen, announce, heard),
    *both_ways("event_wait_timeout", announcement, listen_in_time, announce, heard),
    Program("event_two_waiters_first", announcement, [listen, listen, announce], both_heard),
    Program("event_setter_before_two", announcement, [announce, listen, listen], both_heard),
    Program("event_is_set", announcement, [look, announce], saw_all_or_nothing),
    Program("event_times_out", announcement, [wait_in_vain, count], waited_in_vain),
    *both_ways("event_handshake", handshake, accept, offer, seen_in_order),
)
