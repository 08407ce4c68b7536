"""The one slot that says which schedule is running, and whether the calling thread belongs to it."""

from __future__ import annotations

from _thread import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

    from harness.runtime.clock import Clock
    from harness.runtime.run import Run
    from harness.runtime.tasks import Task, Worker, Workers


Site = tuple[str, int, int, str]
"""Where a primitive was made: file, line and column, and the name of its class."""
Mutation = tuple[str, int, int, str, str]
"""A site, and what is done to it: "no-op", "notify" (for notify_all) or "spurious" (wake-ups)."""


class Slot:
    """Holds the running schedule; ``explorer`` is the identifier of the thread that explores, None outside.

    ``workers`` are the OS threads of its exploration, ``starting`` the threads that setup has started for the coming
    schedule, each with the OS thread that will carry it; None outside of setup.
    """

    __slots__ = ("clock", "explorer", "off", "run", "starting", "taken", "workers")

    def __init__(self) -> None:
        self.run: Run | None = None
        self.explorer: int | None = None
        self.clock: Clock | None = None
        self.workers: Workers | None = None
        self.starting: list[tuple[threading.Thread, Worker]] | None = None
        self.off: Mutation | None = None
        self.taken: set[Mutation] = set()


slot = Slot()


def controlled() -> Task | None:
    """The task of the calling thread, or None when no schedule controls it."""
    run = slot.run
    return None if run is None else run.by_ident.get(get_ident())
