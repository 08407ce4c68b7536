"""From the slices of a pair of processes to one ratio per channel, and gates resampled from recorded pairs."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.stats.decision import Outcome, Rule
from harness.stats.sign import Crossing


@dataclass(frozen=True, slots=True)
class Slice:
    """One uninterrupted piece of a side's work, in seconds: ``cpu`` of the whole process tree, ``wall``; tasks done.

    ``queued``: how long its threads, together, waited for one of ``cpus`` CPUs; 0 CPUs: not known.
    """

    side: str
    wall: float
    cpu: float
    tasks: int
    queued: float = 0.0
    cpus: int = 0

    @property
    def unhindered(self) -> float:
        """The wall time as it would have been with a CPU for each thread that could run, up to ``cpus``; seconds.

        While they could run there were ``(cpu + queued) / wall`` threads, so that the wall clock lost
        ``queued / threads``. More threads than CPUs make each other wait: no time is less than ``cpu / cpus``.
        """
        if not self.cpus or not self.wall > 0:
            return self.wall
        threads = min(max(1.0, (self.cpu + self.queued) / self.wall), float(self.cpus))
        return max(self.wall - self.queued / threads, min(self.wall, self.cpu / self.cpus))


def ratio(slices: Iterable[Slice], channel: str) -> float:
    """Ratio head/base of the geometric means of seconds per task: CPU for ``cost``, unhindered for ``parallelism``."""
    logs: dict[str, list[float]] = {"base": [], "head": []}
    for part in slices:
        seconds = part.cpu if channel == "cost" else part.unhindered
        if not seconds > 0 or part.tasks <= 0:
            raise ValueError("a slice without time or tasks is no observation")
        logs[part.side].append(math.log(seconds / part.tasks))
    if not logs["base"] or not logs["head"]:
        raise ValueError("a pair needs slices of both sides")
    return math.exp(math.fsum(logs["head"]) / len(logs["head"]) - math.fsum(logs["base"]) / len(logs["base"]))


def stopped(pairs: Iterable[dict[str, float]], rule: Rule, most: int) -> tuple[Outcome, int]:
    """Run one benchmark's sequential test over a stream of pairs (channel -> ratio) until it decides or ``most``."""
    crossings = {
        name: (Crossing(rule.share(rule.alpha)), Crossing(rule.share(rule.beta))) for name in rule.margins
    }
    count = 0
    for count, pair in enumerate(pairs, 1):
        for name, (failed, passed) in crossings.items():
            if not failed.crossed and not passed.crossed:
                failed.add(pair[name] > 1 + rule.margins[name].fail)
                passed.add(pair[name] < 1 + rule.margins[name].accept)
        if any(failed.crossed for failed, _ in crossings.values()):
            return Outcome.REGRESSION, count
        if all(passed.crossed for _, passed in crossings.values()):
            return Outcome.PASS, count
        if count >= most:
            break
    return Outcome.INCONCLUSIVE, count


def bootstrap_gate(
    recorded: Sequence[Sequence[dict[str, float]]], rule: Rule, generator: random.Random, most: int
) -> tuple[list[Outcome], int]:
    """One gate over benchmarks whose pairs are drawn with replacement from what was recorded: outcomes, pairs used."""
    outcomes, used = [], 0
    for pairs in recorded:
        outcome, count = stopped((generator.choice(pairs) for _ in range(most)), rule, most)
        outcomes.append(outcome)
        used += count
    return outcomes, used
