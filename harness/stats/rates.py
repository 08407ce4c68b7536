"""How often something happens: exact binomial bounds (Clopper and Pearson 1934)."""

from __future__ import annotations

import math
from collections.abc import Callable


def _at_most(count: int, trials: int, rate: float) -> float:
    """Probability of at most ``count`` successes."""
    if rate <= 0:
        return 1.0
    if rate >= 1:
        return float(count >= trials)
    return math.fsum(
        math.exp(
            math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
            + k * math.log(rate) + (trials - k) * math.log1p(-rate)
        )
        for k in range(count + 1)
    )  # fmt: skip


def binomial_interval(count: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The rate behind ``count`` of ``trials``, two-sided at ``confidence``; (0, 1) without a trial.

    With a count of 0 or of all trials the interval is one-sided: the whole error goes to the open end.
    """
    if not 0 <= count <= trials:
        raise ValueError(f"{count} of {trials} is no share: give a count between 0 and the number of trials")
    if trials == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / (1 if count in (0, trials) else 2)
    low = 0.0 if count == 0 else _solve(lambda rate: 1 - _at_most(count - 1, trials, rate) - tail)
    high = 1.0 if count == trials else _solve(lambda rate: tail - _at_most(count, trials, rate))
    return low, high


def _solve(rising: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2
