"""Whether a submission crosses to a worker process: what the probe says, and what the pool then does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from harness import Violation
from harness.probes import watch_submissions


def crosses(executor: Executor, submit: Callable[[], Future[Any]], expected: Any) -> str:
    """`submit` something to `executor` and wait for the `expected` result; returns the line of evidence.

    Raises :class:`harness.Violation` with the culprit and the line that made it when it does not reach the worker.
    """
    with watch_submissions(executor) as watch:
        try:
            result = submit().result(60)
        except Exception as error:
            raise _violation(watch, error) from error
    if result != expected:
        raise Violation("check", f"the worker answered {result!r} instead of {expected!r}")
    return f"the task reached a worker process and answered {result!r}"


def _violation(watch: Any, error: Exception) -> Exception:
    failures = watch.failures()
    if not failures or not failures[0].report.culprits:
        return error  # not the fault of pickling, or the probe is blind: the scenario itself has broken
    failure, culprit = failures[0], failures[0].report.culprits[0]
    where = f", made at {culprit.where}" if culprit.where else ""
    return Violation("not_picklable", f"{culprit.path} is a {culprit.type}{where}; the pool says: {failure.error}")
