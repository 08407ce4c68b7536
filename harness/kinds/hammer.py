"""The kind ``hammer``: many threads perform operations at once, and nothing of it may be lost."""

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
    fields,
    holds,
    key_of,
    operations,
    predicate,
    reader,
    sequential,
    shown,
    spread,
)
from harness.model import UsageError, Violation


def hammer(
    make: Callable[[], Any],
    call: Operation | Sequence[Operation],
    *,
    observe: Operation | None = None,
    invariant: Operation | None = None,
    exact: Sequence[str] = (),
    threads: int = 10,
    expected: tuple[type[BaseException], ...] = (),
    explore: Callable[..., Exploration] = explore_schedules,
    **options: Any,
) -> Exploration:
    """Perform the operations ``call`` in turn from ``threads`` threads; the outcome must be the sequential one.

    ``observe`` gives what is compared after all threads ended; of its entries those that every sequential order gives
    must come out the same (``exact`` names fewer of them). Results that do not depend on the order must come out the
    same too. ``invariant`` must hold on the observed value. Fails with ``lost_update``.
    Raises :class:`harness.UsageError` where there is nothing to compare.
    """
    bodies = [body(number, one, expected) for number, one in enumerate(operations(call, "hammer"))]
    look, rule = reader(observe, "hammer"), predicate(invariant, "hammer")
    script = spread(bodies, threads, "hammer")
    known = sequential(make, script, look, "hammer", options)
    everyone = tuple(sorted(bodies.index(one) for one in script))
    compared = set(known.expected(everyone)) & set(exact or known.expected(everyone))
    if missing := set(exact) - compared:
        raise UsageError(
            f"hammer: exact names {', '.join(sorted(missing))}, which observe does not give or which depends on the "
            f"order of the calls; what does not: {', '.join(sorted(known.expected(everyone))) or 'nothing'}"
        )
    if not compared and rule is None and not known.expected_results(everyone):
        raise UsageError("hammer: nothing to compare: give observe, an expression whose value counts what was done")

    def check(state: Any, results: Sequence[Done]) -> None:
        key, count = key_of(results), len(results)
        value = look(state) if look is not None else None
        now, wanted = fields(value), known.expected(key)
        for name in sorted(compared & wanted.keys()):
            if name not in now or content(now[name]) != content(wanted[name]):
                raise Violation(
                    "lost_update",
                    f"{name} is {brief(now.get(name))} after {count} operations; "
                    f"one after another they give {brief(wanted[name])}",
                )
        outcomes = known.expected_results(key)
        if outcomes is not None and not exact and (extra := shown(results) - outcomes):
            raise Violation("lost_update", f"no sequential order of the operations gives the result {min(extra)}")
        if rule is not None and look is not None and (problem := holds(rule, value)):
            raise Violation("lost_update", problem)

    return explore(make, script, check, **options)


def fits(target: Any) -> str:
    """Why a target is no case for this kind, or nothing."""
    if not target.call:
        return "call names no operation"
    return "" if target.observe is not None else "observe is not given: there is nothing to compare"


def configured(target: Any, explore: Callable[..., Exploration]) -> Exploration:
    """Run the kind on a configured target."""
    return hammer(
        target.make,
        target.call,
        observe=target.observe,
        invariant=target.invariant,
        exact=target.exact,
        threads=target.threads,
        expected=target.expected,
        explore=explore,
        **target.options,
    )
