"""One thread after another in a given order; faults only where they are planned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.strategies.systematic import FAULT, Choice, Deviation


class InOrder:
    """Runs the threads one after another in a given order, and injects the faults of ``deviations``."""

    records = True
    everywhere = False

    def __init__(self, order: tuple[int, ...], deviations: tuple[Deviation, ...] = ()) -> None:
        self._rank = {thread: position for position, thread in enumerate(order)}
        self.deviations = deviations
        self._faults = dict(deviations)

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: Any) -> int:
        return current

    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int:
        return int(min(enabled, key=lambda thread: self._rank.get(thread, thread)))

    def at_fault(self, step: int, current: int, offers: Sequence[Any], why: str) -> int:
        return self._faults.get(step, 0)

    def with_faults(self, order: tuple[int, ...], choices: Sequence[Choice]) -> Iterator[InOrder]:
        """The same with one more fault, after the last one, at each of the ``choices`` that its execution met."""
        last = self.deviations[-1][0] if self.deviations else -1
        for step, current, offered in choices:
            if current == FAULT and step > last:
                for chosen in offered[1:]:
                    yield InOrder(order, (*self.deviations, (step, chosen)))
