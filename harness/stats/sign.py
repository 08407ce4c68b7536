"""The sign e-process: evidence, valid at every look, that a median lies on one side of a bound.

One sign per independent observation. Under the null hypothesis a positive sign has probability at most 1/2, so each
bet's capital is a non-negative supermartingale that starts at 1, and so is the mean over bets; by Ville's inequality
it ever reaches 1/alpha with probability at most alpha (Ville 1939; Ramdas et al. 2023, "Game-theoretic statistics
and safe anytime-valid inference"). Averaging over bets is the method of mixtures: no bet has to be chosen beforehand.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence

BETS = 40
_LOG_BETS = tuple((math.log1p(bet), math.log1p(-bet)) for bet in ((i + 0.5) / BETS for i in range(BETS)))


@functools.cache
def log_e_value(positive: int, negative: int) -> float:
    """Natural logarithm of the capital after so many positive and negative signs; 0 for none."""
    if positive < 0 or negative < 0:
        raise ValueError(f"counts of signs must not be negative: {positive}, {negative}")
    logs = [positive * up + negative * down for up, down in _LOG_BETS]
    top = max(logs)
    return top + math.log(math.fsum(math.exp(value - top) for value in logs) / BETS)


class Crossing:
    """Watches a stream of signs for the moment at which the capital first reaches ``1/alpha``."""

    def __init__(self, alpha: float) -> None:
        self._bar = -math.log(alpha)
        self._positive = self._negative = 0
        self.crossed: int | None = None
        """How many signs had been seen then; None: not yet."""

    def add(self, sign: bool) -> None:
        """Take in one more sign."""
        self._positive += sign
        self._negative += not sign
        if self.crossed is None and log_e_value(self._positive, self._negative) >= self._bar:
            self.crossed = self._positive + self._negative


def first_crossing(signs: Iterable[bool], alpha: float) -> int | None:
    """How many signs had been seen when the capital first reached ``1/alpha``; None: it never did."""
    watch = Crossing(alpha)
    for sign in signs:
        watch.add(sign)
        if watch.crossed is not None:
            break
    return watch.crossed


def signs_needed(alpha: float) -> int:
    """The least number of signs, all equal, that can decide at ``alpha``."""
    count = 1
    while log_e_value(count, 0) < -math.log(alpha):
        count += 1
    return count


def further_signs(positive: int, negative: int, alpha: float, most: int = 2000) -> int | None:
    """How many more signs the capital needs to reach ``1/alpha`` if they keep coming in the proportion seen so far.

    The proportion is shrunk towards 1/2 by one sign. None: not within ``most``.
    """
    seen = positive + negative
    share = (positive + 0.5) / (seen + 1)
    for more in range(1, most + 1):
        gained = round(share * more)
        if log_e_value(positive + gained, negative + more - gained) >= -math.log(alpha):
            return more
    return None


def median_interval(values: Sequence[float], alpha: float) -> tuple[float | None, float | None]:
    """A confidence sequence for the median at level ``1 - alpha``: it may be read at any time, also after stopping.

    The lower end is the largest bound that the values, in the order they came, ever refuted from above at
    ``alpha / 2``; the upper end likewise. None: not bounded on that side yet.
    """
    ordered = sorted(set(values))
    # refuting "median <= b" is monotone in b: the largest refuted b is found by bisection
    low = _last(ordered, lambda bound: first_crossing((value > bound for value in values), alpha / 2) is not None)
    high = _last(
        ordered[::-1], lambda bound: first_crossing((value < bound for value in values), alpha / 2) is not None
    )
    return low, high


def _last(ordered: Sequence[float], holds: Callable[[float], bool]) -> float | None:
    begin, end = 0, len(ordered)
    while begin < end:
        middle = (begin + end) // 2
        if holds(ordered[middle]):
            begin = middle + 1
        else:
            end = middle
    return ordered[begin - 1] if begin else None
