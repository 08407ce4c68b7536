"""The by-value pickler: it looks into closures, defaults, globals and local classes, and the path leads there."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.probes import probe_pickle
from harness.probes.picklers import flavor
from harness.probes.walk import Walker

pytest.importorskip("cloudpickle")

GLOBAL_LOCK = threading.Lock()


class Service:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.name = "service"

    def task(self) -> Any:
        return lambda: self.name


def by_closure(value: Any) -> Any:
    return lambda: value


def by_default(value: Any) -> Any:
    return lambda held=value: held


def by_keyword_default(value: Any) -> Any:
    def function(*, held: Any = value) -> Any:
        return held

    return function


def by_class(value: Any) -> Any:
    return type("Local", (), {"held": value})


def by_instance(value: Any) -> Any:
    return type("Local", (), {"held": value})()


def by_nested(value: Any) -> Any:
    inner = by_closure([value])
    return lambda: inner


def by_global() -> Any:
    return lambda: GLOBAL_LOCK


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (by_closure, "obj.__closure__[0].cell_contents"),
        (by_default, "obj.__defaults__[0]"),
        (by_keyword_default, "obj.__kwdefaults__['held']"),
        (by_class, "vars(obj)['held']"),
        (by_instance, "vars(type(obj))['held']"),
        (by_nested, "obj.__closure__[0].cell_contents.__closure__[0].cell_contents[0]"),
    ],
)
def test_the_path_evaluates_to_what_was_captured(make: Any, path: str) -> None:
    lock = threading.Lock()
    obj = make(lock)
    report = probe_pickle(obj, pickler="cloudpickle", fixes=False)
    assert [culprit.path for culprit in report.culprits] == [path]
    assert eval(path, {"obj": obj}) is lock


def test_a_global_is_reached_through_the_function() -> None:
    report = probe_pickle(by_global(), pickler="cloudpickle", fixes=False)
    assert [culprit.path for culprit in report.culprits] == ["obj.__globals__['GLOBAL_LOCK']"]
    assert "sends this function by value" in report.culprits[0].trail[-2].why or report.culprits[0].trail


def test_self_in_a_closure_is_named_with_its_attribute() -> None:
    report = probe_pickle(Service().task(), pickler="cloudpickle", start_method="spawn")
    assert report.culprits[0].path == "obj.__closure__[0].cell_contents.lock"
    assert report.fixes[0].title == "obj as a module-level function with explicit arguments"


def test_the_stdlib_pickler_stops_at_the_function_and_says_what_it_captures() -> None:
    report = probe_pickle(Service().task(), pickler="stdlib", fixes=False)
    assert [culprit.path for culprit in report.culprits] == ["obj"]
    assert report.culprits[0].captures == ("self",)


def test_a_closure_over_plain_data_passes_by_value_only() -> None:
    assert probe_pickle(by_closure([1]), pickler="cloudpickle", start_method="spawn").ok
    assert not probe_pickle(by_closure([1]), pickler="process-pool", fixes=False).ok


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([by_closure, by_default, by_class, by_instance, by_nested, lambda x: [x]]), max_size=4))
def test_any_nesting_of_captures(wraps: list[Any]) -> None:
    lock = threading.Lock()
    obj: Any = lock
    for wrap in wraps:
        obj = wrap(obj)
    (failure,) = Walker(flavor("cloudpickle")).walk({"obj": obj}).failures
    assert eval(failure.path, {"obj": obj}) is lock
