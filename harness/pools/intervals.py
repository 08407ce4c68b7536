"""Intervals from few repetitions that assume no distribution: order statistics of the median, and quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """Median of ``n`` repetitions with the interval that covers the true median with probability ``coverage``.

    ``coverage`` is at least 0.95 from six repetitions on; with fewer, the whole range, and what it covers.
    """

    low: float
    middle: float
    high: float
    n: int
    coverage: float

    def text(self, unit: str = "", digits: int = 2) -> str:
        """``1.93 [1.88, 1.97]``; a single repetition says so instead of an interval."""
        if self.n == 1:
            return f"{self.middle:.{digits}f}{unit} (one value)"
        return f"{self.middle:.{digits}f}{unit} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


def median_interval(values: Sequence[float]) -> Interval:
    """The interval of the median from order statistics: the narrowest that covers at least 95 %, else the range."""
    if not values:
        raise ValueError("no repetition: nothing was measured")
    ordered, n = sorted(values), len(values)
    depth, tail, total = 0, 0.5**n, 0.5**n
    while 2 * (depth + 1) < n:
        tail = math.comb(n, depth + 1) * 0.5**n
        if 1 - 2 * (total + tail) < 0.95:
            break
        depth, total = depth + 1, total + tail
    return Interval(ordered[depth], quantile(ordered, 0.5), ordered[n - 1 - depth], n, max(0.0, 1 - 2 * total))


def ratios(slow: Sequence[float], fast: Sequence[float]) -> Interval:
    """How many times ``slow`` takes ``fast``, from pairs taken in the same round."""
    return median_interval([a / b for a, b in zip(slow, fast, strict=True)])


def quantile(values: Sequence[float], share: float) -> float:
    """The quantile with linear interpolation between the two nearest values."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
