"""The corpus: planted bugs, each beside its fixed twin, for a detector that has to work in both directions.

It owns the programs; how they are explored is the business of the tests.
"""

from __future__ import annotations

from tests.quality.corpus import (
    caches,
    callbacks,
    check_then_act,
    conditions,
    containers,
    deadlocks,
    free_lists,
    initialisation,
    livelocks,
    locking_mistakes,
    lost_elsewhere,
    lost_updates,
    outside,
    reader_writer,
    resources,
    scale,
    singletons,
    snapshots,
    stalls,
    timing,
)
from tests.quality.corpus.case import Case, Variant
from tests.quality.corpus.scale import THREE_PREEMPTIONS

CASES: tuple[Case, ...] = (
    *lost_updates.CASES,
    *lost_elsewhere.CASES,
    *outside.CASES,
    *locking_mistakes.CASES,
    *initialisation.CASES,
    *singletons.CASES,
    *check_then_act.CASES,
    *caches.CASES,
    *resources.CASES,
    *snapshots.CASES,
    *free_lists.CASES,
    *containers.CASES,
    *callbacks.CASES,
    *conditions.CASES,
    *reader_writer.CASES,
    *timing.CASES,
    *deadlocks.CASES,
    *stalls.CASES,
    *livelocks.CASES,
    *scale.CASES,
)

__all__ = ["CASES", "THREE_PREEMPTIONS", "Case", "Variant"]
