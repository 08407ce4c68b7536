"""Makes concurrency regressions certain: finds the failing interleaving, proves what it can, replays what it found."""

from harness.exploration.api import explore
from harness.exploration.result import Exploration, Failure
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
    "PickleReport",
    "Place",
    "Problem",
    "ProblemKind",
    "UsageError",
    "Verdict",
    "Violation",
    "Witness",
    "captures",
    "explore",
    "probe_exceptions",
    "probe_pickle",
    "probe_submission",
    "probe_submit",
    "watch_submissions",
]
