"""A process-wide manager that threads share: one instance, one initialisation, no lost count, no torn read.

Every script runs on the repaired reference manager, or on the class that `--target manager=package.module:Class` names,
and must pass. It also runs on the manager as it was released and must fail with its own kind: a script that cannot
fail would prove nothing. A script asks of the class that calling it without arguments gives the shared instance, and
of the instance `infer(text)`, `get_stats()` and the names of the counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from fixtures.inference_manager import racy
from harness import Exploration, Verdict, Violation

pytestmark = pytest.mark.concurrency

LOCKED = "fixtures.inference_manager.locked:InferenceManager"

Manager = Any
Explore = Callable[..., Exploration]


def one_instance(explore: Explore, manager_class: type[Manager]) -> Exploration:
    """Threads that construct the manager at the same time all get the same object."""

    def construct(_: None) -> Manager:
        return manager_class()

    def check(_: None, managers: Sequence[Manager]) -> None:
        distinct = len({id(manager) for manager in managers})
        if distinct > 1:
            raise Violation("two_instances", f"{len(managers)} threads got {distinct} different managers")

    return explore(lambda: None, [construct] * 10, check, modules=(manager_class.__module__,))


def one_initialisation(explore: Explore, manager_class: type[Manager]) -> Exploration:
    """Whoever gets the manager gets it complete, and nothing it holds is made a second time.

    A second initialisation shows from outside: the containers and locks in the instance are other objects than those
    an earlier thread saw there.
    """

    def construct(_: None) -> tuple[Manager, dict[str, Any]]:
        manager = manager_class()
        return manager, dict(vars(manager))

    def check(_: None, seen: Sequence[tuple[Manager, dict[str, Any]]]) -> None:
        for (manager, first), (other, second) in itertools.combinations(seen, 2):
            if manager is not other:
                continue  # the business of one_instance
            if missing := sorted(first.keys() ^ second.keys()):
                raise Violation("double_init", f"a thread got the manager without its {', '.join(missing)}")
            replaced = sorted(name for name in first if _remade(first[name], second[name]))
            if replaced:
                raise Violation(
                    "double_init", f"the manager was initialised twice: it holds another {', '.join(replaced)}"
                )

    return explore(lambda: None, [construct] * 10, check, modules=(manager_class.__module__,))


def _remade(first: object, second: object) -> bool:
    plain = (int, float, complex, str, bytes, tuple, frozenset, type(None))
    return first is not second and not isinstance(first, plain)


def hammer(explore: Explore, manager_class: type[Manager]) -> Exploration:
    """Every inference is counted exactly once, whatever its outcome."""

    def check(manager: Manager, labels: Sequence[str | None]) -> None:
        stats = manager.get_stats()
        refused = labels.count(None)
        counted = {
            "total_inferences": stats["total_inferences"],
            "successful_inferences": stats["successful_inferences"],
            "failed_inferences": stats["failed_inferences"],
            "cache_hits + cache_misses": stats["cache_hits"] + stats["cache_misses"],
        }
        wanted = dict(zip(counted, (len(labels), len(labels) - refused, refused, len(labels)), strict=True))
        for name, value in counted.items():
            if value != wanted[name]:
                raise Violation("lost_update", f"{name} is {value:g} after {wanted[name]} of them")

    # three threads mix the two operations in four ways: the default budget ends before all of them are proved
    return explore(manager_class, [serve, refuse] * 50, check, modules=(manager_class.__module__,), schedules=30_000)


def readers_and_writers(explore: Explore, manager_class: type[Manager]) -> Exploration:
    """Whatever a reader is told was true at one moment, even while inferences are under way."""

    def warm_manager() -> Manager:
        manager = manager_class()
        manager.infer("a good answer")
        return manager

    def read(manager: Manager) -> dict[str, float]:
        stats: dict[str, float] = manager.get_stats()
        return stats

    def check(_: Manager, results: Sequence[dict[str, float] | str]) -> None:
        for stats in results:
            if isinstance(stats, dict) and (problem := _contradiction(stats)):
                raise Violation("torn_read", problem)

    return explore(warm_manager, [read, serve] * 50, check, modules=(manager_class.__module__,))


def _contradiction(stats: dict[str, float]) -> str:
    total, successful, failed = (stats[f"{name}_inferences"] for name in ("total", "successful", "failed"))
    hits, lookups = stats["cache_hits"], stats["cache_hits"] + stats["cache_misses"]
    if successful + failed > total:
        return f"{successful:g} successful and {failed:g} failed inferences of only {total:g}"
    if lookups > total:
        return f"{lookups:g} cache look-ups in only {total:g} inferences"
    if stats["success_rate"] != (successful / total if total else 0):
        return f"success_rate {stats['success_rate']:g} with {successful:g} successful inferences of {total:g}"
    if stats["cache_hit_rate"] != (hits / lookups if lookups else 0):
        return f"cache_hit_rate {stats['cache_hit_rate']:g} with {hits:g} hits in {lookups:g} look-ups"
    return ""


def serve(manager: Manager) -> str:
    label: str = manager.infer("a good answer")
    return label


def refuse(manager: Manager) -> None:
    try:
        manager.infer("")
    except ValueError:
        return
    raise AssertionError("an empty text must be refused")


def test_concurrent_instantiation_gives_one_manager(explore: Explore, target: Callable[[str, str], Any]) -> None:
    one_instance(explore, target("manager", LOCKED))


def test_the_manager_is_initialised_once(explore: Explore, target: Callable[[str, str], Any]) -> None:
    one_initialisation(explore, target("manager", LOCKED))


def test_a_hundred_threads_lose_no_count(explore: Explore, target: Callable[[str, str], Any]) -> None:
    hammer(explore, target("manager", LOCKED))


def test_fifty_readers_see_no_torn_stats_beside_fifty_writers(
    explore: Explore, target: Callable[[str, str], Any]
) -> None:
    readers_and_writers(explore, target("manager", LOCKED))


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (one_instance, "two_instances"),
        (one_initialisation, "double_init"),
        (hammer, "lost_update"),
        (readers_and_writers, "torn_read"),
    ],
)
def test_the_manager_as_released_breaks(explore: Any, script: Callable[..., Exploration], kind: str) -> None:
    found = script(explore.outcome, racy.InferenceManager)
    assert found.verdict is Verdict.FAIL
    assert found.failure is not None
    assert found.failure.kind == kind, found.failure.message
