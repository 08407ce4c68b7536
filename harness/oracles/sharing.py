"""Which yield points matter: those at locations on which two threads conflict.

Preempting before an access that commutes with everything other threads do is the same as preempting before the next
access that does not, so such places need no preemption. The answer is taken from schedules that were executed and
grows as they show more; the explorer re-opens its bound when it does (the argument: docs/decisions).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

READ, WRITE = 1, 2
UNKNOWN = -1
Entry = tuple[int, Any, int, Any, int]
"""One access: thread, site, number of the object (-1: unknown), key, mode."""


class _Whole:
    __slots__ = ("readers", "writers")

    def __init__(self) -> None:
        self.readers = 0
        self.writers = 0


def conflicting(log: Sequence[Entry], cold: Iterable[Any], whole: object) -> set[Any]:
    """The sites of ``cold`` at which an access of ``log`` conflicts with another thread's.

    ``whole`` is the key that stands for a whole object. Two accesses conflict when they touch the same location,
    or one of them touches the whole object or an unknown place, and at least one of them writes.
    """
    by_key: dict[tuple[int, Any], _Whole] = {}
    by_object: dict[int, _Whole] = {}
    unknown = 0
    threads = 0
    for thread, _, number, key, mode in log:
        bit = 1 << thread
        threads |= bit
        if number == UNKNOWN:
            unknown |= bit
            continue
        for use in (by_key.setdefault((number, key), _Whole()), by_object.setdefault(number, _Whole())):
            if mode & READ:
                use.readers |= bit
            if mode & WRITE:
                use.writers |= bit
    wanted = set(cold)
    found: set[Any] = set()
    for thread, site, number, key, mode in log:
        if site not in wanted or site in found:
            continue
        others = ~(1 << thread)
        if unknown & others or (number == UNKNOWN and threads & others):
            found.add(site)
            continue
        if number == UNKNOWN:
            continue
        uses = [by_object[number]] if key is whole else [by_key[number, key]]
        if key is not whole and (number, whole) in by_key:
            uses.append(by_key[number, whole])
        for use in uses:
            if use.writers & others or (mode & WRITE and use.readers & others):
                found.add(site)
                break
    return found
