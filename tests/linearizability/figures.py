"""Prints the figures: `python -m tests.linearizability.figures [seeds]`; wrong structures, twins, library classes."""

from __future__ import annotations

import platform
import statistics
import sys
import time
from typing import Any

import harness
from tests.linearizability.corpus import ALL, CASES, LIBRARY, Case


def timed(make: Any, calls: Any, **options: Any) -> tuple[harness.Linearizability, float]:
    """The result and how long it took in seconds."""
    began = time.perf_counter()
    found = harness.linearizable(make, calls, **options)
    return found, time.perf_counter() - began


def size(found: harness.Linearizability) -> tuple[int, int]:
    """Threads, and the most operations in one of them."""
    return len(found.program), max(map(len, found.program), default=0)


def row(case: Case, seeds: int) -> tuple[str, bool, list[float]]:
    """A line of the table, whether all is as it must be, and the times of the finds in seconds."""
    seeds = min(seeds, case.seeds)
    runs = [timed(case.wrong, case.calls, seed=seed, **case.options) for seed in range(seeds)]
    hits = [found for found, _ in runs if found.failure is not None and found.failure.kind == case.kind]
    largest = max(map(size, hits), default=(0, 0))
    twin, twin_seconds = timed(case.right, case.calls, **{**case.options, "schedules": ALL})
    times = sorted(seconds for _, seconds in runs)
    good = len(hits) == seeds and twin.verdict is harness.Verdict.PASS
    good = good and all(size(found)[0] <= case.threads and size(found)[1] <= case.operations for found in hits)
    shown = " | ".join("; ".join(calls) for calls in hits[0].program) if hits else "-"
    line = (
        f"{case.name:16} {len(hits):2}/{seeds:<3} {largest[0]} x {largest[1]:<4} {statistics.median(times):6.2f} "
        f"{times[-1]:6.2f}  {twin.verdict.name:12} {twin_seconds:6.2f}  {shown}"
    )
    return line, good, times


def main(seeds: int) -> int:
    """Print the table; 1 if a wrong structure was missed, a program is too large, or something right did not pass."""
    print(f"Python {platform.python_version()}, {seeds} seeds, seconds")
    head = f"{'structure':16} {'found':6} {'largest':8} {'p50':>5} {'max':>6}  {'twin':12} {'time':>6}"
    print(f"{head}  program of seed 0")
    times: list[float] = []
    good = True
    for case in CASES:
        line, right, seconds = row(case, seeds)
        print(line, flush=True)
        good = good and right
        times += seconds
    for name, (make, calls) in LIBRARY.items():
        found, elapsed = timed(make, calls, schedules=ALL)
        print(f"{name:24} {found.verdict.name} {elapsed:.2f}", flush=True)
        good = good and found.verdict is harness.Verdict.PASS
    print(f"p50 of all {len(times)} finds: {statistics.median(times):.2f} s")
    print("all as it must be" if good else "NOT as it must be")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
