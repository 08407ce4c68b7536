"""Random schedules: walk, PCT, POS and SURW, each from an injected generator.

Sources: PCT, Burckhardt et al., ASPLOS 2010; POS, Yuan et al., CAV 2018, here without the re-draw of racing events,
because the pending access of a parked thread is not known; SURW, Zhao et al., ASPLOS 2025, with the number of
accesses of each thread estimated from the first schedule.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any


class RandomWalk:
    """At every yield point, any thread that can run with equal probability."""

    records = False
    everywhere = False

    def __init__(self, rng: random.Random) -> None:
        self._random = rng.random

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: Any) -> int:
        return enabled[int(self._random() * len(enabled))]

    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int:
        return enabled[int(self._random() * len(enabled))]


class PCT:
    """Random thread priorities, lowered at ``depth - 1`` random change points among ``points`` shared accesses."""

    records = False
    everywhere = False

    def __init__(self, rng: random.Random, depth: int, points: int) -> None:
        self._rng = rng
        self._priority: dict[int, float] = {}
        self._changes = {rng.randrange(max(points, 1)): -float(i + 1) for i in range(depth - 1)}
        self._count = -1

    def _highest(self, enabled: Sequence[int]) -> int:
        priority = self._priority
        for thread in enabled:
            if thread not in priority:
                priority[thread] = self._rng.random()
        return max(enabled, key=priority.__getitem__)

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: Any) -> int:
        self._count += 1
        if self._count in self._changes:
            self._priority[current] = self._changes[self._count]
        return self._highest(enabled)

    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int:
        if why == "spin":
            return enabled[int(self._rng.random() * len(enabled))]
        return self._highest(enabled)


class POS:
    """Each pending access gets a random priority; the highest runs, and its thread draws anew."""

    records = False
    everywhere = False

    def __init__(self, rng: random.Random) -> None:
        self._random = rng.random
        self._priority: dict[int, float] = {}

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: Any) -> int:
        self._priority[current] = self._random()
        return self.at_switch(step, enabled, "")

    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int:
        priority = self._priority
        for thread in enabled:
            if thread not in priority:
                priority[thread] = self._random()
        chosen = max(enabled, key=priority.__getitem__)
        if why == "spin":
            chosen = enabled[int(self._random() * len(enabled))]
        return chosen


class SURW:
    """A thread with the probability of its share of the accesses still to come."""

    records = False
    everywhere = False

    def __init__(self, rng: random.Random, accesses: dict[int, int]) -> None:
        self._random = rng.random
        self._left = dict(accesses)

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: Any) -> int:
        chosen = self.at_switch(step, enabled, "")
        self._left[chosen] = self._left.get(chosen, 1) - 1
        return chosen

    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int:
        weights = [max(self._left.get(thread, 1), 1) for thread in enabled]
        mark = self._random() * sum(weights)
        for thread, weight in zip(enabled, weights, strict=True):
            mark -= weight
            if mark < 0:
                return thread
        return enabled[-1]


Sampler = RandomWalk | PCT | POS | SURW


def sampler(seed: int, number: int, points: int, accesses: dict[int, int]) -> Sampler:
    """The strategy of sample ``number``: half SURW, a quarter POS, a quarter PCT; every tenth a random walk."""
    rng = random.Random(f"{seed}:{number}")
    if number % 10 == 9:
        return RandomWalk(rng)
    kind = number % 4
    if kind in (0, 2):
        return SURW(rng, accesses)
    if kind == 1:
        return POS(rng)
    return PCT(rng, 2 + number // 4 % 2, points)
