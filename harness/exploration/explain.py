"""Watches one execution of a witness and tells what each thread read and wrote. It judges nothing."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection
from types import FrameType
from typing import Any

from harness.exploration.places import Places, Recording
from harness.instrument.accesses import ABSENT, show
from harness.oracles.explanation import Event


class Explainer:
    """An observer of a run that collects the accesses with their values."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.events: list[Event] = []
        self._sites: list[Any] = []
        self._faults: list[Any] = []
        self._open: dict[int, tuple[int, Any, FrameType]] = {}

    def act(self, thread: int, site: Any, frame: FrameType, mode: int) -> None:
        """``thread`` is about to make the access at ``site`` in ``frame``."""
        self.settle(thread)
        place = self._places.of(site)
        if not hasattr(site, "mode"):
            mode = 0  # a synchronisation operation: its verb says it all
        value = getattr(site, "value", None)
        before = _shown(value, frame) if value is not None else ""
        self.events.append(Event(thread, place, mode, before, "", False))
        self._sites.append(site)
        if mode & 2 and value is not None:
            self._open[thread] = (len(self.events) - 1, site, frame)

    def inject(self, thread: int, site: Any) -> None:
        """A fault hits ``thread`` at ``site``."""
        self.events.append(Event(thread, self._places.of(site), 0, "", "", True))
        self._sites.append(site)
        self._faults.append(site)

    def settle(self, thread: int) -> None:
        """Complete the last write of ``thread`` with the value it left."""
        pending = self._open.pop(thread, None)
        if pending is None:
            return
        position, site, frame = pending
        if not _readable(frame):
            return
        event = self.events[position]
        self.events[position] = event._replace(after=_shown(site.value, frame))

    def finish(self, shared: Collection[Any]) -> list[Event]:
        """All events, in the order in which they happened; ``shared`` are the sites at which threads conflict."""
        for thread in list(self._open):
            self.settle(thread)
        return [
            event._replace(hot=site in shared or site in self._faults)
            for event, site in zip(self.events, self._sites, strict=True)
        ]


class Witnessing:
    """Lets a recording, the strategy it wraps and an explainer observe one execution."""

    def __init__(self, recording: Recording, explainer: Explainer) -> None:
        self._recording = recording
        self._explainer = explainer

    def arrive(self, thread: int, site: Any, frame: Any) -> None:
        self._recording.visit(thread, site, frame)

    def act(self, thread: int, site: Any, frame: Any, mode: int) -> None:
        self._explainer.act(thread, site, frame, mode)

    def inject(self, thread: int, site: Any) -> None:
        self._explainer.inject(thread, site)


def _readable(frame: FrameType) -> bool:
    """Whether the locals of ``frame`` may be read now.

    The frame of a generator lies in the generator: CPython 3.13.0 reads freed memory when the generator is gone.
    """
    if not frame.f_code.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        return True
    running: FrameType | None = sys._getframe()
    while running is not None and running is not frame:
        running = running.f_back
    return running is not None


def _shown(value: Any, frame: FrameType) -> str:
    try:
        found = value(frame)
    except Exception:
        return ""
    return "" if found is ABSENT else show(found)
