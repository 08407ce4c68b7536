"""The kind ``lazy_init``: what is made at first use is made once, and nobody gets it unfinished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.exploration.api import explore as explore_schedules
from harness.exploration.result import Exploration
from harness.kinds._once import handed, judge_once
from harness.kinds._script import Done, Operation, body, brief, content, operations, sequential, spread
from harness.model import UsageError, Violation


def lazy_init(
    make: Callable[[], Any],
    call: Operation | Sequence[Operation],
    *,
    threads: int = 10,
    explore: Callable[..., Exploration] = explore_schedules,
    **options: Any,
) -> Exploration:
    """Ask a fresh object for what it makes at first use, from ``threads`` threads at once.

    Each operation must give all threads the same object, complete. Fails with ``double_init`` or
    ``half_initialised`` (also for None, or a plain value that no sequential run gives).
    """
    asked = operations(call, "lazy_init")

    def asking(one: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def ask(target: Any) -> Any:
            return handed(one(target))

        ask.__name__ = getattr(one, "__name__", "ask")
        return ask

    script = spread([body(number, asking(one)) for number, one in enumerate(asked)], threads, "lazy_init")
    known = sequential(make, script, None, "lazy_init", options)
    for number, values in known.values.items():
        if any(thing is None for thing, _ in values):
            raise UsageError(f"lazy_init: call[{number}] gives None even alone; name what returns the object")

    def check(_: Any, results: Sequence[Done]) -> None:
        for number, values in known.values.items():
            seen = [done.value for done in results if done.operation == number]
            wanted = content(values[0][0])
            for thing, _ in seen:
                if thing is None or (wanted is not None and content(thing) != wanted):
                    raise Violation("half_initialised", f"a thread got {brief(thing)} instead of {brief(values[0][0])}")
            if wanted is None and seen:
                judge_once(seen, values[0][1], "double_init")

    return explore(make, script, check, **options)


def fits(target: Any) -> str:
    """Why a target is no case for this kind, or nothing."""
    return "" if target.lazy else "lazy names no operation that makes its value at first use"


def configured(target: Any, explore: Callable[..., Exploration]) -> Exploration:
    """Run the kind on a configured target."""
    return lazy_init(
        target.make, target.lazy or target.call, threads=target.threads, explore=explore, **target.options
    )
