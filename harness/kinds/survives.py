"""The kind ``survives``: a pool under planted faults keeps what it promises of every task, and works again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from harness.faults.case import BODY, Case
from harness.faults.catalogue import FAULTS, Stage, Where
from harness.faults.injected import named
from harness.faults.plan import Plan, parse
from harness.faults.pools import pool_type
from harness.faults.result import Chaos, Judged, command
from harness.faults.runner import run_case
from harness.model import CannotExplore, Finding, Kind, UsageError
from harness.oracles.survival import Delivery, judge

DEFAULT_TASK = 3


def survives(
    target: str | Callable[[], Any],
    faults: Sequence[str | Plan] | None = None,
    *,
    delivery: str = "at-most-once",
    submit: str = "submit",
    close: str = "",
    body: str | Callable[[int], Any] | None = None,
    check: str | Callable[[Any], str] | None = None,
    tasks: int = 8,
    workers: int = 2,
    where: str = "process",
    patience: float = 1.5,
    deadline: float = 90.0,
    progress: Callable[[str], None] = lambda line: None,
) -> Chaos:
    """Plant each fault into a fresh pool of its own process, and judge from the ledger what became of every task.

    ``target`` makes the pool: an importable function or class without arguments, or ``"package.module:name"``. Its
    method ``submit`` takes a function and arguments and returns a ``Future``; ``body`` is an importable function of a
    task's number; ``check`` one of the pool after the tasks, which returns what is wrong with it. ``faults`` are plans
    such as ``"kill-in-body@3#0"`` (default: every fault for pools of ``where``, at the third task or the last). Fails
    with ``unresolved``, ``misdelivered``, ``lost_task``, ``doubled_task``, ``unusable_pool``, ``check``, ``exception``
    (of the call that closes the pool) or ``left_behind``. A fault that did not strike is INCONCLUSIVE. ``patience`` is
    in seconds: how long nothing may happen before a future is held to be one that never ends; ``deadline`` ends a case
    that hangs altogether.

    Raises :class:`harness.UsageError` for a target, plan or option that cannot be.
    """
    for name, count in (("tasks", tasks), ("workers", workers)):
        _number(name, count, 1, int)
    for name, seconds, shortest in (("patience", patience, 0.1), ("deadline", deadline, 1)):
        _number(name, seconds, shortest, (int, float))
    for name, method in (("submit", submit), ("close", close)):
        if not isinstance(method, str):
            raise UsageError(f"survives: {name} must be the name of a method, not {method!r}")
    plans = plans_of(faults, where, tasks)
    promise = _member(Delivery, delivery, "delivery")
    where_from = importable(target, "target")
    what = importable(body, "body") if body is not None else BODY
    looks = importable(check, "check") if check is not None else ""

    def case(plan: Plan) -> Case:
        return Case(
            where_from, str(plan), submit, close, what, looks, tasks, workers, float(patience), float(deadline),
            tuple(sys.path),
        )  # fmt: skip

    judged: list[Judged] = []
    for plan in plans:
        judged.append(_judged(case(plan), plan, promise))
        progress(str(plan))
    first = next((one.plan for one in judged if one.findings), None)
    replay = command(case(first), promise.value) if first else ""
    return Chaos(where_from, tuple(judged), replay)


def _judged(case: Case, plan: Plan, promise: Delivery) -> Judged:
    try:
        result = run_case(case)
    except CannotExplore as error:
        return Judged(plan, None, reason=str(error))
    found = judge(result.seen, promise, usable=not plan.what.ends_pool)
    if not found and not result.ends:
        found = (Finding(Kind.UNRESOLVED, "the pool was closed, and the interpreter does not end"),)
    return Judged(plan, result, found)


def default_plan(fault: str, tasks: int) -> Plan:
    """The plan of a fault whose task nobody named."""
    return Plan(fault, min(DEFAULT_TASK, tasks) if FAULTS[fault].warm else 1)


def plans_of(faults: Sequence[str | Plan] | None, where: str, tasks: int) -> list[Plan]:
    """The plans that are named, or one for every fault that any pool of `where` can have."""
    place = _member(Where, where, "where")
    if faults is None:
        return [
            default_plan(fault.name, tasks)
            for fault in FAULTS.values()
            if place in fault.where and fault.stage is not Stage.START and fault.name != "blocked-loop"
        ]
    if isinstance(faults, (str, Plan)):
        raise UsageError(f"survives: faults must be a list, such as [{str(faults)!r}]")
    if not isinstance(faults, Iterable):
        raise UsageError(f"survives: faults must be a list, such as ['kill-in-body@3'], not {faults!r}")
    plans = [_plan(fault) for fault in faults]
    for plan in plans:
        if plan.task > tasks:
            raise UsageError(f"survives: plan {plan} hits task {plan.task}, but there are only {tasks} tasks")
        if place not in plan.what.where:
            fitting = ", ".join(sorted(plan.what.where))
            raise UsageError(f"survives: {plan.fault} is no fault of a pool of {place.value}s; say where: {fitting}")
    return plans


def _plan(fault: Any) -> Plan:
    if isinstance(fault, Plan):
        return fault
    if not isinstance(fault, str):
        raise UsageError(f"survives: a plan is text such as 'kill-in-body@3', not {fault!r}")
    return parse(fault)


def _number(name: str, value: Any, least: float, kinds: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, kinds) or not value >= least:  # nan is no number
        what = "whole number" if kinds is int else "number"
        raise UsageError(f"survives: {name} must be a {what} of at least {least}, not {value!r}")


def _member(choices: Any, value: str, name: str) -> Any:
    try:
        return choices(value)
    except ValueError:
        raise UsageError(f"survives: {name} must be one of {', '.join(choices)}, not {value!r}") from None


def importable(thing: Any, name: str) -> str:
    """``package.module:name`` of what another process can import; raises :class:`harness.UsageError` otherwise."""
    path = thing
    if not isinstance(thing, str):
        path = f"{getattr(thing, '__module__', '?')}:{getattr(thing, '__qualname__', '?')}"
        if path.startswith("__main__:") or "<" in path:
            raise UsageError(f"survives: {name} {path} cannot be imported by another process: define it in a module")
    elif name == "target" and thing.startswith("pool:"):
        if not (kind := pool_type(thing.removeprefix("pool:"))).installed:
            raise UsageError(f"survives: {thing} needs the package {kind.needs}, which is not installed")
        return thing
    try:
        found = named(path)
    except Exception as error:
        raise UsageError(
            f"survives: {name} {path!r} cannot be imported ({type(error).__name__}: {error}); "
            "name it as package.module:name"
        ) from None
    if not callable(found) or (not isinstance(thing, str) and found is not thing):
        raise UsageError(f"survives: {name} {path!r} names a {type(found).__name__}, not what was given")
    return str(path)


def fits(target: Any) -> str:
    """Why a target is no case for this kind: only its author knows that it runs tasks, and where."""
    if "faults" in target.chaos or "submit" in target.chaos:
        return ""
    return 'needs submit = "..." (its method that takes a function and returns a Future), or faults = [...]'


def configured(target: Any, explore: Any) -> Chaos:
    """Run the kind on a configured target."""
    result = survives(target.maker, **target.chaos)
    getattr(explore, "record", lambda line: None)(f"{result.verdict.name}: {result.reason}")
    return result.raise_if_failed()
