"""Follows a replay record: a decision is taken when its thread stands at the recorded visit of its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.schedule import Decision, Place

PlaceOf = Callable[[Any], Place]


class Replay:
    """Strict: every decision in its order. ``lax`` skips what does not apply, for shrinking.

    ``visit`` must be told of every yield point before the strategy is asked there.
    """

    records = False
    everywhere = True

    def __init__(self, decisions: Sequence[Decision], place_of: PlaceOf, *, lax: bool = False) -> None:
        self._decisions = list(decisions)
        self._place_of = place_of
        self._lax = lax
        self._next = 0
        self._visits: Counter[tuple[int, str, str, str]] = Counter()
        self._standing: dict[int, tuple[str, str, str, int]] = {}
        self.diverged = ""

    def visit(self, thread: int, site: Any) -> None:
        """``thread`` stands before an access at ``site``."""
        place = self._place_of(site)
        here = (place.function, place.text, place.access)
        self._visits[(thread, *here)] += 1
        self._standing[thread] = (*here, self._visits[(thread, *here)])

    def _pending(self) -> Decision | None:
        return self._decisions[self._next] if self._next < len(self._decisions) else None

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: Any) -> int:
        return self._due("preempt", current, {thread: (thread, "") for thread in enabled}, current)

    def at_fault(self, step: int, current: int, offers: Sequence[tuple[str, int]], why: str) -> int:
        known = {number: (thread, label) for number, (label, thread) in enumerate(offers, 1)}
        return self._due(f"fault-at-{why}", current, known, 0)

    def _due(self, why: str, current: int, offers: Mapping[int, tuple[int, str]], otherwise: int) -> int:
        """Which of ``offers`` (thread and fault) the decision takes that is due here."""
        for ahead in range(self._next, len(self._decisions)):
            decision = self._decisions[ahead]
            if decision.why == why and decision.thread == current and self._matches(decision):
                if ahead > self._next and not self._lax:
                    break
                for number, offer in offers.items():
                    if offer == (decision.chosen, decision.fault):
                        self._next = ahead + 1
                        return number
                self._note(f"{decision.fault or decision.chosen} cannot {'happen' if decision.fault else 'run'} "
                           f"at {decision.place}")  # fmt: skip
            if not self._lax:
                break
        return otherwise

    def _matches(self, decision: Decision) -> bool:
        place = decision.place
        here = None if place is None else (place.function, place.text, place.access, place.nth)
        return here == self._standing.get(decision.thread)

    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int:
        pending = self._pending()
        if self._lax:
            while pending is not None and not pending.free and pending.thread not in enabled:
                self._next += 1
                pending = self._pending()
        if pending is None or not pending.free:
            if pending is not None:
                self._note(f"thread {pending.thread} never reached {pending.place}")
            return enabled[0]
        self._next += 1
        if pending.chosen in enabled:
            return pending.chosen
        self._note(f"thread {pending.chosen} cannot run where the record wants it")
        return enabled[0]

    def finish(self) -> str:
        """The first decision that did not fit, or an empty string."""
        pending = self._pending()
        if pending is not None:
            self._note(f"the decision at {pending.place} was never reached")
        return self.diverged

    def _note(self, text: str) -> None:
        self.diverged = self.diverged or text
