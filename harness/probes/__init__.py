"""The pickle probe: what cannot cross to a worker, why, where it was made, and the fix that was tried."""

from harness.probes.captures import Capture, captures
from harness.probes.exceptions import ExceptionFinding, ExceptionsReport, probe_exceptions
from harness.probes.picklers import PicklerUnavailable
from harness.probes.probe import probe_pickle
from harness.probes.report import (
    Branch,
    Cost,
    Culprit,
    Fix,
    Hop,
    PickleReport,
    Problem,
    ProblemKind,
    Verdict,
)
from harness.probes.submit import probe_submission, probe_submit
from harness.probes.watch import FailedSubmission, Submission, Watch, watch_submissions

__all__ = [
    "Branch",
    "Capture",
    "Cost",
    "Culprit",
    "ExceptionFinding",
    "ExceptionsReport",
    "FailedSubmission",
    "Fix",
    "Hop",
    "PickleReport",
    "PicklerUnavailable",
    "Problem",
    "ProblemKind",
    "Submission",
    "Verdict",
    "Watch",
    "captures",
    "probe_exceptions",
    "probe_pickle",
    "probe_submission",
    "probe_submit",
    "watch_submissions",
]
