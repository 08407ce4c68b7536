"""Locks that are there and do not help: one per call, per instance, on one side only, made too late.

Every twin differs from its broken sibling in the locking alone.
"""

from __future__ import annotations

import threading
import time

from tests.quality.corpus.case import twins
from tests.quality.corpus.claims import nothing_lost


class LockPerCall:
    """Each call makes its own lock, so nobody ever waits for anybody."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, amount: int) -> None:
        with threading.Lock():
            self.total += amount


class LockPerObject(LockPerCall):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def add(self, amount: int) -> None:
        with self._lock:
            self.total += amount


class Worker:
    """The total belongs to the class, the lock to the instance."""

    finished = 0

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @classmethod
    def team(cls) -> tuple[Worker, Worker]:
        cls.finished = 0
        return cls(), cls()

    def finish(self) -> None:
        with self._lock:
            type(self).finished += 1


class WorkerOfClass(Worker):
    _class_lock = threading.Lock()

    def finish(self) -> None:
        with self._class_lock:
            type(self).finished += 1


class Purse:
    """A transfer locks the payer and changes the payee as well."""

    def __init__(self, number: int, coins: int) -> None:
        self.number = number
        self.coins = coins
        self.lock = threading.Lock()

    def pay(self, payee: Purse, coins: int) -> None:
        with self.lock:
            self.coins -= coins
            payee.coins += coins


class OrderedPurse(Purse):
    def pay(self, payee: Purse, coins: int) -> None:
        first, second = sorted((self, payee), key=lambda purse: purse.number)
        with first.lock, second.lock:
            self.coins -= coins
            payee.coins += coins


def purses() -> list[Purse]:
    return [Purse(number, 10) for number in range(3)]


def ordered_purses() -> list[OrderedPurse]:
    return [OrderedPurse(number, 10) for number in range(3)]


class Till:
    """``put`` takes the lock, ``take`` forgot to."""

    def __init__(self) -> None:
        self.cash = 100
        self._lock = threading.Lock()

    def put(self, amount: int) -> None:
        with self._lock:
            self.cash += amount

    def take(self, amount: int) -> None:
        self.cash -= amount


class LockedTill(Till):
    def take(self, amount: int) -> None:
        with self._lock:
            self.cash -= amount


class SafeMap:
    """Every method is atomic; what the caller makes of two of them is not."""

    def __init__(self) -> None:
        self._items = {"likes": 0}
        self._lock = threading.Lock()

    def get(self, key: str) -> int:
        with self._lock:
            return self._items[key]

    def put(self, key: str, value: int) -> None:
        with self._lock:
            self._items[key] = value

    def like(self) -> None:
        self.put("likes", self.get("likes") + 1)


class SaferMap(SafeMap):
    def like(self) -> None:
        with self._lock:
            self._items["likes"] += 1


class Allocator:
    """Tests under the lock, lets go of it, and acts under the lock once more."""

    def __init__(self) -> None:
        self.free = 1
        self.given = 0
        self._lock = threading.Lock()

    def allocate(self) -> bool:
        with self._lock:
            possible = self.free > 0
        if possible:
            with self._lock:
                self.free -= 1
                self.given += 1
        return possible


class SteadyAllocator(Allocator):
    def allocate(self) -> bool:
        with self._lock:
            possible = self.free > 0
            if possible:
                self.free -= 1
                self.given += 1
        return possible


class KeyedCounters:
    """A lock for each key, made when first needed: two threads can make two of them.

    It takes two preemptions: one between the test and the store of a lock, one inside the
    section of the thread that holds the lock which is then overwritten.
    """

    def __init__(self) -> None:
        self.counts = {"home": 0}
        self._locks: dict[str, threading.Lock] = {}

    def _lock_of(self, key: str) -> threading.Lock:
        if key not in self._locks:
            self._locks[key] = threading.Lock()
        return self._locks[key]

    def bump(self, key: str) -> None:
        with self._lock_of(key):
            self.counts[key] += 1


class SafelyKeyedCounters(KeyedCounters):
    def _lock_of(self, key: str) -> threading.Lock:
        return self._locks.setdefault(key, threading.Lock())


class BusyFlag:
    """A flag used as a lock: the test and the setting are two steps. It takes two preemptions."""

    def __init__(self) -> None:
        self.total = 0
        self._busy = False

    def add(self, amount: int) -> None:
        while self._busy:
            time.sleep(0.001)
        self._busy = True
        self.total += amount
        self._busy = False


CASES = (
    twins(
        "lock_per_call",
        "lost_update",
        LockPerCall,
        LockPerObject,
        [lambda adder: adder.add(2)] * 2,
        check=lambda adder, results: nothing_lost(adder.total, 2 * len(results)),
    ),
    twins(
        "lock_per_instance_for_class_data",
        "lost_update",
        Worker.team,
        WorkerOfClass.team,
        [lambda team: team[0].finish(), lambda team: team[1].finish()],
        check=lambda team: nothing_lost(type(team[0]).finished, 2),
    ),
    twins(
        "lock_of_the_wrong_object",
        "lost_update",
        purses,
        ordered_purses,
        [lambda purse: purse[0].pay(purse[2], 1), lambda purse: purse[1].pay(purse[2], 2)],
        check=lambda purse: nothing_lost(purse[2].coins, 13),
    ),
    twins(
        "lock_missing_in_one_method",
        "lost_update",
        Till,
        LockedTill,
        [lambda till: till.put(5), lambda till: till.take(7)],
        check=lambda till: nothing_lost(till.cash, 98),
    ),
    twins(
        "atomic_methods_compound_use",
        "lost_update",
        SafeMap,
        SaferMap,
        [lambda items: items.like()] * 2,
        check=lambda items, results: nothing_lost(items.get("likes"), len(results)),
    ),
    twins(
        "lock_released_between_test_and_act",
        "check",
        Allocator,
        SteadyAllocator,
        [lambda allocator: allocator.allocate()] * 2,
        check=lambda allocator: allocator.free == 0 and allocator.given == 1,
    ),
    twins(
        "lock_made_on_first_use",
        "lost_update",
        KeyedCounters,
        SafelyKeyedCounters,
        [lambda counters: counters.bump("home")] * 2,
        check=lambda counters, results: nothing_lost(counters.counts["home"], len(results)),
    ),
    twins(
        "flag_used_as_a_lock",
        "lost_update",
        BusyFlag,
        LockPerObject,
        [lambda adder: adder.add(2)] * 2,
        check=lambda adder, results: nothing_lost(adder.total, 2 * len(results)),
    ),
)
