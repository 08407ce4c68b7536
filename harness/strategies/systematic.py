"""Every schedule with at most a given number of preemptions and faults, fewest first.

Iterative context bounding after Musuvathi and Qadeer (PLDI 2007). A schedule is its list of deviations from the
default (go on; where that is impossible, the lowest thread that can run; nothing fails); each has exactly one parent,
so none is executed twice. Choices where the current thread cannot go on are free. Sleep sets and partial-order
reduction are left out on purpose: under a preemption bound they are unsound (Coons, Musuvathi, McKinley, OOPSLA 2013).
With each number of preemptions the schedules with fewer faults come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Deviation = tuple[int, int]
"""At decision number ``step`` run thread ``chosen``."""
Choice = tuple[int, int, tuple[int, ...]]
"""Where another decision was possible: step, current thread (-1: it could not go on), threads that could run.

With :data:`FAULT` for the current thread: the numbers of the faults that could be injected, after 0 for none.
"""
FAULT = -2


class Plan:
    """Follows its deviations and otherwise the default."""

    records = True
    everywhere = False
    __slots__ = ("_at", "deviations", "last")

    def __init__(self, deviations: tuple[Deviation, ...]) -> None:
        self.deviations = deviations
        self._at = dict(deviations)
        self.last = deviations[-1][0] if deviations else -1

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: Any) -> int:
        chosen = self._at.get(step, current)
        return chosen if chosen in enabled else current

    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int:
        chosen = self._at.get(step, enabled[0])
        return chosen if chosen in enabled else enabled[0]

    def at_fault(self, step: int, current: int, offers: Sequence[Any], why: str) -> int:
        chosen = self._at.get(step, 0)
        return chosen if chosen <= len(offers) else 0


class Systematic:
    """Hands out plans, level by level, and learns from what each showed.

    A level is a number of preemptions and a number of faults; ``level`` counts those that were completed before the
    plan handed out last. ``exhausted`` is the largest number of preemptions up to which all schedules with any number
    of faults up to ``faults`` were executed, or -1; ``deeper`` whether schedules with more preemptions than the bound
    exist; ``complete`` whether every alternative that was met could be kept.
    """

    MEMORY = 3_000_000

    def __init__(self, bound: int, faults: int = 0) -> None:
        self.bound = bound
        self.faults = faults
        self.level = 0
        self.exhausted = -1
        self.deeper = False
        self.complete = True
        self._levels = [(preemption, fault) for preemption in range(bound + 1) for fault in range(faults + 1)]
        self._stack: list[tuple[Deviation, ...]] = [()]
        self._source: Iterator[tuple[Deviation, ...]] = iter(())
        self._parents: dict[tuple[int, int], list[tuple[tuple[Deviation, ...], list[Choice]]]] = {}
        self._stored = 0

    def next(self) -> Plan | None:
        """The next schedule to execute, or None when all were."""
        while True:
            if self._stack:
                return Plan(self._stack.pop())
            child = next(self._source, None)
            if child is not None:
                return Plan(child)
            if not self.complete or self.level >= len(self._levels):
                return None
            preemption, fault = self._levels[self.level]
            if fault == self.faults:
                self.exhausted = preemption
            self.level += 1
            if self.level < len(self._levels):
                parents = self._parents.pop(self._levels[self.level], [])
                self._stored -= sum(len(choices) for _, choices in parents)
                self._source = _children(parents)

    def learn(self, plan: Plan, choices: Sequence[Choice]) -> None:
        """Take the alternatives that the execution of ``plan`` met after its last deviation."""
        last = plan.last
        preemptions: list[Choice] = []
        faults: list[Choice] = []
        for choice in choices:
            step, current, enabled = choice
            if step <= last:
                continue
            if current >= 0:
                preemptions.append(choice)
            elif current == FAULT:
                faults.append(choice)
            else:
                self._stack += [(*plan.deviations, (step, chosen)) for chosen in reversed(enabled[1:])]
        preemption, fault = self._levels[self.level]
        if fault < self.faults:
            self._keep((preemption, fault + 1), plan, faults)
        if preemption < self.bound:
            self._keep((preemption + 1, fault), plan, preemptions)
        elif preemptions:
            self.deeper = True

    def _keep(self, level: tuple[int, int], plan: Plan, choices: list[Choice]) -> None:
        if not choices:
            return
        if self._stored < self.MEMORY:
            self._parents.setdefault(level, []).append((plan.deviations, choices))
            self._stored += len(choices)
        else:
            self.complete = False


def _children(
    parents: list[tuple[tuple[Deviation, ...], list[Choice]]],
) -> Iterator[tuple[Deviation, ...]]:
    for deviations, choices in parents:
        for step, current, enabled in choices:
            for chosen in enabled:
                if chosen != (0 if current == FAULT else current):
                    yield (*deviations, (step, chosen))
