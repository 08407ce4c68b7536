"""Deadlocks: locks in a cycle, a lock held while waiting, a permit that is never given back.

The twins take locks in one order, wait with empty hands, and give back in ``finally``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.quality.corpus.case import twins


class Shop:
    """Two locks, taken in opposite orders."""

    def __init__(self) -> None:
        self.stock = 5
        self.orders = 0
        self._stock_lock = threading.Lock()
        self._orders_lock = threading.Lock()

    def sell(self) -> None:
        with self._orders_lock, self._stock_lock:
            self.orders += 1
            self.stock -= 1

    def take_back(self) -> None:
        with self._stock_lock, self._orders_lock:
            self.stock += 1
            self.orders -= 1


class OrderedShop(Shop):
    def take_back(self) -> None:
        with self._orders_lock, self._stock_lock:
            self.stock += 1
            self.orders -= 1


class Table:
    """Three philosophers, each of whom takes the left fork first. It takes two preemptions."""

    def __init__(self) -> None:
        self.forks = [threading.Lock() for _ in range(3)]
        self.seats = [(0, 1), (1, 2), (2, 0)]
        self.meals: list[int] = []

    def dine(self, seat: int) -> None:
        first, second = self.seats[seat]
        with self.forks[first], self.forks[second]:
            self.meals.append(seat)


class OrderedTable(Table):
    def __init__(self) -> None:
        super().__init__()
        self.seats = [(0, 1), (1, 2), (0, 2)]


class Vault:
    """Each account has a lock; a transfer takes the payer's first."""

    def __init__(self) -> None:
        self.coins = [10, 10]
        self.locks = [threading.Lock(), threading.Lock()]

    def transfer(self, source: int, target: int) -> None:
        with self.locks[source]:
            with self.locks[target]:
                self.coins[source] -= 1
                self.coins[target] += 1


class OrderedVault(Vault):
    def transfer(self, source: int, target: int) -> None:
        with self.locks[min(source, target)]:
            with self.locks[max(source, target)]:
                self.coins[source] -= 1
                self.coins[target] += 1


class Thermometer:
    """Calls its listeners under its own lock, and they have locks of their own."""

    def __init__(self) -> None:
        self.degrees = 20
        self.listeners: list[Callable[[int], None]] = []
        self.lock = threading.Lock()

    def read(self) -> int:
        with self.lock:
            return self.degrees

    def warm_up(self) -> None:
        with self.lock:
            self.degrees += 1
            for listener in self.listeners:
                listener(self.degrees)


class QuietThermometer(Thermometer):
    def warm_up(self) -> None:
        with self.lock:
            self.degrees += 1
            degrees = self.degrees
            listeners = list(self.listeners)
        for listener in listeners:
            listener(degrees)


class Display:
    """Listens to a thermometer, and asks it when it redraws."""

    def __init__(self, thermometer: Thermometer) -> None:
        self.shown = 0
        self.thermometer = thermometer
        self._lock = threading.Lock()
        thermometer.listeners.append(self.show)

    def show(self, degrees: int) -> None:
        with self._lock:
            self.shown = max(self.shown, degrees)

    def redraw(self) -> None:
        with self._lock:
            self.shown = max(self.shown, self.thermometer.read())


class Job:
    """``stop`` waits, with the lock in its hand, for a thread that needs the lock to finish."""

    def __init__(self) -> None:
        self.steps = 0
        self._finished = threading.Event()
        self._lock = threading.Lock()

    def run(self) -> None:
        with self._lock:
            self.steps += 1
        self._finished.set()

    def stop(self) -> int:
        with self._lock:
            self._finished.wait()
            return self.steps


class PatientJob(Job):
    def stop(self) -> int:
        self._finished.wait()
        with self._lock:
            return self.steps


class Document:
    """A conflict makes ``save`` call a public method that takes the same lock again."""

    def __init__(self) -> None:
        self.versions = 0
        self._lock = self._make_lock()

    def _make_lock(self) -> threading.Lock | threading.RLock:
        return threading.Lock()

    def save(self) -> None:
        seen = self.versions
        with self._lock:
            if self.versions != seen:
                self.merge()
            else:
                self.versions += 1

    def merge(self) -> None:
        with self._lock:
            self.versions += 1


class ReentrantDocument(Document):
    def _make_lock(self) -> threading.Lock | threading.RLock:
        return threading.RLock()


CASES = (
    twins(
        "abba_deadlock",
        "deadlock",
        Shop,
        OrderedShop,
        [lambda shop: shop.sell(), lambda shop: shop.take_back()],
        check=lambda shop: shop.stock == 5 and shop.orders == 0,
    ),
    twins(
        "three_lock_deadlock",
        "deadlock",
        Table,
        OrderedTable,
        [lambda table: table.dine(0), lambda table: table.dine(1), lambda table: table.dine(2)],
        check=lambda table: sorted(table.meals) == [0, 1, 2],
    ),
    twins(
        "transfer_deadlock",
        "deadlock",
        Vault,
        OrderedVault,
        [lambda vault: vault.transfer(0, 1), lambda vault: vault.transfer(1, 0)],
        check=lambda vault: vault.coins == [10, 10],
    ),
    twins(
        "callback_under_lock",
        "deadlock",
        lambda: Display(Thermometer()),
        lambda: Display(QuietThermometer()),
        [lambda display: display.thermometer.warm_up(), lambda display: display.redraw()],
        check=lambda display: display.shown == 21,
    ),
    twins(
        "waits_with_lock_in_hand",
        "deadlock",
        Job,
        PatientJob,
        [lambda job: job.run(), lambda job: job.stop()],
        check=lambda job, results: results[1] == 1,
    ),
    twins(
        "lock_taken_again_on_conflict",
        "deadlock",
        Document,
        ReentrantDocument,
        [lambda document: document.save()] * 2,
        check=lambda document, results: document.versions == len(results),
    ),
)
