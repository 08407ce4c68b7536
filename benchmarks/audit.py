"""Counts what a tool really ran, to hold against what it reports. The counting slows the body down: never timed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.bodies import Body, Counter
from benchmarks.tools import Opened


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened in one exploration: schedules are the tool's own count, ``ends`` threads that ran to their end."""

    schedules: int
    setups: int
    checks: int
    ends: int


def audit(body: Body, opened: Opened, cpu: int) -> Counts:
    """Explore ``body`` once and count."""
    setups: list[None] = []
    checks: list[None] = []
    ends: list[None] = []

    def setup() -> Counter:
        setups.append(None)
        return Counter()

    def work(counter: Counter) -> None:
        body.work(counter)
        ends.append(None)

    def check(counter: Counter) -> bool:
        checks.append(None)
        return body.check(counter)

    with opened(replace(body, work=work, check=check), setup, cpu) as once:
        before = len(setups), len(checks), len(ends)
        schedules = once()
        return Counts(
            schedules, len(setups) - before[0], len(checks) - before[1], len(ends) - before[2]
        )


def expected(body: Body, schedules: int) -> Counts:
    """What an honest count of complete schedules looks like."""
    return Counts(schedules, schedules, schedules, schedules * body.threads)


