"""The yield point between two operations of a scenario: what a history must see, though the target's code has ended.

Preempting inside the next operation instead would hide that the one before had returned first.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import Any

from harness.runtime.active import controlled, slot

FILE = "<between operations>"
TEXT = "between two operations"
WRITE = 2


class Boundary:
    """Stands before the operation ``label``; always preemptible, since the order of operations is always observed."""

    __slots__ = ("code", "hot", "label", "line")

    def __init__(self, label: str) -> None:
        linecache.cache[FILE] = (len(TEXT), None, [TEXT + "\n"], FILE)
        self.code: CodeType = _CODE
        self.line = 1
        self.label = f"next: {label}"
        self.hot = True

    def touch(self, frame: FrameType) -> Sequence[tuple[Any, Any, int]]:
        """The order of operations, which every thread of the scenario changes."""
        return ((_ORDER, "order", WRITE),)


class _Order:
    """What boundaries are said to touch."""


_ORDER = _Order()
_CODE = compile("0", FILE, "eval").replace(co_name="operations", co_qualname="operations")


def unwinding() -> bool:
    """Whether the schedule is over and its threads are being ended: what they still do is no part of the history."""
    run = slot.run
    return run is None or run.unwinding


def pass_boundary(site: Boundary) -> None:
    """Offer a preemption at ``site``; nothing outside a schedule."""
    task, run = controlled(), slot.run
    if task is not None and run is not None:
        run.access(task, site, sys._getframe(1))
