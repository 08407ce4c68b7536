"""What a callable captures: names in its closure, defaults, partial arguments and ``self``, and how large they are.

No pickling: the answer is the same for a thread pool, where a captured object is shared and kept alive instead.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.probes.edges import ATOMS, instance_attributes
from harness.probes.state import is_a, type_name

_LIMIT = 200_000
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement
_SHARED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType)


@dataclass(frozen=True, slots=True)
class Capture:
    """A name that a callable holds on to: where, of which type, and the bytes of all that it reaches."""

    name: str
    kind: str
    path: str
    type: str
    bytes: int
    complete: bool = True

    def __str__(self) -> str:
        at_least = "" if self.complete else "at least "
        return f"{self.name} ({self.kind} {self.path}, {self.type}, {at_least}{self.bytes} bytes)"


def captures(function: Callable[..., Any], name: str = "fn") -> tuple[Capture, ...]:
    """Return what ``function`` captures, ``self`` first, then by size.

    Args:
        function: any callable: a function, lambda, bound method, partial or object with ``__call__``.
        name: what the paths start with.

    Raises:
        TypeError: ``function`` is not callable.
    """
    if not callable(function):
        raise TypeError(f"captures() needs a callable, not {type(function).__name__}")
    found = [_measured(*item) for item in _held_by(function, name)]
    return tuple(sorted(found, key=lambda capture: (capture.name != "self", -capture.bytes, capture.path)))


def _measured(name: str, kind: str, path: str, value: Any) -> Capture:
    size, complete = reach(value)
    return Capture(name, kind, path, type_name(value), size, complete)


def captured_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names only, without measuring."""
    return tuple(dict.fromkeys(name for name, _, _, _ in _held_by(function, "fn")))


def _held_by(function: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str, str, Any]]:
    if depth > 8:
        return
    if is_a(function, types.MethodType):
        yield "self", "bound method", f"{path}.__self__", function.__self__
        yield from _held_by(function.__func__, f"{path}.__func__", depth + 1)
    elif is_a(function, functools.partial):
        yield from _held_by(function.func, f"{path}.func", depth + 1)
        for index, value in enumerate(function.args):
            yield from _argument(f"args[{index}]", f"{path}.args[{index}]", value, depth)
        for word, value in function.keywords.items():
            yield from _argument(word, f"{path}.keywords[{word!r}]", value, depth)
    elif is_a(function, types.FunctionType):
        yield from _function_holds(function, path, depth)
    elif not is_a(function, types.BuiltinFunctionType | type):
        wrapped = getattr(function, "__wrapped__", None)
        if is_a(wrapped, types.FunctionType):
            yield from _held_by(wrapped, f"{path}.__wrapped__", depth + 1)
        else:
            yield "self", "callable object", path, function


def _argument(name: str, path: str, value: Any, depth: int) -> Iterator[tuple[str, str, str, Any]]:
    yield name, "partial argument", path, value
    if is_a(value, types.FunctionType | types.MethodType | functools.partial):
        yield from _held_by(value, path, depth + 1)


def _function_holds(function: types.FunctionType, path: str, depth: int) -> Iterator[tuple[str, str, str, Any]]:
    for index, cell in enumerate(function.__closure__ or ()):
        try:
            value = cell.cell_contents
        except ValueError:  # not bound yet
            continue
        inner = f"{path}.__closure__[{index}].cell_contents"
        yield function.__code__.co_freevars[index], "closure", inner, value
        if is_a(value, types.FunctionType | types.MethodType | functools.partial):
            yield from _held_by(value, inner, depth + 1)
    for index, value in enumerate(function.__defaults__ or ()):
        if type(value) not in ATOMS:
            names = function.__code__.co_varnames[: function.__code__.co_argcount]
            parameter = names[len(names) - len(function.__defaults__ or ()) + index]
            yield parameter, "default", f"{path}.__defaults__[{index}]", value
    for word, value in (function.__kwdefaults__ or {}).items():
        if type(value) not in ATOMS:
            yield word, "default", f"{path}.__kwdefaults__[{word!r}]", value


def reach(root: Any, limit: int = _LIMIT) -> tuple[int, bool]:
    """Return the bytes of everything reachable from ``root``, and whether the count is complete.

    Modules, classes and functions are shared by everyone and not counted.
    """
    seen: set[int] = set()
    pending = [root]
    held = []
    total = 0
    while pending:
        value = pending.pop()
        if id(value) in seen or is_a(value, _SHARED):
            continue
        if len(seen) >= limit:
            return total, False
        seen.add(id(value))
        held.append(value)
        total += _own_size(value)
        if type(value) not in ATOMS:
            pending.extend(_children(value))
    return total, True


def _own_size(value: Any) -> int:
    """Return the bytes of one object, asked of its innermost C type: a ``__sizeof__`` in Python is the user's code."""
    base = next(cls for cls in type(value).__mro__ if not cls.__flags__ & _HEAP_TYPE)
    measure: Any = base.__sizeof__
    size: int = measure(value)
    data = getattr(value, "nbytes", None) if base is type(value) and hasattr(base, "nbytes") else None
    return max(size, data) if isinstance(data, int) else size


def _children(value: Any) -> Iterator[Any]:
    if is_a(value, dict):
        yield from dict.keys(value)
        yield from dict.values(value)
    elif is_a(value, list | tuple | set | frozenset):
        yield from value
    for _, _, item in instance_attributes(value):
        yield item
