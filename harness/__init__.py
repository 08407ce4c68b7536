"""Makes concurrency regressions certain: finds the failing interleaving, proves what it can, replays what it found."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.audit import Growth, Leak, LeakKind, LeaksFound, leak_audit, leak_growth
    from harness.doctor import BrokenPool, explain_broken_pool, watch_pools
    from harness.exploration.api import explore
    from harness.exploration.result import Exploration, Failure
    from harness.faults.plan import Plan
    from harness.faults.result import Chaos
    from harness.gate.marks import benchmark
    from harness.kinds.cache import cache
    from harness.kinds.hammer import hammer
    from harness.kinds.lazy_init import lazy_init
    from harness.kinds.lifecycle import lifecycle
    from harness.kinds.linearizable import Linearizability, linearizable
    from harness.kinds.picklable import picklable
    from harness.kinds.singleton import singleton
    from harness.kinds.snapshot import snapshot
    from harness.kinds.survives import survives
    from harness.model import (
        CannotExplore,
        ConcurrencyFailure,
        HarnessError,
        InconclusiveError,
        Kind,
        UsageError,
        Verdict,
        Violation,
    )
    from harness.probes import (
        Culprit,
        PickleReport,
        Problem,
        ProblemKind,
        captures,
        probe_exceptions,
        probe_pickle,
        probe_submission,
        probe_submit,
        watch_submissions,
    )
    from harness.schedule import Decision, Place, Witness
    from harness.schedule.fault import Cancels, Raises, TimesOut

__all__ = [
    "BrokenPool",
    "Cancels",
    "CannotExplore",
    "Chaos",
    "ConcurrencyFailure",
    "Culprit",
    "Decision",
    "Exploration",
    "Failure",
    "Growth",
    "HarnessError",
    "InconclusiveError",
    "Kind",
    "Leak",
    "LeakKind",
    "LeaksFound",
    "Linearizability",
    "PickleReport",
    "Place",
    "Plan",
    "Problem",
    "ProblemKind",
    "Raises",
    "TimesOut",
    "UsageError",
    "Verdict",
    "Violation",
    "Witness",
    "benchmark",
    "cache",
    "captures",
    "explain_broken_pool",
    "explore",
    "hammer",
    "lazy_init",
    "leak_audit",
    "leak_growth",
    "lifecycle",
    "linearizable",
    "picklable",
    "probe_exceptions",
    "probe_pickle",
    "probe_submission",
    "probe_submit",
    "singleton",
    "snapshot",
    "survives",
    "watch_pools",
    "watch_submissions",
]

# Loaded when first used: the worker processes of a chaos scenario import this package, and need none of it.
_MODULES = {
    "harness.audit": "Growth Leak LeakKind LeaksFound leak_audit leak_growth",
    "harness.doctor": "BrokenPool explain_broken_pool watch_pools",
    "harness.exploration.api": "explore",
    "harness.exploration.result": "Exploration Failure",
    "harness.faults.plan": "Plan",
    "harness.faults.result": "Chaos",
    "harness.gate.marks": "benchmark",
    "harness.kinds.cache": "cache",
    "harness.kinds.hammer": "hammer",
    "harness.kinds.lazy_init": "lazy_init",
    "harness.kinds.lifecycle": "lifecycle",
    "harness.kinds.linearizable": "Linearizability linearizable",
    "harness.kinds.picklable": "picklable",
    "harness.kinds.singleton": "singleton",
    "harness.kinds.snapshot": "snapshot",
    "harness.kinds.survives": "survives",
    "harness.model": (
        "CannotExplore ConcurrencyFailure HarnessError InconclusiveError Kind UsageError Verdict Violation"
    ),
    "harness.probes": (
        "Culprit PickleReport Problem ProblemKind captures probe_exceptions probe_pickle probe_submission "
        "probe_submit watch_submissions"
    ),
    "harness.schedule": "Decision Place Witness",
    "harness.schedule.fault": "Cancels Raises TimesOut",
}
_HOME = {name: module for module, listed in _MODULES.items() for name in listed.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
