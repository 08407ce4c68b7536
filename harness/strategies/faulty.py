"""Sampled schedules with faults: at random among the occasions, as PCT places its change points."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol


class Sampler(Protocol):
    """A strategy that chooses threads only."""

    records: bool
    everywhere: bool

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: Any) -> int: ...
    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int: ...


class WithFaults:
    """Lets ``inner`` choose the threads, and injects up to ``most`` faults among about ``occasions`` occasions.

    An occasion past the last one of the schedule means one fault less.
    """

    def __init__(self, inner: Sampler, rng: random.Random, occasions: int, most: int) -> None:
        self.records = inner.records
        self.everywhere = inner.everywhere
        self.at_point = inner.at_point
        self.at_switch = inner.at_switch
        self._rng = rng
        self._count = -1
        self._chosen = {rng.randrange(occasions + 1) for _ in range(most)}

    def at_fault(self, step: int, current: int, offers: Sequence[Any], why: str) -> int:
        self._count += 1
        return self._rng.randrange(len(offers)) + 1 if self._count in self._chosen else 0
