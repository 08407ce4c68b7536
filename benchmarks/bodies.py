"""What is explored: threads that increment a shared attribute. Knows none of the tools: all run the same code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class Counter:
    """The shared state."""

    def __init__(self) -> None:
        self.count = 0


def increment_once(counter: Counter) -> None:
    counter.count += 1


def increment_five_times(counter: Counter) -> None:
    for _ in range(5):
        counter.count += 1


def at_most_two(counter: Counter) -> bool:
    return 1 <= counter.count <= 2


def at_most_fifteen(counter: Counter) -> bool:
    return 1 <= counter.count <= 15


@dataclass(frozen=True)
class Body:
    """``threads`` threads that each run ``work``, without a lock.

    ``check`` holds in every schedule, so that exploration goes on: updates may be lost, but not all of them.
    """

    name: str
    threads: int
    work: Callable[[Counter], None]
    check: Callable[[Counter], bool]


BODIES = {
    body.name: body
    for body in (
        Body("2 threads x 1 increment", 2, increment_once, at_most_two),
        Body("3 threads x 5 increments", 3, increment_five_times, at_most_fifteen),
    )
}
