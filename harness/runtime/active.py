"""The one slot that says which schedule is running, and whether the calling thread belongs to it."""

from __future__ import annotations

from _thread import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.runtime.clock import Clock
    from harness.runtime.run import Run
    from harness.runtime.tasks import Task


class Slot:
    """Holds the running schedule; ``explorer`` is the identifier of the thread that explores, None outside."""

    __slots__ = ("clock", "explorer", "run")

    def __init__(self) -> None:
        self.run: Run | None = None
        self.explorer: int | None = None
        self.clock: Clock | None = None


slot = Slot()


def controlled() -> Task | None:
    """The task of the calling thread, or None when no schedule controls it."""
    run = slot.run
    return None if run is None else run.by_ident.get(get_ident())
