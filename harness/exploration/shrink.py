"""Makes a failing schedule smaller by leaving decisions out, most at once first (delta debugging, Zeller 1999)."""

from __future__ import annotations

from collections.abc import Callable

from harness.schedule import Decision

Decisions = tuple[Decision, ...]
TRIES = 150


def shrink(decisions: Decisions, still_fails: Callable[[Decisions], Decisions | None]) -> Decisions:
    """The fewest faults, and with them the fewest preemptions, found within ``TRIES`` executions.

    ``still_fails`` executes loosely and returns the decisions actually taken, or None if the failure is gone.
    """
    best = still_fails(decisions) or decisions
    without = still_fails(tuple(d for d in best if not d.fault)) if _cost(best)[0] else None
    best = without or best
    tries = 0
    chunk = max(sum(_cost(best)) // 2, 1)
    while tries < TRIES:
        positions = [i for i, decision in enumerate(best) if not decision.free]
        improved = False
        for start in range(0, len(positions), chunk):
            dropped = set(positions[start : start + chunk])
            candidate = tuple(d for i, d in enumerate(best) if i not in dropped)
            tries += 1
            taken = still_fails(candidate)
            if taken is not None and _cost(taken) < _cost(best):
                best, improved = taken, True
                break
            if tries >= TRIES:
                break
        if improved:
            chunk = max(min(chunk, sum(_cost(best)) // 2), 1)
        elif chunk == 1:
            break
        else:
            chunk //= 2
    return best


def _cost(decisions: Decisions) -> tuple[int, int]:
    return sum(bool(decision.fault) for decision in decisions), sum(d.why == "preempt" for d in decisions)
