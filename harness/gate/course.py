"""The course of one benchmark: pairs until it is decided, what ends it early, and why it is slower."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.gate import records
from harness.gate.causes import name_cause
from harness.gate.observe import Observed, observe_pair
from harness.gate.results import Found, Judged, Pair, Status, conclude
from harness.gate.sides import SideFailed, Tree
from harness.model import HarnessError, UsageError
from harness.stats.decision import Outcome, Rule

Say = Callable[[str], None]


@dataclass(frozen=True)
class Bench:
    """What all benchmarks of a gate share."""

    trees: Mapping[str, Tree]
    rule: Rule
    workers: int
    generator: random.Random
    record: records.Writer
    say: Say


@dataclass
class Course:
    """A benchmark under observation; ``prints``: what was returned in each pair, by side."""

    bench: Bench
    found: Found
    pairs: list[Pair] = field(default_factory=list)
    prints: list[dict[str, str]] = field(default_factory=list)
    decided: Judged | None = None

    @property
    def spent(self) -> float:
        """Seconds of its pairs so far."""
        return sum(pair.seconds for pair in self.pairs)

    @property
    def judged(self) -> Judged:
        """The verdict, or what can be said without one."""
        return self.decided or conclude(self.found, self.pairs, self.bench.rule)

    def step(self) -> None:
        """Observe one more pair and judge."""
        try:
            observed = observe_pair(self.bench.trees, self.found, self.bench.generator, self.bench.workers)
        except SideFailed as failure:
            self._failed(failure)
        else:
            self._take(observed)
        if self.decided is not None:
            status = f"{self.decided.status}: {self.found.name}"
            self.bench.say(f"{status} after {len(self.pairs)} pairs, {self.spent:.1f} s")

    def _failed(self, failure: SideFailed) -> None:
        text = str(failure)
        if failure.skipped and failure.side == "head":
            self.decided = Judged(self.found, Status.INCONCLUSIVE, note=f"skipped: {text}")
        elif failure.side == "head" or self.pairs:
            self.decided = Judged(self.found, Status.CRASHED, note=text)
        elif failure.own_code:
            raise UsageError(f"base does not import: {text}; choose another base with --base REV")
        else:
            self.decided = Judged(self.found, Status.NEW, note=f"does not run on base: {text}")

    def _take(self, observed: Observed) -> None:
        for name, message in observed.ended.items():
            if message["foreign"]:
                raise HarnessError(
                    f"{name} imported {message['foreign'][0]} from elsewhere than its worktree, so both sides would be "
                    "the same code: set paths in [tool.harness.gate] to the folders that hold your packages"
                )
        self.prints.append({name: message["fingerprint"] for name, message in observed.ready.items()})
        self.pairs.append(observed.pair)
        self.bench.record.pair(self.found, observed.pair)
        if different(self.prints):
            self.decided = Judged(
                self.found, Status.DIFFERENT,
                note="its result on head is not that on base: speeds of different work are not compared; "
                "mark it @benchmark(compare=False) if that is meant",
            )  # fmt: skip
            return
        judged = conclude(self.found, self.pairs, self.bench.rule)
        if judged.status is Status.REGRESSION:
            judged = self._explained(judged)
        if judged.status is not Status.INCONCLUSIVE:
            self.decided = judged

    def _explained(self, judged: Judged) -> Judged:
        """With its cause, as far as one more pair tells it; the verdict does not depend on that pair."""
        try:
            why = observe_pair(self.bench.trees, self.found, self.bench.generator, self.bench.workers, diagnose=True)
        except SideFailed as failure:
            return replace(judged, note=f"no diagnosis: {failure}")
        cause = name_cause(
            why.diagnosis["base"], why.diagnosis["head"], self._slower(judged),
            medians([pair.startup for pair in self.pairs]), medians([pair.pss for pair in self.pairs]),
        )  # fmt: skip
        for tree in self.bench.trees.values():
            cause = tree.relative(cause)
        return replace(judged, cause=cause, places=self._places(why.diagnosis["head"], cause))

    def _slower(self, judged: Judged) -> frozenset[str]:
        """The channels that regressed, and those that look so but have not enough pairs: the first one ends these."""
        margins = self.bench.rule.margins
        return frozenset(
            name for name, channel in judged.channels.items()
            if channel.outcome is Outcome.REGRESSION
            or (channel.outcome is Outcome.INCONCLUSIVE and channel.ratio > 1 + margins[name].fail)
        )  # fmt: skip

    def _places(self, diagnosis: Mapping[str, Any], cause: str) -> tuple[tuple[str, int], ...]:
        file = str(diagnosis["lock_file"])
        inside = self.bench.trees["head"].relative(file)
        return ((inside, diagnosis["lock_line"]),) if "lock wait" in cause and inside != file else ()


def medians(by_side: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of each side; nothing where a side was never measured."""
    values = {name: [measured[name] for measured in by_side if name in measured] for name in ("base", "head")}
    return {name: statistics.median(found) for name, found in values.items()} if all(values.values()) else {}


def different(prints: list[dict[str, str]]) -> bool:
    """Whether head returns something else than base, each the same in two processes: what varies is not compared."""
    if len(prints) < 2:
        return False
    first, second = prints[:2]
    return first == second and all(first.values()) and first["base"] != first["head"]
