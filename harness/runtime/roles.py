"""What a run asks and tells others: the strategy that chooses, the observer that is told."""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType
from typing import Protocol, runtime_checkable

from harness.instrument.sites import AnySite

Offer = tuple[str, int]
"""A fault that may be injected now: its label, and the thread that it hits."""


class Strategy(Protocol):
    """Chooses the next thread; pure."""

    records: bool
    """Whether it wants to know which choices there were."""
    everywhere: bool
    """Whether it wants to be asked at every yield point, not only where threads conflict."""

    def at_point(self, step: int, current: int, enabled: Sequence[int], site: AnySite) -> int:
        """Who runs next where ``current`` could go on."""

    def at_switch(self, step: int, enabled: Sequence[int], why: str) -> int:
        """Who runs next where the current thread cannot go on, or at the start."""


@runtime_checkable
class ChoosesFaults(Protocol):
    """A strategy that may also choose that something fails; one that is not never has a fault injected."""

    def at_fault(self, step: int, current: int, offers: Sequence[Offer], why: str) -> int:
        """0 to go on, or n to inject the n-th of ``offers`` where ``current`` stands.

        ``why`` is ``point``, ``call``, ``exit`` (it is about to end), or why it cannot go on: ``block``, ``end``.
        """


class Observer(Protocol):
    """Told of every yield point: before the strategy is asked there, and when its thread goes on."""

    def arrive(self, thread: int, site: AnySite, frame: FrameType) -> None:
        """``thread`` stands before an access at ``site``."""

    def act(self, thread: int, site: AnySite, frame: FrameType, mode: int) -> None:
        """``thread`` is about to make the access, which reads (1), writes (2) or both (3)."""

    def inject(self, thread: int, site: AnySite) -> None:
        """A fault hits ``thread`` at ``site``."""
