"""A waiter that no notification would help is deadlocked; one that a later notification would help lost a wake-up."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import harness
from harness.oracles.stall import nothing_changed
from harness.runtime.outcome import Waiting


class Silent:
    """Notifies, but never makes true what the waiter waits for."""

    def __init__(self) -> None:
        self.is_open = False
        self.changed = threading.Condition()

    def open(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def enter(self) -> None:
        with self.changed:
            while not self.is_open:
                self.changed.wait()


class SilentFor(Silent):
    def _opened(self) -> bool:
        return self.is_open

    def enter(self) -> None:
        with self.changed:
            self.changed.wait_for(self._opened)


class Hasty(Silent):
    """Makes it true after the notification: one more would help."""

    def open(self) -> None:
        super().open()
        self.is_open = True


class HastyFor(SilentFor):
    def open(self) -> None:
        super().open()
        self.is_open = True


class Untold(Silent):
    """Nobody knows what it waits for: the notification came before."""

    def enter(self) -> None:
        with self.changed:
            self.changed.wait()


def found(kind: Any) -> harness.Failure:
    result = harness.explore(kind, [kind.open, kind.enter], lambda _: None)
    assert result.failure is not None, result
    return result.failure


@pytest.mark.parametrize("kind", [Silent, SilentFor])
def test_no_notification_would_help(kind: Any) -> None:
    failure = found(kind)
    assert failure.kind == "deadlock"
    assert failure.message.startswith("no thread can go on: T2 enter waits for a notification")
    assert failure.message.endswith("; it was notified, but nothing it looked at has changed since")


@pytest.mark.parametrize("kind", [Hasty, HastyFor, Untold])
def test_another_notification_would_help_or_nobody_knows(kind: Any) -> None:
    assert found(kind).kind == "lost_wakeup"


class Site:
    def __init__(self, line: int, code: str = "enter") -> None:
        self.line, self.code = line, code


LOCK, GATE, OTHER, WAITER = 1, 2, 3, 4
READ, WRITE, BOTH = 1, 2, 3
BEFORE = [
    (0, Site(10), LOCK, "lock", BOTH),
    (0, Site(11), GATE, "is_open", READ),
    (0, Site(12), GATE, "changed", READ),
    (0, Site(12), WAITER, "lock", BOTH),
    (0, Site(12), LOCK, "state", WRITE),
]


@pytest.mark.parametrize(
    ("log", "unchanged"),
    [
        (BEFORE, True),
        ([*BEFORE, (1, Site(20, "open"), GATE, "is_open", WRITE)], False),
        ([*BEFORE, (1, Site(20, "open"), GATE, "is_open", READ)], True),
        ([*BEFORE, (1, Site(20, "open"), OTHER, "is_open", WRITE)], True),
        ([*BEFORE, (1, Site(20, "open"), -1, None, WRITE)], False),
        ([(1, Site(20, "open"), GATE, "is_open", WRITE), *BEFORE], False),
        ([(1, Site(20, "open"), GATE, "is_open", WRITE), (1, Site(21, "open"), OTHER, "x", READ), *BEFORE], True),
        ([*BEFORE[:2], (0, Site(11), -1, None, READ), *BEFORE[2:]], False),
        ([BEFORE[0], *BEFORE[2:]], False),
        ([], False),
    ],
    ids=["nothing", "written", "read", "other", "unresolved-write", "about-to-write", "written-before",
         "unresolved-read", "no-read", "empty"],
)  # fmt: skip
def test_what_was_read_under_the_lock_is_compared_with_later_writes(log: Any, unchanged: bool) -> None:
    assert nothing_changed(log, 0, LOCK) is unchanged


def test_the_fields_of_a_wait_are_what_the_oracle_reads() -> None:
    assert {"notified", "in_vain"} <= set(Waiting.__dataclass_fields__)
