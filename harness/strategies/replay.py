"""Follows a replay record: a decision is taken when its thread stands at the recorded visit of its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
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
        self._here: tuple[str, str, str] = ("", "", "")
        self._nth = 0
        self.diverged = ""

    def visit(self, thread: int, site: Any) -> None:
        """``thread`` stands before an access at ``site``."""
        place = self._place_of(site)
        self._here = (place.function, place.text, place.access)
        self._visits[(thread, *self._here)] += 1
        self._nth = self._visits[(thread, *self._here)]

    def _pending(self) -> Decision | None:
        return self._decisions[self._next] if self._next < len(self._decisions) else None

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: Any) -> int:
        for ahead in range(self._next, len(self._decisions)):
            decision = self._decisions[ahead]
            if decision.why == "preempt" and decision.thread == current and self._matches(decision):
                if ahead > self._next and not self._lax:
                    break
                if decision.chosen in enabled:
                    self._next = ahead + 1
                    return decision.chosen
                self._note(f"{decision.chosen} cannot run at {decision.place}")
            if not self._lax:
                break
        return current

    def _matches(self, decision: Decision) -> bool:
        place = decision.place
        return (
            place is not None
            and (place.function, place.text, place.access) == self._here
            and place.nth == self._nth
        )

    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int:
        pending = self._pending()
        if self._lax:
            while pending is not None and pending.why == "preempt" and pending.thread not in enabled:
                self._next += 1
                pending = self._pending()
        if pending is None or pending.why == "preempt":
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
