"""The faults that an exploration may inject, as data. It neither finds their places nor injects anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

SUBMIT = "concurrent.futures.thread:ThreadPoolExecutor.submit"


@dataclass(frozen=True, slots=True)
class Raises:
    """A call of a function fails with ``error``: a type of exception, or a function that makes one.

    ``at="package.module:function"`` (or ``:Class.method``) raises instead of the call, as if it had not happened;
    ``after=`` raises when the call was made, as if only its answer were lost. Give one of them.
    """

    error: type[BaseException] | Callable[[], BaseException]
    at: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class TimesOut:
    """A wait with a time-out times out although what it waits for would have come.

    Waits are those of locks, conditions, events, semaphores, barriers, queues, futures and ``Thread.join``; a sleep is
    none. ``at="package.module:function"`` names the function that waits, itself or in what it calls; without it, any.
    """

    at: str = ""


@dataclass(frozen=True, slots=True)
class Cancels:
    """Somebody else cancels: the future that a call of ``at`` returned, at any moment while it is pending.

    Where ``at`` names a coroutine function, the task that awaits it is cancelled there.
    """

    at: str = SUBMIT


FaultSpec = Raises | TimesOut | Cancels
