"""The sequential decision over base/head pairs: two channels a benchmark, two e-processes a channel.

It knows ratios only, not how they were observed. The unit of replication is a fresh pair of processes: slices within
a pair share its layout bias and count once.
"""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.stats.sign import first_crossing, further_signs, median_interval

INTERVAL = 0.05


class Outcome(enum.StrEnum):
    """What a benchmark's pairs allow to say."""

    PASS = "PASS"
    REGRESSION = "REGRESSION"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Margins:
    """``fail``: a median ratio above 1 + fail is a regression. ``accept``: one below 1 + accept passes; fractions of 1.

    Between the two either answer is right: that zone is what makes a decision in bounded time possible.
    """

    fail: float
    accept: float

    def __post_init__(self) -> None:
        if not 0 < self.fail < self.accept:
            raise ValueError(f"margins must satisfy 0 < fail < accept, got {self.fail:g} and {self.accept:g}")


COST = Margins(0.05, 0.10)
TIGHT_COST = Margins(0.025, 0.05)
PARALLELISM = Margins(0.10, 0.20)
CHANNELS = ("cost", "parallelism")


@dataclass(frozen=True, slots=True)
class Rule:
    """A gate's policy: margins by channel, and the error probabilities of the gate as a whole."""

    margins: Mapping[str, Margins]
    benchmarks: int
    alpha: float = 0.01
    beta: float = 0.01

    @classmethod
    def standard(cls, benchmarks: int, tight: bool = False) -> Rule:
        """The gate's two channels, cost and parallelism."""
        return cls({"cost": TIGHT_COST if tight else COST, "parallelism": PARALLELISM}, benchmarks)

    def share(self, whole: float) -> float:
        """The part of an error probability that one channel of one benchmark may use (Bonferroni)."""
        return whole / max(1, self.benchmarks * len(self.margins))


@dataclass(frozen=True, slots=True)
class ChannelVerdict:
    """One channel: median ratio head/base, its anytime-valid 95 % interval (None: unbounded), pairs used.

    ``more``: further pairs that a decision would take at the present proportion of signs; None: not foreseeable, and
    0 when decided. ``decided``: after how many pairs the decision fell.
    """

    outcome: Outcome
    ratio: float
    low: float | None
    high: float | None
    pairs: int
    more: int | None
    decided: int | None = None


def judge_channel(ratios: Sequence[float], margins: Margins, alpha: float, beta: float) -> ChannelVerdict:
    """Judge the ratios head/base of pairs in the order they came; whichever bound is refuted first decides."""
    if any(not (ratio > 0 and math.isfinite(ratio)) for ratio in ratios):
        raise ValueError("ratios must be positive and finite: a slice without time or tasks is no observation")
    slower = [ratio > 1 + margins.fail for ratio in ratios]
    faster = [ratio < 1 + margins.accept for ratio in ratios]
    failed, passed = first_crossing(slower, alpha), first_crossing(faster, beta)
    low, high = median_interval(ratios, INTERVAL)
    middle = statistics.median(ratios) if ratios else math.nan
    if failed is not None and (passed is None or failed <= passed):
        return ChannelVerdict(Outcome.REGRESSION, middle, low, high, len(ratios), 0, failed)
    if passed is not None:
        return ChannelVerdict(Outcome.PASS, middle, low, high, len(ratios), 0, passed)
    needed = [
        further_signs(sum(signs), len(signs) - sum(signs), level) for signs, level in ((slower, alpha), (faster, beta))
    ]
    more = min((count for count in needed if count is not None), default=None)
    return ChannelVerdict(Outcome.INCONCLUSIVE, middle, low, high, len(ratios), more)


def judge(ratios: Mapping[str, Sequence[float]], rule: Rule) -> dict[str, ChannelVerdict]:
    """Judge each channel of one benchmark under the gate's rule."""
    alpha, beta = rule.share(rule.alpha), rule.share(rule.beta)
    return {name: judge_channel(ratios[name], margins, alpha, beta) for name, margins in rule.margins.items()}


def combine(channels: Mapping[str, ChannelVerdict]) -> Outcome:
    """A benchmark regresses when one channel does, and passes when all do."""
    outcomes = {channel.outcome for channel in channels.values()}
    if Outcome.REGRESSION in outcomes:
        return Outcome.REGRESSION
    return Outcome.PASS if outcomes == {Outcome.PASS} else Outcome.INCONCLUSIVE
