"""The vocabulary: verdicts, kinds of failure, findings and errors. It knows nothing of threads, schedules or pytest."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class Verdict(enum.Enum):
    """What an exploration may conclude."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Kind(enum.StrEnum):
    """What went wrong; equal to its plain string."""

    CHECK = "check"
    EXCEPTION = "exception"
    DEADLOCK = "deadlock"
    LOST_WAKEUP = "lost_wakeup"
    LIVELOCK = "livelock"
    NOT_SERIALIZABLE = "not_serializable"
    LOST_UPDATE = "lost_update"
    DOUBLE_INIT = "double_init"
    TWO_INSTANCES = "two_instances"
    TORN_READ = "torn_read"
    NOT_LINEARIZABLE = "not_linearizable"
    HALF_INITIALISED = "half_initialised"
    STALE_VALUE = "stale_value"
    FOREIGN_VALUE = "foreign_value"
    USE_AFTER_STOP = "use_after_stop"
    DOUBLE_CLOSE = "double_close"
    STARVATION = "starvation"
    BLOCKED_LOOP = "blocked_loop"
    NOT_PICKLABLE = "not_picklable"
    UNRESOLVED = "unresolved"
    LOST_TASK = "lost_task"
    DOUBLED_TASK = "doubled_task"
    MISDELIVERED = "misdelivered"
    UNUSABLE_POOL = "unusable_pool"
    LEFT_BEHIND = "left_behind"


class Violation(AssertionError):
    """An assertion of a check that names the kind of failure it found.

    Raise it inside ``check``: ``raise Violation("lost_update", "3 of 4 increments arrived")``.
    ``kind`` is one of the values of :class:`Kind`; any other raises ``ValueError``.
    """

    def __init__(self, kind: Kind | str, message: str = "") -> None:
        self.kind = Kind(kind)
        super().__init__(message or self.kind.value)


@dataclass(frozen=True, slots=True)
class Finding:
    """A judged failure of one schedule: its kind and one sentence."""

    kind: Kind
    message: str


IMPORT_REMEDY = "run this in the folder that holds it, with what it imports installed"
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")


def steady(text: str) -> str:
    """``text`` without memory addresses: the same in every run."""
    return _ADDRESS.sub("at 0x...", text)


def one_line(error: BaseException) -> str:
    """An exception as one line: type and message, without memory addresses: the same line in every run."""
    try:
        text = steady(" ".join(str(error).split()))
    except Exception:
        text = "(its message cannot be shown)"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class HarnessError(Exception):
    """Base of the errors the harness raises itself."""


class UsageError(HarnessError, ValueError):
    """A wrong argument or option; the message is one line with cause and remedy."""


class ConcurrencyFailure(AssertionError):
    """Raised by ``Exploration.raise_if_failed`` when a schedule broke the target."""


class InconclusiveError(AssertionError):
    """Raised by ``Exploration.raise_if_failed`` when nothing could be concluded."""


class CannotExplore(HarnessError):
    """The target or the environment prevents a sound exploration: becomes INCONCLUSIVE with this one-line reason."""
