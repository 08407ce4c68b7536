"""Yield points in people's terms, and a schedule's decisions as a replay record."""

from __future__ import annotations

import linecache
from collections import Counter
from collections.abc import Sequence
from types import CodeType
from typing import Any

from harness.instrument.switches import gil_can_switch
from harness.runtime.run import Strategy
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
    """Watches a schedule's yield points and turns its switches into decisions."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._visits: Counter[tuple[int, str, str, str]] = Counter()
        self._last: dict[int, Place] = {}
        self._before: dict[int, tuple[CodeType, int]] = {}
        self.gil: dict[int, bool] = {}
        self.points = 0

    def visit(self, thread: int, site: Any) -> None:
        """``thread`` stands before an access at ``site``."""
        place = self._places.of(site)
        key = (thread, place.function, place.text, place.access)
        self._visits[key] += 1
        self.points += 1
        offset = getattr(site, "offset", None)
        self.gil[thread] = offset is None or gil_can_switch(self._before.get(thread), site.code, offset)
        self._before[thread] = (site.code, -1 if offset is None else offset)
        self._last[thread] = Place(
            place.function, place.line, place.text, place.access, self._visits[key], place.file
        )

    def standing(self, thread: int) -> Place | None:
        """Where ``thread`` stood last."""
        return self._last.get(thread)


class Recording:
    """A strategy that lets another one decide and keeps its decisions as a replay record would."""

    def __init__(self, inner: Strategy, places: Places) -> None:
        self._inner = inner
        self._recorder = Recorder(places)
        self.records = inner.records
        self.decisions: list[Decision] = []
        self._thread = -1

    def visit(self, thread: int, site: Any) -> None:
        """``thread`` stands before an access at ``site``; must be told before it is asked there."""
        self._thread = thread
        self._recorder.visit(thread, site)
        inner = getattr(self._inner, "visit", None)
        if inner is not None:
            inner(thread, site)

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: Any) -> int:
        chosen = self._inner.at_point(step, current, enabled, site)
        if chosen != current:
            standing = self._recorder.standing(current)
            self.decisions.append(Decision("preempt", current, chosen, standing, self._recorder.gil[current]))
        return chosen

    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int:
        chosen = self._inner.at_switch(step, enabled, why)
        thread = -1 if why == "start" else self._thread
        self.decisions.append(Decision(why, thread, chosen, self._recorder.standing(thread)))
        return chosen
