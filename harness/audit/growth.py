"""Repeats a task and says what it leaves behind each time: counts at every repetition, judged by their slope."""

from __future__ import annotations

import functools
import gc
import os
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import psutil

from harness.audit.leaks import Leak, LeakKind, LeaksFound
from harness.audit.notes import Notes
from harness.audit.observe import children, descriptors, mapped_segments, raw_threads, segments
from harness.audit.slope import Slope, slope
from harness.model import InconclusiveError, UsageError


@dataclass(frozen=True)
class Growth:
    """What one repetition of a task adds, for each kind of resource; memory in bytes, with that of the children."""

    slopes: Mapping[LeakKind, Slope]
    repetitions: int

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """The resources that grow to the end."""
        return tuple(Leak(kind, str(found), "the task") for kind, found in self.slopes.items() if found.grows)

    @property
    def undecided(self) -> tuple[LeakKind, ...]:
        """What grew, and may have come to its end: memory, which also swings, is none of them."""
        return tuple(kind for kind, found in self.slopes.items() if found.undecided and kind is not LeakKind.MEMORY)

    def raise_if_leaking(self) -> Growth:
        """Return self, or raise :class:`LeaksFound` with the resources that grow to the end.

        Raises :class:`harness.InconclusiveError` where nothing surely does, and something may.
        """
        if self.leaks:
            raise LeaksFound(self.leaks)
        if self.undecided:
            raise InconclusiveError(
                f"{', '.join(self.undecided)}: it grew, perhaps to a limit: give more repetitions\n{self}"
            )
        return self

    def __str__(self) -> str:
        lines = [f"{kind:<14} {self._word(kind)} {found}" for kind, found in self.slopes.items()]
        return "\n".join([f"after {self.repetitions} repetitions:", *lines])

    def _word(self, kind: LeakKind) -> str:
        return "LEAK " if self.slopes[kind].grows else "open " if kind in self.undecided else "flat "


def leak_growth(task: Callable[[], object], *, repetitions: int = 8, seed: int = 0) -> Growth:
    """Call ``task`` k, then 2k, then 4k times (k = ``repetitions``) and return what each call adds, with an interval.

    Threads, descriptors, children, shared memory and memory are counted after every call. What is made at first use, or
    grows to a limit, is no leak: a leak is what still grows in the last 2k calls. ``seed``: of the bootstrap.

    Raises:
        UsageError: ``task`` cannot be called, or ``repetitions`` is less than 2.
    """
    if not callable(task):
        raise UsageError(f"leak_growth: {type(task).__name__} cannot be called; pass a function without arguments")
    if repetitions < 2:
        raise UsageError(f"repetitions={repetitions}: must be at least 2")
    known = segments()
    with _noted_segments() as own:
        counts = [_count(known, own)]
        for _ in range(7 * repetitions):
            task()
            counts.append(_count(known, own))
    rng = random.Random(seed)
    return Growth({kind: slope([row[kind] for row in counts], rng) for kind in counts[0]}, 7 * repetitions)


@contextmanager
def _noted_segments() -> Iterator[Notes]:
    """Notes the shared memory that this process and its forked children make inside the block, and nothing else.

    Not the hooks of an audit: their notes of all that the task makes would be memory that grows.
    """
    own, original = Notes(), SharedMemory.__init__

    @functools.wraps(original)
    def noting(self: SharedMemory, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        own.segment(self.name, "")

    own.begin()
    SharedMemory.__init__ = noting  # type: ignore[method-assign]
    try:
        yield own
    finally:
        if SharedMemory.__init__ is noting:
            SharedMemory.__init__ = original  # type: ignore[method-assign]
        own.end()


def _count(known: set[str], own: Notes) -> dict[LeakKind, float]:
    gc.collect()
    below = list(children().values())
    return {
        LeakKind.THREAD: threading.active_count() + len(raw_threads()),
        LeakKind.DESCRIPTOR: len(descriptors()),
        LeakKind.CHILD: len(below),
        LeakKind.SHARED_MEMORY: len(_segments(own, [os.getpid(), *(process.pid for process in below)]) - known),
        LeakKind.MEMORY: _memory([psutil.Process(os.getpid()), *below]),
    }


def _segments(own: Notes, processes: list[int]) -> set[str]:
    """The shared memory that is noted, or that one of the processes maps: others on the machine make some too."""
    own.read_children()
    noted = set(own.segments)
    there = segments()
    for name in noted - there:
        del own.segments[name]
    return there & (noted | mapped_segments(processes))


def _memory(processes: list[Any]) -> float:
    """The sum of the proportional sizes: pages that processes share count once. Resident size where there is none."""
    total = 0.0
    for process in processes:
        try:
            info = process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        total += getattr(info, "pss", info.rss)
    return total
