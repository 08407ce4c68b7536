"""The growth of a count for each repetition: Theil and Sen's slope with a bootstrap interval. Pure.

H. Theil (1950), P. K. Sen (1968): the median of the slopes of all pairs of points, which a few jumps do not move. The
counts of one process are no independent points, but what they gain from one repetition to the next nearly is; so the
bootstrap draws the gains again, adds them up and takes the slope of that.
"""

from __future__ import annotations

import itertools
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.99
DRAWS = 200


@dataclass(frozen=True)
class Slope:
    """Growth for each repetition, with its interval; ``stretches`` has that of the first k, the next 2k, the last 4k.

    A leak grows at the same rate to the end. What is made at first use grows in the beginning only: so ``grows`` asks
    the last stretch, and its second half once more. ``undecided``: that half grew too, and is too short to tell.
    """

    per_task: float
    low: float
    high: float
    stretches: tuple[float, float, float]
    grows: bool
    undecided: bool

    def __str__(self) -> str:
        first, second, last = (f"{value:.4g}" for value in self.stretches)
        return f"{self.per_task:.4g} a task ({self.low:.4g} to {self.high:.4g}); by stretches {first}, {second}, {last}"


def theil_sen(counts: Sequence[float]) -> float:
    """The median slope of all pairs of ``counts``, one for each repetition; 0 for fewer than two."""
    pairs = itertools.combinations(enumerate(counts), 2)
    return statistics.median([(b - a) / (j - i) for (i, a), (j, b) in pairs] or [0.0])


def interval(counts: Sequence[float], rng: random.Random) -> tuple[float, float]:
    """The bootstrap interval of the slope, at `CONFIDENCE`."""
    gains = [b - a for a, b in itertools.pairwise(counts)]
    if len(set(gains)) < 2:
        return (gains[0], gains[0]) if gains else (0.0, 0.0)
    slopes = sorted(
        theil_sen(list(itertools.accumulate(rng.choices(gains, k=len(gains)), initial=0.0))) for _ in range(DRAWS)
    )
    outside = int(DRAWS * (1 - CONFIDENCE) / 2)
    return slopes[outside], slopes[-1 - outside]


def slope(counts: Sequence[float], rng: random.Random) -> Slope:
    """Judge the counts before the first and after each of 7k repetitions: k, then 2k, then 4k.

    Raises:
        ValueError: not 7k + 1 counts, with k at least 2.
    """
    k, rest = divmod(len(counts) - 1, 7)
    if rest or k < 2:
        raise ValueError(f"{len(counts)} counts: needs 7 k + 1 of them, with k at least 2")
    first, second, last = counts[: k + 1], counts[k : 3 * k + 1], counts[3 * k :]
    low, high = interval(last, rng)
    half_low, _ = interval(last[2 * k :], rng)
    stretches = (theil_sen(first), theil_sen(second), theil_sen(last))
    grows = low > 0 and half_low > 0
    return Slope(stretches[2], low, high, stretches, grows, not grows and theil_sen(last[2 * k :]) > 0)
