"""Workloads of pure Python: one that computes, one whose results are large."""

from __future__ import annotations

from harness.pools.workload import Task


def compute(item: int, steps: int = 40_000) -> int:
    """About 3 ms of bytecode that never gives up the GIL."""
    total = item
    for number in range(steps):
        total = (total * 31 + number) % 1_000_003
    return total


def large(item: int) -> bytes:
    """16 MB that cost about a millisecond to make and far more to send through a pipe."""
    return bytes([item % 256]) * 16_000_000


def _size(item: int, result: bytes) -> str | None:
    return None if len(result) == 16_000_000 else f"{len(result)} bytes instead of 16000000"


PYTHON = Task("pure Python", run_item=compute, given=tuple(range(16)))
LARGE_RESULTS = Task("large results", run_item=large, given=tuple(range(8)), verify=_size)
