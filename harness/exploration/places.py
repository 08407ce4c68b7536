"""Yield points in people's terms, and a schedule's decisions as a replay record."""

from __future__ import annotations

import dataclasses
import linecache
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from types import FrameType
from typing import Any

from harness.instrument.scope import Scope
from harness.instrument.switches import Visit, gil_can_switch, visit
from harness.runtime.roles import ChoosesFaults, Offer, Strategy
from harness.schedule import Decision, Place


class Places:
    """The place of each site, looked up once."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[Any, Place]] = {}

    def of(self, site: Any) -> Place:
        """The place of ``site``, as a first visit."""
        known = self._places.get(id(site))
        if known is None:
            code = site.code
            text = linecache.getline(code.co_filename, site.line).strip()
            place = Place(code.co_qualname, site.line, text, site.label, 1, code.co_filename)
            known = self._places[id(site)] = (site, place)
        return known[1]


class Recorder:
    """Watches a schedule's yield points and knows where each thread stands."""

    def __init__(self, places: Places, scope: Scope) -> None:
        self._places = places
        self._scope = scope
        self._visits: Counter[tuple[int, str, str, str]] = Counter()
        self._last: dict[int, Place] = {}
        self._paths: defaultdict[int, list[Visit]] = defaultdict(list)

    def visit(self, thread: int, site: Any, frame: FrameType) -> None:
        """``thread`` stands before an access at ``site``."""
        place = self._places.of(site)
        key = (thread, place.function, place.text, place.access)
        self._visits[key] += 1
        self._paths[thread].append(visit(site, frame, self._scope.called_from_c))
        self._last[thread] = Place(
            place.function, place.line, place.text, place.access, self._visits[key], place.file
        )

    def standing(self, thread: int) -> Place | None:
        """Where ``thread`` stood last."""
        return self._last.get(thread)

    def position(self, thread: int) -> int:
        """How many visits ``thread`` has made."""
        return len(self._paths[thread])

    def gil(self, thread: int, position: int, shared: Collection[Any]) -> bool:
        """Whether a GIL build can take control from ``thread`` at its visit number ``position``."""
        return gil_can_switch(self._paths[thread][:position], shared)


class Recording:
    """A strategy that lets another one decide and keeps its decisions as a replay record would."""

    def __init__(self, inner: Strategy, places: Places, scope: Scope) -> None:
        self._inner = inner
        self._recorder = Recorder(places, scope)
        self.records = inner.records
        self.everywhere = inner.everywhere
        self._taken: list[tuple[Decision, int]] = []
        self._thread = -1

    def visit(self, thread: int, site: Any, frame: FrameType) -> None:
        """``thread`` stands before an access at ``site``; must be told before it is asked there."""
        self._thread = thread
        self._recorder.visit(thread, site, frame)
        inner = getattr(self._inner, "visit", None)
        if inner is not None:
            inner(thread, site)

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: Any) -> int:
        chosen = self._inner.at_point(step, current, enabled, site)
        if chosen != current:
            decision = Decision("preempt", current, chosen, self._recorder.standing(current))
            self._taken.append((decision, self._recorder.position(current)))
        return chosen

    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int:
        chosen = self._inner.at_switch(step, enabled, why)
        thread = -1 if why == "start" else self._thread
        self._taken.append((Decision(why, thread, chosen, self._recorder.standing(thread)), 0))
        return chosen

    def at_fault(self, step: int, current: int, offers: Sequence[Offer], why: str) -> int:
        number = self._inner.at_fault(step, current, offers, why) if isinstance(self._inner, ChoosesFaults) else 0
        if number:
            label, chosen = offers[number - 1]
            position = self._recorder.position(current) if why == "point" else 0
            decision = Decision(f"fault-at-{why}", current, chosen, self._recorder.standing(current), fault=label)
            self._taken.append((decision, position))
        return number

    def decisions(self, shared: Collection[Any]) -> tuple[Decision, ...]:
        """What was decided; ``shared`` are the sites at which threads conflict."""
        return tuple(
            dataclasses.replace(decision, gil=self._recorder.gil(decision.thread, position, shared))
            if position
            else decision
            for decision, position in self._taken
        )
