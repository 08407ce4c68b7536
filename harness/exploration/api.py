"""`harness.explore`: the arguments, the session and the explorer put together."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.exploration.arguments import DEFAULT_SCHEDULES, Script, validate
from harness.exploration.explorer import Explorer, Progress
from harness.exploration.isolate import in_child
from harness.exploration.result import Evidence, Exploration, inconclusive
from harness.exploration.session import Session
from harness.model import CannotExplore, UsageError
from harness.schedule import Witness
from harness.schedule.fault import FaultSpec


def explore(
    setup: Callable[[], Any],
    threads: Sequence[Callable[[Any], Any]],
    check: Callable[..., Any] | None = None,
    *,
    observe: Callable[[Any], Any] | None = None,
    modules: Sequence[str] = (),
    preemptions: int = 2,
    schedules: int = DEFAULT_SCHEDULES,
    seconds: float | None = None,
    seed: int = 0,
    expected: Sequence[type[BaseException]] = (),
    replay: Witness | str | Path | None = None,
    timeouts: str = "virtual",
    watchdog: float = 10.0,
    root: str | Path | None = None,
    cpu: int | str | None = "auto",
    isolate: str | None = None,
    inject: FaultSpec | Sequence[FaultSpec] = (),
    max_faults: int = 1,
    progress: Progress | None = None,
) -> Exploration:
    """Run ``threads`` under every schedule with few preemptions, then under sampled ones, and judge each.

    ``setup() -> state`` runs before every schedule; each of ``threads`` is called with the state in a thread of its
    own. ``check(state)`` or ``check(state, results)`` raises ``AssertionError`` or returns False; ``results[i]`` is
    the value of thread i or the exception it raised. ``observe(state)`` returns plain comparable data; without a
    check, results and observed state must equal those of some sequential order of the threads.

    ``modules`` adds dotted names whose code is interleaved. ``preemptions`` bounds the schedules that are executed
    exhaustively, ``schedules`` their number; ``seconds`` is only a cap. ``expected`` are exception types a thread may
    raise. ``replay`` is a witness or the path of one. ``timeouts="any"`` lets time-outs fire early. ``watchdog`` is
    the time in seconds after which a thread that is stuck outside the harness's control ends the exploration.
    ``isolate="process"`` explores in a child process that is killed when it no longer answers.
    ``inject`` are faults that a schedule may choose besides the next thread, at most ``max_faults`` in each:
    :class:`harness.Raises`, :class:`harness.TimesOut`, :class:`harness.Cancels`. A thread that lets an injected
    exception out is no finding; what counts is the check. Without a check, the outcome must be that of some sequential
    order with at most as many of the same faults.
    ``root`` is the project's folder (default: the current one); ``cpu`` the CPU to pin the
    explored threads to while they run: hand-overs cost half as much ("auto": one for each pytest-xdist worker; None:
    leave them where they are).

    Raises :class:`harness.UsageError` for a wrong argument; everything else becomes a verdict.
    """
    script = validate(
        setup,
        threads,
        check,
        observe=observe,
        modules=modules,
        preemptions=preemptions,
        schedules=schedules,
        seconds=seconds,
        seed=seed,
        expected=expected,
        replay=replay,
        timeouts=timeouts,
        watchdog=watchdog,
        inject=inject,
        max_faults=max_faults,
    )
    if isolate not in (None, "process"):
        raise UsageError(f"isolate must be None or 'process', not {isolate!r}")
    pinned = own_cpu() if cpu == "auto" else cpu
    if not (pinned is None or isinstance(pinned, int)):
        raise UsageError(f"cpu must be a CPU number, 'auto' or None, not {cpu!r}")
    folder = str(root) if root is not None else os.getcwd()
    if isolate == "process":
        return in_child(lambda: _explore(script, folder, pinned, None), len(script.threads), script.watchdog * 2 + 5)
    return _explore(script, folder, pinned, progress)


def own_cpu() -> int | None:
    """The CPU of this process: the index that pytest-xdist gave it, among those it may use."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    cpus = sorted(os.sched_getaffinity(0))
    worker = re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or "0"
    return cpus[int(worker) % len(cpus)]


def _explore(script: Script, root: str, cpu: int | None, progress: Progress | None) -> Exploration:
    session = Session(script, root, cpu)
    try:
        with session():
            return Explorer(session, progress).explore()
    except CannotExplore as obstacle:
        evidence = Evidence(len(script.threads), script.preemptions, notes=session.notes)
        return inconclusive(evidence, str(obstacle), 0.0)
