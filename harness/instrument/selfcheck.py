"""The start-up check that events arrive: another tool can drop them, and then every scenario would look correct."""

from __future__ import annotations

import sys
from collections.abc import Callable

from harness.instrument.events import Events
from harness.instrument.scope import Scope
from harness.model import CannotExplore

EXPECTED = 5


class _Probe:
    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


def _increment(probe: _Probe) -> None:
    if probe.value:
        probe.value += 1
    else:
        probe.value = 1


def check_events(events: Events, scope: Scope, arrived: Callable[[], int]) -> None:
    """Execute five known accesses, on both sides of a branch; raises :class:`CannotExplore` if fewer are seen."""
    scope.force(_increment.__code__)
    before = arrived()
    probe = _Probe()

    def twice() -> None:
        _increment(probe)
        _increment(probe)

    events.around(twice)
    seen = arrived() - before
    if seen < EXPECTED:
        tracer = " (a trace function is set)" if sys.gettrace() else ""
        raise CannotExplore(
            f"only {seen} of {EXPECTED} test events arrived{tracer}: another tool takes them away; "
            "run without the debugger, profiler or coverage tool, or with COVERAGE_CORE=ctrace"
        )
