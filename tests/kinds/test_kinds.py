"""Every kind fails on a class that is wrong in its way, with the right kind, and passes on the repaired twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import harness
from harness import Exploration, UsageError, Verdict
from harness.kinds import _registry
from tests.kinds import pairs

MODULES = ("tests.kinds.pairs",)


def hammer(make: Any, **more: Any) -> Exploration:
    return harness.hammer(make, "record()", observe="read()", modules=MODULES, **more)


def snapshot(make: Any) -> Exploration:
    return harness.snapshot(make, "record()", observe="read()", invariant="good <= total", threads=4, modules=MODULES)


def live(make: Any) -> Exploration:
    return harness.snapshot(make, "record()", observe="read()", invariant="total >= 0", threads=4, modules=MODULES)


def ids(make: Any) -> Exploration:
    return harness.hammer(make, "take()", modules=MODULES)


def singleton(make: Any) -> Exploration:
    return harness.singleton(make, threads=3, modules=MODULES)


def lazy_init(make: Any) -> Exploration:
    return harness.lazy_init(make, "model()", threads=3, modules=MODULES)


def cache(make: Any) -> Exploration:
    return harness.cache(make, ["get('a')", "get('b')"], made="made", threads=3, modules=MODULES)


def stale(make: Any) -> Exploration:
    return harness.cache(make, "get('a')", update="put('a', 9)", threads=2, modules=MODULES)


def foreign(make: Any) -> Exploration:
    return harness.cache(make, ["get('a')", "get('b')"], threads=2, modules=MODULES)


def lifecycle(make: Any) -> Exploration:
    return harness.lifecycle(make, "send()", stop="close()", observe="closes", modules=MODULES)


CASES: list[tuple[Callable[[Any], Exploration], Any, str, Any]] = [
    (hammer, pairs.Stats, "lost_update", pairs.LockedStats),
    (ids, pairs.Ids, "lost_update", pairs.LockedIds),
    (snapshot, pairs.Stats, "torn_read", pairs.LockedStats),
    (live, pairs.LiveStats, "torn_read", pairs.LockedStats),
    (singleton, pairs.One, "two_instances", pairs.OneLocked),
    (singleton, pairs.InitTwice, "double_init", pairs.InitOnce),
    (singleton, pairs.Half, "half_initialised", pairs.Whole),
    (lazy_init, pairs.Lazy, "double_init", pairs.LazyLocked),
    (lazy_init, pairs.LazyHalf, "half_initialised", pairs.LazyLocked),
    (cache, pairs.Cache, "double_init", pairs.CacheLocked),
    (stale, pairs.CacheStale, "stale_value", pairs.CacheLocked),
    (foreign, pairs.CacheForeign, "foreign_value", pairs.CacheLocked),
    (lifecycle, pairs.ConnectionClosedTwice, "double_close", pairs.ConnectionLocked),
    (lifecycle, pairs.ConnectionUsedAfter, "use_after_stop", pairs.ConnectionLocked),
]
ids_of = [f"{run.__name__}-{broken.__name__}" for run, broken, _, _ in CASES]


@pytest.mark.parametrize(("run", "broken", "kind", "repaired"), CASES, ids=ids_of)
def test_broken_fails_with_its_kind(run: Any, broken: Any, kind: str, repaired: Any) -> None:
    found = run(broken)
    assert found.verdict is Verdict.FAIL, found.reason
    assert found.failure is not None
    assert found.failure.kind == kind, found.failure.message


@pytest.mark.parametrize(("run", "broken", "kind", "repaired"), CASES, ids=ids_of)
def test_repaired_passes(run: Any, broken: Any, kind: str, repaired: Any) -> None:
    found = run(repaired)
    assert found.verdict is Verdict.PASS, found
    assert found.proved == 2, found.reason


def test_each_file_is_a_kind_with_its_public_function() -> None:
    assert {"cache", "hammer", "lazy_init", "lifecycle", "singleton", "snapshot"} <= set(_registry.names())
    for kind in _registry.kinds():
        assert callable(kind.function), kind.name


def test_an_unknown_kind_lists_the_kinds() -> None:
    with pytest.raises(UsageError, match=r"no kind 'hamer'; did you mean hammer\? the kinds are cache, hammer"):
        _registry.kind("hamer")


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: harness.hammer(pairs.Stats, "record("), r"call\[0\]: 'record\(' is no Python expression: .* column"),
        (lambda: harness.hammer(pairs.Stats, "recrd()"), r"Stats has no recrd; did you mean record"),
        (lambda: harness.hammer(pairs.Stats, "record()", modules=MODULES), "nothing to compare: give observe"),
        (
            lambda: harness.snapshot(pairs.Stats, "record()", observe="read()", invariant="total < 0", modules=MODULES),
            "invariant is wrong even when nothing overlaps",
        ),
        (lambda: harness.hammer(pairs.Stats, "record(1)", modules=MODULES), "already wrong when the operations run"),
    ],
)
def test_a_mistake_is_one_clear_line(run: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run()
