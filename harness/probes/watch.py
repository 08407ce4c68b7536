"""Watches a live executor: remembers for each future the line that submitted it, and diagnoses those that failed.

A work item that cannot be pickled fails in ``Future.result()`` with no frame of the user's; this gives the frame back.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from harness.probes.origins import caller
from harness.probes.report import PickleReport
from harness.probes.submit import probe_submission

_SIGNS = ("cannot pickle", "can't pickle", "can't get local object", "pickling", "un-serialize", "not the same object")


@dataclass(frozen=True)
class Submission:
    """One call of ``submit``: where, and with what; ``future`` is None when ``submit`` itself raised ``error``."""

    where: str
    fn: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    future: Future[Any] | None = None
    error: BaseException | None = None


@dataclass(frozen=True)
class FailedSubmission:
    """A submission that failed on its way: its line, its error, and the probe of what was sent."""

    where: str
    error: BaseException
    report: PickleReport

    def __str__(self) -> str:
        return f"submitted at {self.where}: {type(self.error).__name__}: {self.error}\n{self.report}"


@dataclass
class Watch:
    """The submissions seen so far, and the diagnosis of those that failed to reach a worker or to come back."""

    executor: Any
    submissions: list[Submission] = field(default_factory=list)

    def failures(self, *, timeout: float = 10.0) -> list[FailedSubmission]:
        """Return the failures that are pickling's fault, diagnosed; waits ``timeout`` seconds for each future."""
        found = []
        for submission in self.submissions:
            error = submission.error or _error_of(submission.future, timeout)
            if error is not None and is_pickling_error(error):
                report = probe_submission(self.executor, submission.fn, submission.args, submission.kwargs)
                found.append(FailedSubmission(submission.where, error, report))
        return found


def _error_of(future: Future[Any] | None, timeout: float) -> BaseException | None:
    if future is None:
        return None
    try:
        return future.exception(timeout)
    except (TimeoutError, CancelledError):
        return None


def is_pickling_error(error: BaseException) -> bool:
    """Say whether an error is one that pickling a work item, a worker or a result gives."""
    if isinstance(error, pickle.PicklingError | pickle.UnpicklingError | BrokenProcessPool):
        return True
    text = str(error).lower()
    return isinstance(error, TypeError | AttributeError | RuntimeError) and any(sign in text for sign in _SIGNS)


@contextlib.contextmanager
def watch_submissions(executor: Any) -> Iterator[Watch]:
    """Watch ``executor.submit`` (and so ``map``) inside the block.

    Raises:
        ValueError: the executor has no ``submit``.
    """
    original = getattr(executor, "submit", None)
    if original is None:
        raise ValueError(f"{type(executor).__name__} has no submit; watch_submissions needs an executor")
    watch = Watch(executor)

    def submit(fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        place, _ = caller(past_libraries=True)
        try:
            future: Future[Any] = original(fn, *args, **kwargs)
        except BaseException as error:
            watch.submissions.append(Submission(str(place), fn, args, kwargs, None, error))
            raise
        watch.submissions.append(Submission(str(place), fn, args, kwargs, future))
        return future

    executor.submit = submit
    try:
        yield watch
    finally:
        del executor.submit
