"""Which pool for which work: executors and workloads, each behind one interface, measured side by side."""

from harness.pools.advice import Advice, Factor, Sureness, advise
from harness.pools.compare import Plan, compare
from harness.pools.driver import PoolFailure
from harness.pools.results import Comparison
from harness.pools.workload import Task, Workload

__all__ = [
    "Advice",
    "Comparison",
    "Factor",
    "Plan",
    "PoolFailure",
    "Sureness",
    "Task",
    "Workload",
    "advise",
    "compare",
]
