"""Walks what target modules and the state of a scenario hold, through exact look-ups that run no user code."""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from types import CellType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

from harness.runtime.locks import Lock

LIMIT = 20_000
ATOMS = (str, bytes, int, float, complex, bool, type(None), type(Ellipsis), range, slice)
INFRASTRUCTURE = frozenset(
    {"_pytest", "pytest", "pluggy", "harness", "hypothesis", "xdist", "execnet", "coverage", "logging"}
)
Setter = Callable[[Any], None]


def instance_dict(thing: Any) -> dict[str, Any] | None:
    """The instance dictionary without running a user's ``__getattribute__``, or None."""
    if issubclass(type(thing), type):
        return None
    try:
        found = object.__getattribute__(thing, "__dict__")
    except Exception:
        return None
    return found if type(found) is dict else None


def slots_of(thing: Any) -> Iterator[tuple[Any, Any]]:
    """The slot descriptors of ``thing`` that hold a value, with the value."""
    for base in type(thing).__mro__:
        names = base.__dict__.get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if name.startswith("__") and not name.endswith("__"):
                name = f"_{base.__name__.lstrip('_')}{name}"
            descriptor = base.__dict__.get(name)
            if type(descriptor) is MemberDescriptorType:
                try:
                    yield descriptor, descriptor.__get__(thing)
                except AttributeError:
                    continue


def _set_slot(descriptor: Any, thing: Any) -> Setter:
    return lambda value: descriptor.__set__(thing, value)


def _set_item(container: Any, key: Any) -> Setter:
    kind = dict if issubclass(type(container), dict) else list
    return lambda value: kind.__setitem__(container, key, value)


def _set_class(cls: type, name: str) -> Setter:
    return lambda value: type.__setattr__(cls, name, value)


def _set_cell(cell: CellType) -> Setter:
    def put(value: Any) -> None:
        cell.cell_contents = value

    return put


def children(thing: Any, covers: Callable[[Any], bool]) -> Iterator[tuple[Any, Setter | None]]:
    """What ``thing`` holds, each with a way to replace it (None where there is none).

    ``covers`` tells whether a class, function or module belongs to the target; those of others are not entered.
    """
    kind = type(thing)
    if issubclass(kind, dict):
        for key, value in list(dict.items(thing)):
            yield value, _set_item(thing, key)
    elif issubclass(kind, list):
        for position, value in enumerate(list.__iter__(thing)):
            yield value, _set_item(thing, position)
    elif issubclass(kind, (tuple, set, frozenset, deque)):
        base = next(b for b in (tuple, set, frozenset, deque) if issubclass(kind, b))
        for value in list(base.__iter__(thing)):
            yield value, None
    elif kind is MethodType:
        yield thing.__self__, None
        yield thing.__func__, None
    elif kind is functools.partial:
        yield thing.func, None
        yield thing.args, None
        yield thing.keywords, None
    elif kind is FunctionType:
        yield from _function(thing, covers)
    elif issubclass(kind, type):
        if covers(thing):
            for name, value in list(type.__getattribute__(thing, "__dict__").items()):
                if name not in ("__dict__", "__weakref__", "__doc__", "__module__", "__mro__"):
                    yield value, _set_class(thing, name)
        return
    elif kind in (staticmethod, classmethod, property):
        for name in ("__func__", "fget", "fset", "fdel"):
            inner = getattr(thing, name, None)
            if inner is not None:
                yield inner, None
        return
    if kind is not FunctionType or covers(thing):
        inner = instance_dict(thing)
        if inner:
            for key, value in list(inner.items()):
                if key not in ("__builtins__", "_harness_task"):
                    yield value, _set_item(inner, key)
    for descriptor, value in slots_of(thing):
        yield value, _set_slot(descriptor, thing)


def _function(thing: FunctionType, covers: Callable[[Any], bool]) -> Iterator[tuple[Any, Setter | None]]:
    wrapped = thing.__dict__.get("__wrapped__")
    if wrapped is not None:
        yield wrapped, None
    if not covers(thing):
        return
    for cell in thing.__closure__ or ():
        try:
            yield cell.cell_contents, _set_cell(cell)
        except ValueError:
            continue
    defaults = thing.__defaults__ or ()
    for position, value in enumerate(defaults):

        def put(new: Any, position: int = position) -> None:
            changed = list(thing.__defaults__ or ())
            changed[position] = new
            thing.__defaults__ = tuple(changed)

        yield value, put
    for name, value in (thing.__kwdefaults__ or {}).items():
        yield value, _set_item(thing.__kwdefaults__, name)


def _infrastructure(kind: type) -> bool:
    """Whether the objects of a class belong to the test run or to logging, not to the target's state."""
    module = kind.__dict__.get("__module__")
    return type(module) is str and module.partition(".")[0] in INFRASTRUCTURE


def walk(
    roots: list[Any], covers: Callable[[Any], bool], limit: int = LIMIT
) -> Iterator[tuple[Any, Setter | None]]:
    """Every object reachable from ``roots`` with a way to replace it; each object is entered once."""
    seen: dict[int, Any] = {}
    pending: deque[tuple[Any, Setter | None]] = deque((root, None) for root in roots)
    while pending:
        thing, put = pending.popleft()
        if type(thing) in ATOMS:
            continue
        yield thing, put
        if id(thing) in seen:
            continue
        if len(seen) >= limit:
            return
        seen[id(thing)] = thing
        if isinstance(thing, ModuleType) and not (type(thing) is ModuleType and covers(thing)):
            continue
        if type(thing) in (threading.Thread, Lock) or _infrastructure(type(thing)):
            continue
        pending.extend(children(thing, covers))
