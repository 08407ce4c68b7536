"""A NumPy workload: a sort of a large array, which runs outside the GIL."""

from __future__ import annotations

from typing import Any

from harness.pools.workload import Task, optional


def sort(item: int) -> int:
    """About 5 ms of sorting 400 000 integers in place; NumPy gives up the GIL for it."""
    numpy = optional("numpy", "ml")
    values: Any = numpy.random.default_rng(item).integers(2**63, size=400_000, dtype=numpy.uint64)
    values.sort()
    return int(values[200_000])


NUMPY = Task("NumPy sort", run_item=sort, given=tuple(range(8)))
