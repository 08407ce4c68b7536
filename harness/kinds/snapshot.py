"""The kind ``snapshot``: readers beside writers; whatever is read was true at one moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.exploration.api import explore as explore_schedules
from harness.exploration.result import Exploration
from harness.kinds._script import (
    Done,
    Operation,
    body,
    brief,
    content,
    holds,
    operations,
    predicate,
    reader,
    sequential,
    spread,
)
from harness.model import UsageError, Violation


def snapshot(
    make: Callable[[], Any],
    call: Operation | Sequence[Operation],
    *,
    observe: Operation,
    invariant: Operation,
    threads: int = 10,
    expected: tuple[type[BaseException], ...] = (),
    explore: Callable[..., Exploration] = explore_schedules,
    **options: Any,
) -> Exploration:
    """Read with ``observe`` from half of the threads while the others perform ``call``; judge every value read.

    Fails with ``torn_read`` when ``invariant`` does not hold on a value, or a container that was read changes
    afterwards: then the reader got the live state and no snapshot of it.
    """
    look, rule = reader(observe, "snapshot"), predicate(invariant, "snapshot")
    if look is None or rule is None:
        raise UsageError("snapshot: give observe, what a reader calls, and invariant, what must hold on its value")
    writers = [body(number, one, expected) for number, one in enumerate(operations(call, "snapshot"), 1)]
    read = body(0, look, expected, keep=True)
    script = spread([one for writer in writers for one in (read, writer)], threads, "snapshot")
    known = sequential(make, script, look, "snapshot", options)
    for value in known.raw:
        if problem := holds(rule, value):
            raise UsageError(f"snapshot: the invariant is wrong even when nothing overlaps: {problem}; correct it")

    def check(_: Any, results: Sequence[Done]) -> None:
        for done in results:
            if done.operation or done.error is not None:
                continue
            live, then = done.value
            if problem := holds(rule, then):
                raise Violation("torn_read", f"a reader saw what never was: {problem}")
            if live is not then and content(live) != content(then):
                raise Violation(
                    "torn_read",
                    f"a value changed after it was read, from {brief(then)} to {brief(live)}: return a copy of it",
                )

    return explore(make, script, check, **options)


def fits(target: Any) -> str:
    """Why a target is no case for this kind, or nothing."""
    missing = [name for name in ("call", "observe", "invariant") if not getattr(target, name)]
    return f"{' and '.join(missing)} not given" if missing else ""


def configured(target: Any, explore: Callable[..., Exploration]) -> Exploration:
    """Run the kind on a configured target."""
    return snapshot(
        target.make,
        target.call,
        observe=target.observe,
        invariant=target.invariant,
        threads=target.threads,
        expected=target.expected,
        explore=explore,
        **target.options,
    )
