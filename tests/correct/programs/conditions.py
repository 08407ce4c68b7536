"""Condition: wait in a loop, wait_for, notify, notify_all, time-outs, recursion, two on one lock."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from ..program import Program, both_ways


def mailbox() -> SimpleNamespace:
    return SimpleNamespace(condition=threading.Condition(), letters=[], taken=[])


def wait_in_loop(state: SimpleNamespace) -> object:
    with state.condition:
        while not state.letters:
            state.condition.wait()
        return state.letters.pop()


def wait_in_loop_with_timeout(state: SimpleNamespace) -> object:
    with state.condition:
        while not state.letters:
            if not state.condition.wait(timeout=60):
                raise TimeoutError
        return state.letters.pop()


def wait_for_letter(state: SimpleNamespace) -> object:
    with state.condition:
        assert state.condition.wait_for(lambda: state.letters)
        return state.letters.pop()


def wait_for_letter_with_timeout(state: SimpleNamespace) -> object:
    with state.condition:
        assert state.condition.wait_for(lambda: len(state.letters) > 0, timeout=60)
        return state.letters.pop()


def send(state: SimpleNamespace) -> None:
    with state.condition:
        state.letters.append("letter")
        state.condition.notify()


def send_to_all(state: SimpleNamespace) -> None:
    with state.condition:
        state.letters.extend(["letter", "letter"])
        state.condition.notify_all()


def send_to_two(state: SimpleNamespace) -> None:
    with state.condition:
        state.letters.extend(["letter", "letter"])
        state.condition.notify(2)


def arrived(state: SimpleNamespace, results: Mapping[str, object]) -> None:
    assert results["waiter"] == "letter" and not state.letters


def both_arrived(state: SimpleNamespace, results: Sequence[object]) -> None:
    assert results.count("letter") == 2 and not state.letters


def wait_in_vain(state: SimpleNamespace) -> object:
    with state.condition:
        return state.condition.wait(0.005)


def wait_for_in_vain(state: SimpleNamespace) -> object:
    with state.condition:
        return state.condition.wait_for(lambda: "never" in state.letters, timeout=0.005)


def write_silently(state: SimpleNamespace) -> None:
    with state.condition:
        state.letters.append("letter")


def waited_in_vain(state: SimpleNamespace, results: Sequence[object]) -> None:
    assert results[0] is False and state.letters == ["letter"]


def wait_two_deep(state: SimpleNamespace) -> object:
    with state.condition:
        return wait_in_loop(state)


def send_two_deep(state: SimpleNamespace) -> None:
    with state.condition:
        send(state)


class Buffer:
    """One place, two conditions on one lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.not_full = threading.Condition(self.lock)
        self.not_empty = threading.Condition(self.lock)
        self.items: list[int] = []

    def put(self, item: int) -> None:
        with self.not_full:
            while self.items:
                self.not_full.wait()
            self.items.append(item)
            self.not_empty.notify()

    def get(self) -> int:
        with self.not_empty:
            while not self.items:
                self.not_empty.wait()
            item = self.items.pop()
            self.not_full.notify()
            return item


def produce(buffer: Buffer) -> None:
    for item in range(2):
        buffer.put(item)


def consume(buffer: Buffer) -> list[int]:
    return [buffer.get() for _ in range(2)]


def in_order(buffer: Buffer, results: Mapping[str, object]) -> bool:
    return results["waiter"] == [0, 1] and not buffer.items


def game() -> SimpleNamespace:
    return SimpleNamespace(condition=threading.Condition(threading.Lock()), turn=0, moves=[])


def play(state: SimpleNamespace, me: int) -> None:
    for _ in range(2):
        with state.condition:
            state.condition.wait_for(lambda: state.turn == me)
            state.moves.append(me)
            state.turn = 1 - me
            state.condition.notify_all()


def white(state: SimpleNamespace) -> None:
    play(state, 0)


def black(state: SimpleNamespace) -> None:
    play(state, 1)


def alternated(state: SimpleNamespace) -> bool:
    return bool(state.moves == [0, 1, 0, 1])


PROGRAMS = (
    *both_ways("condition_wait", mailbox, wait_in_loop, send, arrived),
    *both_ways("condition_wait_timeout", mailbox, wait_in_loop_with_timeout, send, arrived),
    *both_ways("condition_wait_for", mailbox, wait_for_letter, send, arrived),
    *both_ways("condition_wait_for_timeout", mailbox, wait_for_letter_with_timeout, send, arrived),
    *both_ways("condition_two_deep", mailbox, wait_two_deep, send_two_deep, arrived),
    Program(
        "condition_notify_all_waiters_first",
        mailbox,
        [wait_in_loop, wait_for_letter, send_to_all],
        both_arrived,
    ),
    Program(
        "condition_notify_all_notifier_first",
        mailbox,
        [send_to_all, wait_in_loop, wait_in_loop],
        both_arrived,
    ),
    Program("condition_notify_two", mailbox, [wait_in_loop, wait_in_loop, send_to_two], both_arrived),
    Program(
        "condition_one_notify_each",
        mailbox,
        [wait_in_loop, send_two_deep, send, wait_in_loop],
        both_arrived,
    ),
    Program("condition_wait_times_out", mailbox, [wait_in_vain, write_silently], waited_in_vain),
    Program("condition_wait_for_times_out", mailbox, [wait_for_in_vain, write_silently], waited_in_vain),
    *both_ways("condition_two_on_one_lock", Buffer, consume, produce, in_order),
    Program("condition_ping_pong", game, [white, black], alternated),
    Program("condition_ping_pong_black_first", game, [black, white], alternated),
)
