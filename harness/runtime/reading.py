"""Tells the running schedule that the calling thread reads an object as a whole, where no target code does."""

from __future__ import annotations

from typing import Any

from harness.instrument.accesses import WHOLE
from harness.runtime.active import controlled, slot


def reads_whole(thing: Any) -> None:
    """A yield point that conflicts with every write to ``thing``; nothing outside a schedule."""
    task = controlled()
    run = slot.run
    if task is not None and run is not None:
        run.sync(task, "read", ((thing, WHOLE, 1),))
