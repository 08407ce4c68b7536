"""Runs the threads of a scenario one after another, restored between runs: what the code does when nothing overlaps."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from harness.exploration.arguments import validate
from harness.exploration.session import Session
from harness.model import CannotExplore, Finding
from harness.strategies.in_order import InOrder


def run_in_order(
    setup: Callable[[], Any],
    threads: Sequence[Callable[[Any], Any]],
    record: Callable[[Any, Sequence[Any]], None],
    runs: Sequence[Sequence[int]],
    *,
    modules: Sequence[str] = (),
    root: str | os.PathLike[str] | None = None,
) -> Finding | None:
    """Run each of ``runs``, an order of positions in ``threads``, on a fresh state; the first finding, if there is one.

    ``record(state, results)`` is called after each run; ``results`` are in the order of the run.
    Raises :class:`harness.CannotExplore` where the environment or the target makes a controlled run impossible.
    """
    script = validate(
        setup,
        threads,
        record,
        observe=None,
        modules=modules,
        preemptions=0,
        schedules=1,
        seconds=None,
        seed=0,
        expected=(),
        replay=None,
        timeouts="virtual",
        watchdog=10.0,
    )
    session = Session(script, str(root) if root is not None else os.getcwd(), None)
    with session():
        for order in runs:
            executed = session.execute(InOrder(tuple(range(len(order)))), order)
            if executed.problem:
                raise CannotExplore(executed.problem)
            if executed.finding is not None:
                return executed.finding
    return None


