"""How throughput grows with workers: the universal scalability law (Gunther 1993), and workers that take turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Law:
    """Throughput of N workers is ``rate * N / (1 + contention * (N - 1) + crosstalk * N * (N - 1))``."""

    rate: float
    contention: float
    crosstalk: float

    def at(self, workers: float) -> float:
        """Throughput, items per second."""
        return self.rate * workers / (1 + self.contention * (workers - 1) + self.crosstalk * workers * (workers - 1))


def fit(rates: Mapping[int, float]) -> Law | None:
    """Least squares with both coefficients kept from being negative; None without one worker and two other counts."""
    if 1 not in rates or len(rates) < 3:
        return None
    one = rates[1]
    rows = [(n - 1.0, n * (n - 1.0), n * one / rate - 1) for n, rate in rates.items() if n > 1]
    aa, ab, bb = sum(a * a for a, _, _ in rows), sum(a * b for a, b, _ in rows), sum(b * b for _, b, _ in rows)
    ay, by = sum(a * y for a, _, y in rows), sum(b * y for _, b, y in rows)
    determinant = aa * bb - ab * ab
    contention = (ay * bb - by * ab) / determinant
    crosstalk = (by * aa - ay * ab) / determinant
    if crosstalk < 0:
        contention, crosstalk = ay / aa, 0.0
    if contention < 0:
        contention, crosstalk = 0.0, max(0.0, by / bb)
    return Law(one, max(0.0, contention), crosstalk)


def taking_turns(workers: int, share: float) -> float:
    """Throughput over one worker's, of workers who each need the same thing alone for this share of their time.

    Mean value analysis of a closed network of one queue and a delay (Reiser and Lavenberg 1980).
    """
    queue = throughput = 0.0
    for number in range(1, workers + 1):
        there = share * (1 + queue)
        throughput = number / (1 - share + there)
        queue = throughput * there
    return throughput
