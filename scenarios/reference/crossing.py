"""Whether what is submitted crosses to a worker process: what the pool does, and whom the probe blames for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from harness import Violation, watch_submissions
from harness.probes import Watch
from harness.probes.captures import captured_names


def crosses(executor: Executor, submit: Callable[[], Future[Any]], expected: Any) -> str:
    """`submit` something to `executor` and wait for the `expected` result; returns the line of evidence.

    Raises :class:`harness.Violation` with the culprit and the line that made it when it does not reach the worker.
    """
    with watch_submissions(executor) as watch:
        try:
            result = submit().result(120)
        except Exception as error:
            raise blamed(watch, error) from error
    if result != expected:
        raise Violation("check", f"the worker answered {result!r} instead of {expected!r}")
    return f"the task reached a worker process and answered {result!r}"


def blamed(watch: Watch, error: BaseException, what: str = "") -> BaseException:
    """The violation that the first submission seen by `watch` committed; `error` itself when pickling is not its cause.

    `what` precedes the reason.
    """
    del watch.submissions[1:]  # each is diagnosed in a process of its own
    failures = watch.failures()
    if not failures or not failures[0].report.culprits:
        return error
    failure, culprit = failures[0], failures[0].report.culprits[0]
    where = f", made at {culprit.where}" if culprit.where else ""
    held = ", ".join(captured_names(watch.submissions[0].fn)) if culprit.path == "fn" else ""
    holding = f", that captures {held}" if held else ""
    blame = f"{culprit.path} is a {culprit.type}{where}{holding}"
    return Violation("not_picklable", f"{what}{blame}; the pool says: {failure.error}")
