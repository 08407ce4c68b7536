"""The registry of correct programs: every module of this package contributes its `PROGRAMS`."""

from __future__ import annotations

from ..program import Program
from . import (
    barriers,
    clocks,
    conditions,
    events,
    executors,
    language,
    locks,
    modules,
    outside,
    patterns,
    queues,
    semaphores,
    threads,
)

PROGRAMS: tuple[Program, ...] = (
    *locks.PROGRAMS,
    *conditions.PROGRAMS,
    *semaphores.PROGRAMS,
    *events.PROGRAMS,
    *barriers.PROGRAMS,
    *queues.PROGRAMS,
    *threads.PROGRAMS,
    *executors.PROGRAMS,
    *modules.PROGRAMS,
    *patterns.PROGRAMS,
    *clocks.PROGRAMS,
    *outside.PROGRAMS,
    *language.PROGRAMS,
)

__all__ = ["PROGRAMS", "Program"]
