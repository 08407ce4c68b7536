"""Livelocks: every thread keeps moving and none gets on.

The twins end under every schedule: their loops wait for something that another thread will do.
"""

from __future__ import annotations

import threading
import time

from tests.quality.corpus.case import twins


class Spoon:
    """One spoon, and two who hand it to each other for as long as both are hungry."""

    def __init__(self) -> None:
        self.owner = 0
        self.hungry = [False, False]
        self.meals: list[int] = []

    def _eat(self, me: int) -> None:
        self.meals.append(me)
        self.hungry[me] = False
        self.owner = 1 - me

    def dine(self, me: int) -> None:
        self.hungry[me] = True
        while self.hungry[me]:
            if self.owner != me:
                time.sleep(0)
            elif self.hungry[1 - me]:
                self.owner = 1 - me
            else:
                self._eat(me)


class OncePoliteSpoon(Spoon):
    def dine(self, me: int) -> None:
        offered = False
        self.hungry[me] = True
        while self.hungry[me]:
            if self.owner != me:
                time.sleep(0)
            elif self.hungry[1 - me] and not offered:
                offered = True
                self.owner = 1 - me
            else:
                self._eat(me)


class SpinBarrier:
    """A barrier that counts arrivals without a lock: when one is lost, both spin for ever."""

    def __init__(self) -> None:
        self.arrived = 0

    def _arrive(self) -> None:
        self.arrived += 1

    def meet(self) -> None:
        self._arrive()
        while self.arrived < 2:
            pass


class LockedSpinBarrier(SpinBarrier):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def _arrive(self) -> None:
        with self._lock:
            self.arrived += 1


class Robots:
    """Each arm keeps its own part and tries again and again to pick up the part of the other."""

    def __init__(self) -> None:
        self.parts = [threading.Lock(), threading.Lock()]
        self.assembled = 0

    def assemble(self, mine: int, other: int) -> None:
        with self.parts[mine]:
            while not self.parts[other].acquire(blocking=False):
                time.sleep(0.001)
            try:
                self.assembled += 1
            finally:
                self.parts[other].release()


class OrderedRobots(Robots):
    def assemble(self, mine: int, other: int) -> None:
        super().assemble(min(mine, other), max(mine, other))


CASES = (
    twins(
        "two_polite_threads",
        "livelock",
        Spoon,
        OncePoliteSpoon,
        [lambda spoon: spoon.dine(0), lambda spoon: spoon.dine(1)],
        check=lambda spoon: sorted(spoon.meals) == [0, 1],
    ),
    twins(
        "spin_barrier_loses_an_arrival",
        "livelock",
        SpinBarrier,
        LockedSpinBarrier,
        [lambda barrier: barrier.meet()] * 2,
        check=lambda barrier: barrier.arrived == 2,
        waits=True,
    ),
    twins(
        "try_lock_for_ever",
        "livelock",
        Robots,
        OrderedRobots,
        [lambda robots: robots.assemble(0, 1), lambda robots: robots.assemble(1, 0)],
        check=lambda robots: robots.assembled == 2,
    ),
)
