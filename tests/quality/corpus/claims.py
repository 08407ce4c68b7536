"""What the checks of the corpus claim, each failing with the kind of bug that it names.

No claim depends on the number of threads: it is given what was counted and what was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized

from harness import Violation


def nothing_lost(found: float, made: float) -> None:
    """Every update that was made is still there."""
    if found != made:
        raise Violation("lost_update", f"updates adding up to {made} were made, {found} is left")


def done_once(done: Sized) -> None:
    """The initialisation ran exactly once."""
    if len(done) != 1:
        raise Violation("double_init", f"initialised {len(done)} times")


def same_object(objects: Iterable[object]) -> None:
    """Everybody was handed the one instance."""
    distinct: list[object] = []
    for candidate in objects:
        if not any(candidate is known for known in distinct):
            distinct.append(candidate)
    if len(distinct) != 1:
        raise Violation("two_instances", f"{len(distinct)} instances were handed out")


def not_torn(consistent: bool, seen: object) -> None:
    """The values read together were true together at some moment."""
    if not consistent:
        raise Violation("torn_read", f"{seen!r} was never the state")
