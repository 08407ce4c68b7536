"""Deadlock or lost wake-up: judges the waits of a moment when no thread can run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from harness.model import Finding, Kind


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
    def place(self) -> str: ...


def judge(waits: Sequence[Waits], names: Sequence[str]) -> Finding:
    """A lost wake-up if a thread waits for a notification that was already given, and no locks are in a cycle."""
    cycle = find_cycle(waits)
    lines = "; ".join(describe(wait, names) for wait in waits)
    if cycle:
        path = " -> ".join(names[i] for i in [*cycle, cycle[0]])
        return Finding(Kind.DEADLOCK, f"{path}: {lines}")
    if any(wait.notified for wait in waits):
        return Finding(Kind.LOST_WAKEUP, f"the notification came before the wait: {lines}")
    return Finding(Kind.DEADLOCK, f"no thread can go on: {lines}")


def describe(wait: Waits, names: Sequence[str]) -> str:
    """One thread's wait in words."""
    thing = wait.thing if wait.verb == "join" or wait.thing.startswith("a ") else f"{wait.thing}#{wait.identity}"
    held = ""
    if wait.owner is not None and wait.verb != "join":
        ended = ", which has ended" if wait.owner_ended else ""
        held = f" held by {names[wait.owner]}{ended}"
    return f"{names[wait.thread]} waits for {thing}{held} at {wait.place}"


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
