"""The walk: paths through every holder, size, depth, cycles, and hooks that misbehave."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from harness.probes import probe_pickle
from harness.probes.paths import join
from harness.probes.picklers import PicklerUnavailable, available, flavor
from harness.probes.walk import Stuck, Walker
from tests.probes.corpus.own.containers import Both, Cyclic, Settings
from tests.probes.corpus.own.resources import Exiting, Hanging, Killing, deep


def paths(obj: object, pickler: str = "process-pool") -> list[str]:
    return [failure.path for failure in Walker(flavor(pickler)).walk({"obj": obj}).failures]


def test_all_culprits_in_one_pass() -> None:
    found = paths({"a": Both(), "b": [Settings("x"), threading.Lock()]})
    assert sorted(found) == ["obj['a'].extra", "obj['a'].guard", "obj['b'][0].lock", "obj['b'][1]"]


def test_a_fine_object_has_none() -> None:
    assert paths({"a": [1, (2, {3})], "b": print, "c": Settings}) == []


def test_a_cycle_is_walked_once() -> None:
    assert paths(Cyclic()) == ["obj.lock"]


def test_a_call_that_is_forced_is_not_made() -> None:
    walked = Walker(flavor("stdlib"), forced={1: "does not return"}).walk({"obj": Hanging()})
    assert isinstance(walked.failures[0].error, Stuck)


def test_a_million_nodes_are_walked_and_told_while_walking() -> None:
    data = [{"id": number, "tags": ["a", "b"], "at": (number, None)} for number in range(92_000)]
    seen: list[int] = []
    report = probe_pickle({"rows": data, "lock": threading.Lock()}, progress=seen.append, fixes=False)
    assert [culprit.path for culprit in report.culprits] == ["obj['lock']"]
    assert report.nodes >= 1_000_000
    assert seen == sorted(seen)
    assert seen


def test_a_deep_list_is_diagnosed_and_harms_nothing() -> None:
    report = probe_pickle(deep(100_000), fixes=False)
    assert "nested 100001 levels deep" in report.culprits[0].error
    assert "RecursionError" in report.culprits[0].error


def test_a_culprit_at_the_bottom_of_a_deep_list() -> None:
    nested: Any = threading.Lock()
    for _ in range(100_000):
        nested = [nested]
    report = probe_pickle(nested, fixes=False)
    assert report.culprits[0].path == "obj" + "[0]" * 100_000
    assert len(str(report)) < 20_000


@pytest.mark.parametrize(
    ("kind", "sign"), [(Hanging, "does not return within"), (Killing, "exit status 4"), (Exiting, "SystemExit")]
)
def test_a_hook_that_hangs_or_exits_is_reported_with_the_others(kind: type, sign: str) -> None:
    report = probe_pickle([Settings("a"), {"bad": kind()}, Settings("b")], timeout=0.5, fixes=False)
    assert [culprit.path for culprit in report.culprits] == ["obj[0].lock", "obj[1]['bad']", "obj[2].lock"]
    assert sign in report.culprits[1].error


class Loud:
    def __repr__(self) -> str:
        time.sleep(1e6)
        return ""


def test_a_repr_that_hangs_costs_the_repr_only() -> None:
    report = probe_pickle({"a": Loud(), "b": threading.Lock()}, timeout=0.5, fixes=False)
    assert [culprit.path for culprit in report.culprits] == ["obj['b']"]


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([("attr", "a"), ("item", 0), ("item", "x")], "obj.a[0]['x']"),
        ([("attr", "a"), ("wrap", "list({})[2]"), ("attr", "b")], "list(obj.a)[2].b"),
        ([("wrap", "type({})"), ("wrap", "vars({})['x']")], "vars(type(obj))['x']"),
    ],
)
def test_paths_are_expressions(edges: list[tuple[str, Any]], expected: str) -> None:
    assert join("obj", edges) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"pickler": "marshal"},
        {"start_method": "teleport"},
        {"timeout": 0},
        {"tasks": 0},
        {"max_bytes": 0},
        {"name": "not a name"},
    ],
)
def test_bad_options_give_one_clear_line(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^.+$") as caught:
        probe_pickle(1, **options)
    assert "\n" not in str(caught.value)


def test_every_pickler_that_is_here_agrees_on_a_lock() -> None:
    for pickler in available():
        assert paths(Settings("a"), pickler.name) == ["obj.lock"]


def test_a_pickler_that_is_not_here_says_what_it_needs() -> None:
    if any(pickler.name == "interpreter" for pickler in available()):
        pytest.skip("this Python has interpreters")
    with pytest.raises(PicklerUnavailable, match=r"3\.14"):
        flavor("interpreter")
