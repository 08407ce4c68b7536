"""The kind ``singleton``: one instance, initialised once, never seen half-initialised."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from harness.exploration.api import explore as explore_schedules
from harness.exploration.result import Exploration
from harness.kinds._once import handed, judge_once
from harness.kinds._script import Done, body, sequential, spread
from harness.model import UsageError


def singleton(
    make: Callable[[], Any],
    *,
    threads: int = 10,
    explore: Callable[..., Exploration] = explore_schedules,
    **options: Any,
) -> Exploration:
    """Construct from ``threads`` threads at once: all must get the same, complete object, initialised once.

    Fails with ``two_instances``, ``double_init`` (a container or lock in it was replaced) or ``half_initialised``.
    """

    def construct(_: None) -> Any:
        return handed(make())

    construct.__name__ = getattr(make, "__name__", "make")
    script = spread([body(0, construct)], threads, "singleton")
    alone: list[dict[str, Any]] = []
    known = sequential(lambda: None, script, None, "singleton", options)
    alone += [then for thing, then in known.values[0]]
    if any(thing is None for thing, _ in known.values[0]):
        raise UsageError("singleton: make returned None; it must return the instance")

    def check(_: None, results: Sequence[Done]) -> None:
        judge_once([done.value for done in results], alone[0], "two_instances")

    return explore(lambda: None, script, check, **options)


def fits(target: Any) -> str:
    """Why a target is no case for this kind, or nothing."""
    made = target.maker
    if isinstance(made, ModuleType):
        return "the target is a module, of which there is one anyway"
    if isinstance(made, type) and not (inspect.isfunction(made.__new__) or inspect.isfunction(type(made).__call__)):
        return f"{made.__name__}() makes a new object each time: it has neither __new__ nor a metaclass"
    return ""


def configured(target: Any, explore: Callable[..., Exploration]) -> Exploration:
    """Run the kind on a configured target."""
    return singleton(target.fresh, threads=target.threads, explore=explore, **target.options)
