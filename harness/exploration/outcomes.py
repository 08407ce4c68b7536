"""All outcomes of a script within a bound, with and without the reduction: the means to test that it loses none."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

from harness.exploration.arguments import validate
from harness.exploration.explorer import Explorer
from harness.exploration.result import Exploration
from harness.exploration.session import Session
from harness.schedule.fault import FaultSpec


def outcomes(
    setup: Callable[[], Any],
    threads: Sequence[Callable[[Any], Any]],
    observe: Callable[[Any], Any],
    *,
    preemptions: int = 2,
    reduce: bool = True,
    schedules: int = 1_000_000,
    inject: Sequence[FaultSpec] = (),
) -> Exploration:
    """Execute every schedule with at most ``preemptions`` and call ``observe(state)`` after each.

    With ``reduce=False`` every shared access is preemptible and no two threads count as interchangeable.
    """
    script = validate(
        setup,
        threads,
        lambda state: None,
        observe=observe,
        modules=(),
        preemptions=preemptions,
        schedules=schedules,
        seconds=None,
        seed=0,
        expected=(),
        replay=None,
        timeouts="virtual",
        watchdog=10.0,
        inject=inject,
    )
    if not reduce:
        script = dataclasses.replace(script, reduce=False, classes=tuple(range(len(script.threads))))
    session = Session(script, os.getcwd(), None)
    with session():
        return Explorer(session).explore()
