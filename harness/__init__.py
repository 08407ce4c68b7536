"""Makes concurrency regressions certain: finds the failing interleaving, proves what it can, replays what it found."""

from harness.exploration.api import explore
from harness.exploration.result import Exploration, Failure
from harness.kinds.cache import cache
from harness.kinds.hammer import hammer
from harness.kinds.lazy_init import lazy_init
from harness.kinds.lifecycle import lifecycle
from harness.kinds.linearizable import Linearizability, linearizable
from harness.kinds.picklable import picklable
from harness.kinds.singleton import singleton
from harness.kinds.snapshot import snapshot
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

__all__ = [
    "CannotExplore",
    "ConcurrencyFailure",
    "Culprit",
    "Decision",
    "Exploration",
    "Failure",
    "HarnessError",
    "InconclusiveError",
    "Kind",
    "Linearizability",
    "PickleReport",
    "Place",
    "Problem",
    "ProblemKind",
    "UsageError",
    "Verdict",
    "Violation",
    "Witness",
    "cache",
    "captures",
    "explore",
    "hammer",
    "lazy_init",
    "lifecycle",
    "linearizable",
    "picklable",
    "probe_exceptions",
    "probe_pickle",
    "probe_submission",
    "probe_submit",
    "singleton",
    "snapshot",
    "watch_submissions",
]
