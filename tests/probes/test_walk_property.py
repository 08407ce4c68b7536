"""Random object graphs with planted culprits: the reported path, evaluated, is the planted object."""

from __future__ import annotations

import collections
import functools
import threading
import types
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.probes.picklers import flavor
from harness.probes.walk import Walker


@dataclass
class Node:
    left: Any = None
    right: Any = None


class Slotted:
    __slots__ = ("inner",)

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def method(self) -> None: ...


class Custom:
    """Hands its state over in a dictionary of its own."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def __getstate__(self) -> Any:
        return {"held": self.held, "version": 1}


class Reduced:
    def __init__(self, first: Any, second: Any) -> None:
        self.first, self.second = first, second

    def __reduce__(self) -> Any:
        return (Reduced, (self.first, self.second))


def function(*args: Any, **kwargs: Any) -> None: ...


def _error(value: Any) -> Exception:
    return ValueError("planted", value)


def _default(value: Any) -> Any:
    return collections.defaultdict(list, {"key": value})


WRAPS: list[Any] = [
    lambda x: [x, 1], lambda x: (1, x), lambda x: {"key": x}, lambda x: {2: [x], "b": None}, lambda x: {(1, "t"): x},
    Node, Slotted, Custom, lambda x: Reduced(1, x), lambda x: Reduced(x, Node(2)), lambda x: Slotted(x).method,
    lambda x: functools.partial(function, x), lambda x: functools.partial(function, key=x),
    lambda x: types.SimpleNamespace(value=x), lambda x: collections.deque([0, x]),
    lambda x: collections.OrderedDict(a=x), _default, _error, lambda x: {"me": {"you": x}},
]  # fmt: skip

CULPRITS: list[Any] = [
    threading.Lock, threading.RLock, threading.local, lambda: (i for i in [1]), lambda: memoryview(b"x"),
    lambda: lambda: 0,
]  # fmt: skip

leaves = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.sampled_from(CULPRITS).map(lambda make: make()))


def _joined(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.tuples(st.sampled_from(WRAPS), children).map(lambda pair: pair[0](pair[1])),
        st.lists(children, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=2), st.integers(0, 3)), children, max_size=3),
        st.builds(Node, children, children),
    )


graphs = st.recursive(leaves, _joined, max_leaves=12)


def _is_culprit(value: Any) -> bool:
    kinds = (type(threading.Lock()), type(threading.RLock()), threading.local, types.GeneratorType, memoryview)
    return isinstance(value, kinds) or (isinstance(value, types.FunctionType) and value.__name__ == "<lambda>")


def _planted(value: Any, found: dict[int, Any], seen: set[int]) -> None:
    """Collect planted objects by looking, with no pickling machinery."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if _is_culprit(value):
        found[id(value)] = value
        return
    for child in _held(value):
        _planted(child, found, seen)


def _held(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | collections.deque):
        return list(value)
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, types.MethodType):
        return [value.__self__]
    if isinstance(value, BaseException):
        return list(value.args)
    if isinstance(value, Slotted):
        return [value.inner]
    return (
        list(vars(value).values()) if hasattr(value, "__dict__") and not isinstance(value, types.FunctionType) else []
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs)
def test_every_path_evaluates_to_a_planted_object(graph: Any) -> None:
    planted: dict[int, Any] = {}
    _planted(graph, planted, set())
    failures = Walker(flavor("process-pool")).walk({"obj": graph}).failures
    reported = {id(eval(failure.path, {"obj": graph})) for failure in failures}
    assert reported == set(planted)


@settings(max_examples=100, deadline=None)
@given(graphs, st.sampled_from(["stdlib", "process-pool"]))
def test_the_walk_and_the_real_pickler_agree(graph: Any, pickler: str) -> None:
    chosen = flavor(pickler)
    failures = Walker(chosen).walk({"obj": graph}).failures
    try:
        chosen.dumps(graph)
        dumps = True
    except Exception:
        dumps = False
    assert dumps is (not failures)
