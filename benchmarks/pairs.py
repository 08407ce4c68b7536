"""Ratios of rates that were measured in alternating blocks. Knows neither clocks nor tools.

Every contestant has one block in each round, so that a busy neighbour slows all of them; the unit of replication is
the round, and a bootstrap over rounds (Efron and Tibshirani 1993, percentile interval) gives the uncertainty.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Rates = Mapping[str, Sequence[float]]
"""Rates of each contestant, one a round, in the order of the rounds."""
RESAMPLES = 4_000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of medians with its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


def ratio(rates: Rates, ours: str, rivals: Sequence[str], seed: int = 0) -> Ratio:
    """The rate of ``ours`` over that of the fastest of ``rivals``, who is chosen anew in each resample."""
    count = _rounds(rates, [ours, *rivals])
    rng = random.Random(seed)

    def once(rounds: Sequence[int]) -> float:
        return _median(rates[ours], rounds) / max(_median(rates[rival], rounds) for rival in rivals)

    resampled = sorted(once(rng.choices(range(count), k=count)) for _ in range(RESAMPLES))
    cut = int((1 - LEVEL) / 2 * RESAMPLES)
    return Ratio(once(range(count)), resampled[cut], resampled[-1 - cut])


def fastest(rates: Rates, names: Sequence[str]) -> str:
    """The one of ``names`` with the largest median rate."""
    return max(names, key=lambda name: median(rates[name]))


def _median(values: Sequence[float], rounds: Sequence[int]) -> float:
    return median(values[index] for index in rounds)


def _rounds(rates: Rates, names: Sequence[str]) -> int:
    counts = {name: len(rates[name]) for name in names}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise ValueError(f"each contestant needs one rate a round, and at least one: {counts}")
    if any(not rate > 0 for name in names for rate in rates[name]):
        raise ValueError(f"rates must be positive: { {name: list(rates[name]) for name in names} }")
    return counts[names[0]]
