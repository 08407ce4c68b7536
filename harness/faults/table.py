"""The outcome table: every fault against every pool type that it applies to, as data. It prints nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from harness.faults.case import Case
from harness.faults.catalogue import FAULTS, Fault, Stage, Where
from harness.faults.plan import Plan
from harness.faults.pools import POOLS, PoolType
from harness.faults.runner import run_case
from harness.model import HarnessError

TASK = 3
NOT_INSTALLED = "not installed"


@dataclass(frozen=True, slots=True)
class Row:
    """What one fault did to one pool type. Every field but `recovery`, in seconds, is the same in every run."""

    fault: str
    pool: str
    resolved: str
    lost: int = 0
    failed: int = 0
    rerun: int = 0
    doubled: int = 0
    misdelivered: int = 0
    usable: str = ""
    left: str = ""
    recovery: float | None = None

    @property
    def steady(self) -> tuple[Any, ...]:
        """The fields that must not differ between two runs."""
        return tuple(value for name, value in asdict(self).items() if name != "recovery")


def applies(fault: Fault, pool: PoolType) -> bool:
    """Whether a fault can strike a pool type."""
    if fault.name == "blocked-loop":
        return pool.name in ("to-thread", "in-executor")
    if fault.name == "failing-initializer":
        return pool.where is not Where.LOOP and pool.name != "dask"
    if fault.stage in (Stage.START, Stage.RESULT) and pool.name == "dask":
        return False  # it starts its workers and sends its results in ways of its own
    return pool.where in fault.where


def plan_for(fault: Fault, seed: int = 0) -> Plan:
    """The plan of the table: the third task, or the first where the pool must not be running yet."""
    return Plan(fault.name, TASK if fault.warm else 1, seed)


def cells(faults: Sequence[str] = (), pools: Sequence[str] = ()) -> list[tuple[Fault, PoolType]]:
    """The pairs of the table, those of the named faults and pool types only if any are named."""
    return [
        (fault, pool)
        for fault in FAULTS.values()
        for pool in POOLS.values()
        if applies(fault, pool) and (not faults or fault.name in faults) and (not pools or pool.name in pools)
    ]


def row(fault: Fault, pool: PoolType, seed: int = 0, patience: float = 1.0) -> Row:
    """Run one cell of the table."""
    if not pool.installed:
        return Row(fault.name, pool.name, NOT_INSTALLED)
    patience *= pool.slowness
    case = Case(
        f"pool:{pool.name}", str(plan_for(fault, seed)), tasks=6, patience=patience, path=tuple(sys.path), deadline=120
    )
    try:
        seen = run_case(case).seen
    except HarnessError as error:
        return Row(fault.name, pool.name, f"inconclusive: {error}")
    usable = "closed" if fault.ends_pool else f"{seen.capacity} of {seen.workers}"
    # whether a child that was ended has been waited for yet is a matter of luck
    kinds = sorted({what.partition(" ")[2].replace("zombie", "child") for what in seen.left})
    return Row(
        fault.name, pool.name, f"{seen.resolved} of {len(seen.submitted)}", len(seen.lost), len(seen.failed),
        len(seen.rerun), len(seen.doubled), len(seen.misdelivered), usable, ", ".join(kinds), seen.recovery,
    )  # fmt: skip


def rows(
    chosen: Sequence[tuple[Fault, PoolType]], jobs: int = 3, progress: Callable[[Row], None] = lambda row: None
) -> Iterator[Row]:
    """Run cells, `jobs` at the same time: most of their time is waiting. In the order of `chosen`."""
    with ThreadPoolExecutor(jobs, thread_name_prefix="chaos-table") as runners:
        for found in runners.map(lambda cell: row(*cell), chosen):
            progress(found)
            yield found
