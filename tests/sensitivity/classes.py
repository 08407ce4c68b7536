"""A class for each way to make a lock: one lock that its scenario needs, and one that no check notices.

A primitive that a scenario must cover has the comment ``needed`` at its line, one that it must miss ``spare``.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from threading import Barrier, BoundedSemaphore, Condition, Event, RLock, Semaphore
from threading import Lock as Mutex
from typing import Any, ClassVar

module_lock = Mutex()


class Counts:
    """Counts under ``lock``; ``spare`` guards nothing."""

    lock: Any
    spare: Any

    def __init__(self) -> None:
        self.total = 0

    def record(self) -> None:
        with self.lock:
            self.total += 1
        with self.spare:
            pass

    def right(self, results: list[Any]) -> bool:
        return bool(self.total == len(results))


class Locks(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()  # needed
        self.spare = threading.Lock()  # spare


class Aliased(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock = Mutex()  # needed
        self.spare = Mutex()  # spare


class OneLine(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock, self.spare = Mutex(), Mutex()  # needed spare


class RLocks(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock = RLock()  # needed
        self.spare = RLock()  # spare

    def record(self) -> None:
        with self.lock:
            super().record()


class Conditions(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock = Condition()  # needed
        self.spare = Condition()  # spare


class ConditionsOnLocks(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock = Condition(
            Mutex(),  # needed
        )
        self.spare = Condition(
            Mutex(),  # spare
        )


class Semaphores(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock = Semaphore(1)  # needed
        self.spare = Semaphore(1)  # spare


class BoundedSemaphores(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock = BoundedSemaphore(1)  # needed
        self.spare = BoundedSemaphore(1)  # spare


class Turnstile(Semaphore):
    """A subclass without a constructor of its own."""


class Subclassed(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock = Turnstile()  # needed
        self.spare = Turnstile()  # spare


class ClassBody(Counts):
    lock: ClassVar[Any] = Mutex()  # needed
    spare: ClassVar[Any] = Mutex()  # spare


class Inherits(ClassBody):
    """The lock is its base's, what it guards its own."""

    def __init__(self) -> None:
        super().__init__()
        self.mine = 0

    def record(self) -> None:
        with self.lock:
            self.mine += 1
            self.total += 1
        with self.spare:
            pass

    def right(self, results: list[Any]) -> bool:
        return self.mine == len(results) == self.total


@dataclass
class Fields:
    lock: Any = field(default_factory=Mutex)  # needed
    spare: Any = field(default_factory=Mutex)  # spare
    total: int = 0

    record = Counts.record
    right = Counts.right


@dataclass
class MoreFields(Fields):
    """Takes the lock of the field it inherits, and one of its own in a field that is no argument."""

    second: Any = field(default_factory=partial(Semaphore, 1), init=False)  # spare

    def record(self) -> None:
        with self.second:
            Counts.record(self)  # type: ignore[arg-type]


@dataclass(slots=True)
class SlottedFields:
    lock: Any = field(default_factory=RLock)  # needed
    spare: Any = field(default_factory=lambda: RLock())  # spare
    total: int = 0

    record = Counts.record
    right = Counts.right


class Striped(Counts):
    """All locks of a line are one: without them both, updates are lost."""

    def __init__(self) -> None:
        super().__init__()
        self.stripes = [Mutex() for _ in range(2)]  # needed
        self.spare = Mutex()  # spare
        self.lock = self.stripes[1]


class Tries(Counts):
    """Never waits without an end."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = Mutex()  # needed
        self.spare = Mutex()  # spare

    def record(self) -> None:
        while not self.lock.acquire(timeout=5):
            pass
        self.total += 1
        self.lock.release()
        if self.spare.acquire(blocking=False):
            self.spare.release()


class Asks(Counts):
    """Looks whether its lock is held: a no-op must tell a single thread what a lock tells it."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = Mutex()  # needed
        self.spare = Mutex()  # spare

    def record(self) -> None:
        super().record()
        self.spare.acquire()
        if not self.spare.locked():
            raise RuntimeError("the spare lock is not held")
        self.spare.release()


class Events:
    def __init__(self) -> None:
        self.value: str | None = None
        self.ready = Event()  # needed
        self.spare = Event()  # spare
        self.flag = Event()

    def publish(self) -> None:
        self.flag.set()
        self.value = "value"
        self.ready.set()
        self.spare.set()

    def read(self) -> str | None:
        self.ready.wait()
        value = self.value
        self.spare.wait(1)
        self.flag.is_set()
        return value


class Barriers:
    def __init__(self) -> None:
        self.parts = 0
        self.lock = Mutex()  # needed
        self.met = Barrier(2)  # needed
        self.again = Barrier(2)  # spare

    def share(self) -> int:
        with self.lock:
            self.parts += 1
        self.met.wait()
        seen = self.parts
        self.again.wait()
        return seen


class Election:
    """Only the last to arrive acts: a barrier that nobody waits at still knows who that is."""

    def __init__(self) -> None:
        self.rounds = 0
        self.leaders: list[int] = []
        self.met = Barrier(2, self.count)  # spare

    def count(self) -> None:
        self.rounds += 1

    def arrive(self) -> None:
        if self.met.wait() == 0:
            self.leaders.append(1)


class Gate:
    """Waits in a loop; whether ``notify_all`` is needed depends on how many wait."""

    def __init__(self) -> None:
        self.is_open = False
        self.changed = Condition()

    def open(self) -> None:
        with self.changed:
            self.is_open = True
            self.changed.notify_all()

    def enter(self) -> None:
        with self.changed:
            while not self.is_open:
                self.changed.wait()


class OnceTested(Gate):
    def enter(self) -> None:
        with self.changed:
            if not self.is_open:
                self.changed.wait()
            if not self.is_open:
                raise RuntimeError("entered a closed gate")


class AcceptedGate(Gate):
    def __init__(self) -> None:
        super().__init__()
        self.changed = Condition()  # harness: notify_all not needed: there is one who enters


class AcceptedOnceTested(OnceTested):
    def __init__(self) -> None:
        super().__init__()
        self.changed = Condition()  # harness: lock not needed: for show  # harness: notify_all not needed: one enters


class Accepted(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock = Mutex()
        self.spare = Mutex()  # harness: lock not needed: it is for show


@dataclass
class AcceptedFields(Fields):
    spare: Any = field(default_factory=Mutex)  # harness: lock not needed: a field for show


class NoReason(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock = Mutex()
        self.spare = Mutex()  # harness: lock not needed:


class NoColon(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock = Mutex()
        self.spare = Mutex()  # harness: lock not needed


class OtherWords(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.lock = Mutex()
        self.spare = Mutex()  # harness: notify_all not needed: this is about something else
