"""Captures: names, where they are held, and how large what they reach is."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from harness.probes import captures


class Service:
    def __init__(self) -> None:
        self.table = bytearray(1_000_000)
        self.name = "service"

    def work(self, value: int) -> int:
        return value

    def closure(self) -> Any:
        label = "x"
        return lambda: (self.name, label)


class CallMe:
    def __init__(self) -> None:
        self.data = [1, 2, 3]

    def __call__(self) -> None: ...


def plain(value: Any, extra: Any = None) -> Any:
    return value


def names(function: Any) -> list[str]:
    return [capture.name for capture in captures(function)]


def test_a_module_function_captures_nothing() -> None:
    assert captures(plain) == ()
    assert captures(print) == ()
    assert captures(int) == ()


def test_a_bound_method_captures_self_with_all_it_reaches() -> None:
    (capture,) = captures(Service().work)
    assert (capture.name, capture.kind, capture.path) == ("self", "bound method", "fn.__self__")
    assert capture.bytes > 1_000_000
    assert capture.complete


def test_a_closure_names_self_first_and_the_path_evaluates() -> None:
    service = Service()
    function = service.closure()
    found = captures(function)
    assert [capture.name for capture in found] == ["self", "label"]
    assert eval(found[0].path, {"fn": function}) is service


def test_a_partial_of_a_module_function_does_not_capture_self() -> None:
    service = Service()
    assert names(functools.partial(plain, extra=service.name)) == ["extra"]
    assert names(functools.partial(service.work, 1))[0] == "self"


def test_defaults_wrapped_functions_and_callable_objects() -> None:
    table = [1, 2, 3]

    def with_default(value: int, rows: Any = table, *, more: Any = table) -> Any:
        return value, rows, more

    assert sorted(names(with_default)) == ["more", "rows"]
    assert names(CallMe()) == ["self"]

    @functools.lru_cache
    def cached() -> Any:
        return table

    assert names(cached) == ["table"]


def test_a_cycle_is_counted_once() -> None:
    rows: list[Any] = [bytes(1000)]
    rows.append(rows)
    (capture,) = captures(functools.partial(plain, rows))
    assert 1000 < capture.bytes < 2000


def test_what_is_not_callable_is_refused() -> None:
    with pytest.raises(TypeError, match="callable"):
        captures(3)  # type: ignore[arg-type]
