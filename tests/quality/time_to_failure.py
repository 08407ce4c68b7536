"""``python -m tests.quality.time_to_failure``: how long until the first failure of each two-thread case.

Prints the slowest cases, p50 and p95; it asserts nothing, because times belong to the machine.
"""

from __future__ import annotations

import importlib.util
import math
import platform
import time
from collections.abc import Sequence

from tests.quality.corpus import CASES, Case
from tests.quality.exploring import explore

SLOWEST = 10


def main() -> None:
    """Explore each case once to warm up (instrumentation, worker threads) and once to measure."""
    measured = {case.name: _measured(case) for case in CASES if len(case.broken.threads) == 2 and _can_run(case)}
    for name in sorted(measured, key=lambda name: measured[name][0], reverse=True)[:SLOWEST]:
        print(f"{measured[name][0]:9.2f} ms  {name}")
    wall, cpu = zip(*measured.values(), strict=True)
    print(f"Python {platform.python_version()}, {len(measured)} two-thread cases, time to the first failure:")
    print(f"without set-up    p50 {percentile(wall, 50):.2f} ms, p95 {percentile(wall, 95):.2f} ms")
    print(f"CPU, with set-up  p50 {percentile(cpu, 50):.2f} ms, p95 {percentile(cpu, 95):.2f} ms")


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` percent of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def _measured(case: Case) -> tuple[float, float]:
    """Milliseconds of wall time without set-up, and of CPU time with it: on a busy machine only the second holds."""
    explore(case, case.broken)
    before = time.process_time()
    wall = explore(case, case.broken).seconds
    return wall * 1000, (time.process_time() - before) * 1000


def _can_run(case: Case) -> bool:
    available = case.needs is None or importlib.util.find_spec(case.needs) is not None
    if not available:
        print(f"left out: {case.name} needs {case.needs}")
    return available


if __name__ == "__main__":
    main()
