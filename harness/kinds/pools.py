"""The scenario kind `pools`: compare pools on a workload and hold the result against what the team relies on.

Verdicts: FAIL when a claim does not hold beyond its interval, INCONCLUSIVE when the intervals cannot tell.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.model import ConcurrencyFailure, InconclusiveError, UsageError, Verdict
from harness.pools.advice import Advice, advise
from harness.pools.compare import Plan, Progress, compare
from harness.pools.results import Comparison, paired


@dataclass(frozen=True)
class Outcome:
    """A comparison, its advice, and the verdict on what was required of it."""

    comparison: Comparison
    advice: Advice
    verdict: Verdict
    reason: str

    def raise_if_failed(self) -> Outcome:
        """Return itself on PASS; else raise, with the evidence."""
        if self.verdict is Verdict.FAIL:
            raise ConcurrencyFailure(f"{self.reason}\n{self.advice.paragraph}")
        if self.verdict is Verdict.INCONCLUSIVE:
            raise InconclusiveError(f"{self.reason}\n{self.advice.paragraph}")
        return self


def pools(
    workload: str,
    pool: str,
    *,
    at_least: float = 0.9,
    than: str | None = None,
    plan: Plan | None = None,
    progress: Progress = lambda text: None,
) -> Outcome:
    """Require that ``pool`` has at least ``at_least`` times the throughput of ``than`` (None: the fastest other).

    FAIL when the whole interval of the ratio lies below, INCONCLUSIVE when it lies on both sides or has fewer than six
    rounds. Raises :class:`UsageError` for a pool that the plan does not measure.
    """
    plan = plan or Plan(scaling=())
    for name in (pool, *([than] if than else [])):
        if name != "serial" and name not in plan.pools:
            raise UsageError(f"the plan does not measure {name!r}; it measures serial, {', '.join(plan.pools)}")
    comparison = compare(workload, plan, progress)
    cells = {cell.pool: cell for cell in comparison.main}
    others = [cell for cell in comparison.main if cell.pool != pool]
    other = cells[than] if than else max(others, key=lambda cell: cell.speed_up.middle)
    ratio = paired(cells[pool], other)
    said = (
        f"{comparison.workload}: {pool} has {ratio.text()} times the throughput of {other.pool}, {at_least:g} required"
    )
    verdict = (
        Verdict.INCONCLUSIVE
        if ratio.n < 6
        else Verdict.PASS
        if ratio.low >= at_least
        else Verdict.FAIL
        if ratio.high < at_least
        else Verdict.INCONCLUSIVE
    )
    if verdict is Verdict.INCONCLUSIVE:
        said += f"; {ratio.n} rounds cannot tell, measure more or on a quieter machine"
    return Outcome(comparison, advise(comparison), verdict, said)
