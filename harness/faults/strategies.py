"""Hypothesis strategies of plans: they shrink to the first fault of the list, the first task and seed 0."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from harness.faults.catalogue import FAULTS, Where
from harness.faults.plan import Plan
from harness.model import UsageError


def plans(faults: Sequence[str] = (), *, where: str = "", tasks: int = 8, seeds: int = 4) -> st.SearchStrategy[Plan]:
    """Plans for the named faults (default: all, or all for pools of `where`) at one of the first `tasks` tasks.

    Judge them with :func:`harness.survives`: it returns a result whose `raise_if_failed` fails the property. Each
    example starts processes, so set `max_examples` and `deadline=None`.
    """
    names = list(faults) or [name for name, fault in FAULTS.items() if not where or Where(where) in fault.where]
    if not names:
        raise UsageError(f"no fault is left for pools of {where}")
    return st.builds(Plan, st.sampled_from(names), st.integers(1, tasks), st.integers(0, seeds))
