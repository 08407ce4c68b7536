"""Deadlock or lost wake-up: judges the waits of a moment when no thread can run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from harness.model import Finding, Kind
from harness.oracles.sharing import UNKNOWN

READ, WRITE = 1, 2


class Waits(Protocol):
    """A thread that can never go on."""

    @property
    def thread(self) -> int: ...
    @property
    def verb(self) -> str: ...
    @property
    def thing(self) -> str: ...
    @property
    def identity(self) -> int: ...
    @property
    def owner(self) -> int | None: ...
    @property
    def owner_ended(self) -> bool: ...
    @property
    def notified(self) -> bool: ...
    @property
    def in_vain(self) -> bool: ...
    @property
    def place(self) -> str: ...


def judge(waits: Sequence[Waits], names: Sequence[str]) -> Finding:
    """A lost wake-up if a thread waits for a notification that was already given, and no locks are in a cycle.

    Not where the notification was in vain: then another one would not help either.
    """
    cycle = find_cycle(waits)
    lines = "; ".join(describe(wait, names) for wait in waits)
    if cycle:
        path = " -> ".join(names[i] for i in [*cycle, cycle[0]])
        return Finding(Kind.DEADLOCK, f"{path}: {lines}")
    if any(wait.notified and not wait.in_vain for wait in waits):
        return Finding(Kind.LOST_WAKEUP, f"the notification came before the wait: {lines}")
    return Finding(Kind.DEADLOCK, f"no thread can go on: {lines}")


def describe(wait: Waits, names: Sequence[str]) -> str:
    """One thread's wait in words."""
    thing = wait.thing if wait.verb == "join" or wait.thing.startswith("a ") else f"{wait.thing}#{wait.identity}"
    held = ""
    if wait.owner is not None and wait.verb != "join":
        ended = ", which has ended" if wait.owner_ended else ""
        held = f" held by {names[wait.owner]}{ended}"
    vain = "; it was notified, but nothing it looked at has changed since" if wait.notified and wait.in_vain else ""
    return f"{names[wait.thread]} waits for {thing}{held} at {wait.place}{vain}"


def nothing_changed(log: Sequence[tuple[int, Any, int, Any, int]], thread: int, lock: int) -> bool:
    """Whether what ``thread`` read under the lock of its condition, before it began to wait, is what it was.

    ``log`` are the accesses of the schedule (thread, site, number of the object, key, mode), ``lock`` the number of the
    condition's lock. The predicate that it read was false, so no notification would help. False where nothing was
    seen to be read, or something that could not be resolved: then nothing is known. What the line of the wait
    reads leads to the condition, and is no predicate.
    """
    read: dict[int, int] = {}
    wait: Any = None
    following = len(log)
    for position in range(len(log) - 1, -1, -1):
        index, site, number, key, mode = log[position]
        if index != thread:
            continue
        wait = wait or site
        if number == lock and key == "lock":
            break
        here = (site.code, site.line) == (wait.code, wait.line)
        if mode & READ and key not in ("lock", "state") and not here:
            # An access is noted where its thread may be preempted, and made before the thread's next one is noted.
            read[number] = following
        following = position
    return bool(read) and UNKNOWN not in read and not _written_since(log, thread, read)


def _written_since(log: Sequence[tuple[int, Any, int, Any, int]], thread: int, read: dict[int, int]) -> bool:
    """Whether another thread may have written to an object after the position at which ``thread`` had read it."""
    next_of: dict[int, int] = {}
    for position in range(len(log) - 1, -1, -1):
        index, _, number, _, mode = log[position]
        made = next_of.get(index, len(log))
        next_of[index] = position
        if index != thread and mode & WRITE:
            since = min(read.values()) if number == UNKNOWN else read.get(number, len(log))
            if made > since:
                return True
    return False


def find_cycle(waits: Sequence[Waits]) -> list[int]:
    """The threads of a cycle in which each waits for a lock (or the end) of the next; empty if there is none."""
    holds = {wait.thread: wait.owner for wait in waits if wait.owner is not None and not wait.owner_ended}
    for start in holds:
        path: list[int] = []
        thread: int | None = start
        while thread is not None and thread in holds and thread not in path:
            path.append(thread)
            thread = holds[thread]
        if thread is not None and thread in path:
            return path[path.index(thread) :]
    return []
