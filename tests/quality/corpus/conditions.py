"""Waiting and notifying: too early, too few, tested once, tested outside the lock.

The twins wait in a loop, under the lock that guards what they wait for, and notify after the change.
"""

from __future__ import annotations

import threading
from collections import deque

from tests.quality.corpus.case import twins


class Mailbox:
    """``wait`` under ``if``: by the time the waiter runs, another one has taken the letter."""

    def __init__(self) -> None:
        self.letters: list[str] = []
        self.arrival = threading.Condition()

    def put(self, letter: str) -> None:
        with self.arrival:
            self.letters.append(letter)
            self.arrival.notify()

    def put_two(self) -> None:
        self.put("first")
        self.put("second")

    def take(self) -> str:
        with self.arrival:
            if not self.letters:
                self.arrival.wait()
            return self.letters.pop()


class LoopingMailbox(Mailbox):
    def take(self) -> str:
        with self.arrival:
            while not self.letters:
                self.arrival.wait()
            return self.letters.pop()


class Gate:
    """The flag is tested outside the lock; the notification fits between the test and the wait."""

    def __init__(self) -> None:
        self.is_open = False
        self.changed = threading.Condition()

    def open(self) -> None:
        with self.changed:
            self.is_open = True
            self.changed.notify_all()

    def enter(self) -> None:
        if not self.is_open:
            with self.changed:
                self.changed.wait()


class LockedGate(Gate):
    def enter(self) -> None:
        with self.changed:
            while not self.is_open:
                self.changed.wait()


class HastyGate(LockedGate):
    """Notifies first and changes the flag afterwards."""

    def open(self) -> None:
        with self.changed:
            self.changed.notify_all()
        self.is_open = True


class NarrowGate(LockedGate):
    """Wakes one of all those who may go on now."""

    def open(self) -> None:
        with self.changed:
            self.is_open = True
            self.changed.notify()


class Bell:
    """Clears the event after it has looked, and with it the ring of what came in meanwhile.

    It takes two preemptions: one between the two rings, one between the look and the clearing.
    """

    def __init__(self) -> None:
        self.calls: deque[str] = deque()
        self.rung = threading.Event()

    def ring(self, call: str) -> None:
        self.calls.append(call)
        self.rung.set()

    def ring_twice(self) -> None:
        self.ring("tea")
        self.ring("door")

    def answer(self, wanted: int) -> list[str]:
        answered: list[str] = []
        while len(answered) < wanted:
            self.rung.wait()
            while self.calls:
                answered.append(self.calls.popleft())
            self.rung.clear()
        return answered


class ClearFirstBell(Bell):
    def answer(self, wanted: int) -> list[str]:
        answered: list[str] = []
        while len(answered) < wanted:
            self.rung.wait()
            self.rung.clear()
            while self.calls:
                answered.append(self.calls.popleft())
        return answered


class Belt:
    """Room for one item, and one condition: ``notify`` may wake one who waits for the same thing."""

    def __init__(self) -> None:
        self.item: int | None = None
        self.changed = threading.Condition()

    def put(self, item: int) -> None:
        with self.changed:
            while self.item is not None:
                self.changed.wait()
            self.item = item
            self.changed.notify()

    def put_two(self) -> None:
        self.put(1)
        self.put(2)

    def get(self) -> int:
        with self.changed:
            while self.item is None:
                self.changed.wait()
            item, self.item = self.item, None
            self.changed.notify()
            return item


class TellAllBelt(Belt):
    def put(self, item: int) -> None:
        with self.changed:
            while self.item is not None:
                self.changed.wait()
            self.item = item
            self.changed.notify_all()

    def get(self) -> int:
        with self.changed:
            while self.item is None:
                self.changed.wait()
            item, self.item = self.item, None
            self.changed.notify_all()
            return item


class Halves:
    """Both compute a part and meet; the sum is made after the meeting and read without a second one."""

    def __init__(self) -> None:
        self.parts = [0, 0]
        self.sum = 0
        self.barrier = threading.Barrier(2)

    def _meet_again(self) -> None:
        """One meeting seems to be enough."""

    def share(self, rank: int) -> int:
        self.parts[rank] = 50
        self.barrier.wait()
        if rank == 0:
            self.sum = self.parts[0] + self.parts[1]
        self._meet_again()
        return self.parts[rank] * 100 // self.sum


class MeetingHalves(Halves):
    def _meet_again(self) -> None:
        self.barrier.wait()


CASES = (
    twins(
        "condition_wait_under_if",
        "exception",
        Mailbox,
        LoopingMailbox,
        [lambda box: box.put_two(), lambda box: box.take(), lambda box: box.take()],
        check=lambda box, results: sorted(results[1:]) == ["first", "second"],
        says="IndexError",
    ),
    twins(
        "wakeup_lost_before_the_wait",
        "lost_wakeup",
        Gate,
        LockedGate,
        [lambda gate: gate.open(), lambda gate: gate.enter()],
        check=lambda gate: gate.is_open,
    ),
    twins(
        "notified_before_the_change",
        "lost_wakeup",
        HastyGate,
        LockedGate,
        [lambda gate: gate.open(), lambda gate: gate.enter()],
        check=lambda gate: gate.is_open,
    ),
    twins(
        "one_of_two_waiters_notified",
        "lost_wakeup",
        NarrowGate,
        LockedGate,
        [lambda gate: gate.open(), lambda gate: gate.enter(), lambda gate: gate.enter()],
        check=lambda gate: gate.is_open,
    ),
    twins(
        "event_cleared_after_the_look",
        "lost_wakeup",
        Bell,
        ClearFirstBell,
        [lambda bell: bell.ring_twice(), lambda bell: bell.answer(2)],
        check=lambda bell, results: results[1] == ["tea", "door"],
    ),
    twins(
        "bounded_buffer_one_condition",
        "lost_wakeup",
        Belt,
        TellAllBelt,
        [lambda belt: belt.put_two(), lambda belt: belt.get(), lambda belt: belt.get()],
        check=lambda belt, results: sorted(results[1:]) == [1, 2],
        options={"preemptions": 1},  # with two, more schedules than the default budget
        waits=True,
    ),
    twins(
        "barrier_met_once_only",
        "exception",
        Halves,
        MeetingHalves,
        [lambda halves: halves.share(1), lambda halves: halves.share(0)],
        check=lambda halves, results: list(results) == [50, 50],
        waits=True,
        says="ZeroDivisionError",
    ),
)
