"""What a gate found, as frozen dataclasses with one JSON form; and the one function that gives the exit code."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.stats.decision import ChannelVerdict, Outcome, Rule, combine, judge
from harness.stats.pairs import Slice, ratio

PARTS = ("scenarios", "throughput")


class Exit(enum.IntEnum):
    """Exit codes of the gate."""

    PASS = 0
    REGRESSION = 1
    CRASH = 2
    INCONCLUSIVE = 3
    NOTHING_MEASURED = 4


class Status(enum.StrEnum):
    """What is said of a benchmark."""

    PASS = "PASS"
    REGRESSION = "REGRESSION"
    INCONCLUSIVE = "INCONCLUSIVE"
    NEW = "NEW"
    REMOVED = "REMOVED"
    DIFFERENT = "DIFFERENT"
    CRASHED = "CRASHED"


@dataclass(frozen=True, slots=True)
class Found:
    """A benchmark: ``kind`` is ``marked``, ``fixture`` (pytest-benchmark) or ``workload``; a place in head's tree.

    ``environment``: variables that are set before its process starts.
    """

    kind: str
    name: str
    file: str = ""
    line: int = 1
    environment: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Found:
        """From its JSON form."""
        environment = tuple((name, value) for name, value in data.get("environment", ()))
        return cls(**{**data, "environment": environment})


@dataclass(frozen=True, slots=True)
class Pair:
    """One fresh base/head pair; ``seconds``: its wall time, start of the processes included; start-ups in seconds."""

    slices: tuple[Slice, ...]
    seconds: float
    startup: dict[str, float] = field(default_factory=dict)
    pss: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """A benchmark with its verdict. ``more_seconds``: what a decision would still take; None: not foreseeable."""

    benchmark: Found
    status: Status
    channels: dict[str, ChannelVerdict] = field(default_factory=dict)
    seconds: float = 0.0
    more_seconds: float | None = None
    cause: str = ""
    note: str = ""
    places: tuple[tuple[str, int], ...] = ()

    @property
    def pairs(self) -> int:
        """How many pairs the verdict rests on."""
        return max((channel.pairs for channel in self.channels.values()), default=0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One test of ``pytest -m concurrency``; ``outcome``: passed, failed, inconclusive or skipped.

    ``file`` and ``line`` are the place of its race, or of the test.
    """

    name: str
    outcome: str
    file: str
    line: int
    kind: str = ""
    message: str = ""
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GateResult:
    """The whole: what was compared, benchmarks, scenarios; ``problems`` of the gate itself; what is ``undone``."""

    base: str
    head: str
    benchmarks: tuple[Judged, ...]
    scenarios: tuple[Scenario, ...]
    seconds: float
    parts: tuple[str, ...] = PARTS
    problems: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Parts that were asked for and in which nothing was observed."""
        measured = any(judged.pairs or judged.status is Status.DIFFERENT for judged in self.benchmarks)
        explored = any(scenario.outcome in ("passed", "failed") for scenario in self.scenarios)
        seen = {"throughput": measured, "scenarios": explored}
        return tuple(part for part in self.parts if not seen[part])

    @property
    def undecided(self) -> bool:
        """Whether something that was begun has no answer."""
        return bool(self.undone) or any(judged.status is Status.INCONCLUSIVE for judged in self.benchmarks)

    def exit(self, strict: bool = False) -> Exit:
        """The only place that decides what the build is told."""
        bad = {Status.REGRESSION, Status.DIFFERENT}
        failed = any(judged.status in bad for judged in self.benchmarks)
        if failed or any(scenario.outcome == "failed" for scenario in self.scenarios):
            return Exit.REGRESSION
        if self.problems or any(judged.status is Status.CRASHED for judged in self.benchmarks):
            return Exit.CRASH
        if not self.parts or self.missing:
            return Exit.NOTHING_MEASURED
        return Exit.INCONCLUSIVE if strict and self.undecided else Exit.PASS


def conclude(benchmark: Found, pairs: Sequence[Pair], rule: Rule, cause: str = "", note: str = "") -> Judged:
    """The verdict that follows from the recorded slices, and from nothing else."""
    if not pairs:
        return Judged(benchmark, Status.INCONCLUSIVE, note=note or "the time was over before its first pair")
    ratios = {name: [ratio(pair.slices, name) for pair in pairs] for name in rule.margins}
    channels = judge(ratios, rule)
    outcome = combine(channels)
    spent = sum(pair.seconds for pair in pairs)
    more: float | None = 0.0
    if outcome is Outcome.INCONCLUSIVE:
        waits = [channel.more for channel in channels.values()]
        counts = [wait for wait in waits if wait is not None]
        more = None if len(counts) < len(waits) else max(counts) * spent / len(pairs)
    return Judged(benchmark, Status(outcome), channels, spent, more, cause, note)
