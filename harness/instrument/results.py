"""What a call or a look-up gave, where that is known without doing it again. Knows no expressions."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from types import BuiltinFunctionType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

from harness.instrument.containers import CO_GENERATOR, Lazy
from harness.instrument.families import Family, family_of, is_mark
from harness.instrument.foreign import actual, covered, is_ours
from harness.instrument.layouts import instance_dict, layout_of
from harness.instrument.locations import EXTERNAL, FRESH, UNRESOLVED, WHOLE, Computed, Unresolved, plain
from harness.instrument.lookups import value_of

_GETTERS: tuple[type, ...] = (dict, list, tuple)


def item_value(container: Any, key: Any) -> Any:
    """``container[key]`` of a built-in container whose look-up runs no Python code."""
    kind = type(container)
    if kind is not dict and kind is not list and kind is not tuple:
        if container is FRESH:
            raise Unresolved
        layout = layout_of(kind)
        method = layout.python_method("__getitem__")
        if method is not None:
            raise Computed(method)
        kind = next((base for base in _GETTERS if layout.builtin(base)), kind)
    if kind is dict:
        if plain(key) is WHOLE or not dict.__contains__(container, key):
            raise Unresolved
        return dict.__getitem__(container, key)
    if (kind is list or kind is tuple) and type(key) is int:
        return kind.__getitem__(container, key)
    if type(key) is slice and (kind is list or kind is tuple):
        return FRESH
    if family_of(kind) is Family.BUFFER:
        return _part_of_buffer(container, key)
    raise Unresolved


def _part_of_buffer(buffer: Any, key: Any) -> Any:
    """A scalar, or a view that stands for the memory it shares with the buffer: the buffer itself."""
    dimensions, holder = layout_of(type(buffer)).method("ndim")
    indices = key if type(key) is tuple else (key,)
    if holder is None or any(type(index) is not int for index in indices):
        return buffer
    return buffer if dimensions.__get__(buffer) > len(indices) else FRESH


def result_of(function: Any, args: Callable[[], tuple[Any, ...]], positional: int, frame: FrameType) -> Any:
    """What a call returned, if that is known without making it."""
    kind = type(function)
    if kind is FunctionType or kind is MethodType:
        inner = actual(function if kind is FunctionType else function.__func__)
        if type(inner) is not FunctionType:
            raise Unresolved
        if inner.__code__.co_flags & CO_GENERATOR and covered(inner.__code__):
            return FRESH
        if inner.__name__ == "submit" and is_ours(inner.__code__):
            return FRESH
        raise Computed(inner)
    if kind is BuiltinFunctionType and type(function.__self__) is not ModuleType:
        return _of_method(function.__self__, function.__name__, args)
    if kind is not BuiltinFunctionType and kind is not type:
        return _of_instance(function)
    known = _RESULTS.get(id(function))
    if known is None:
        return _of_class(function) if kind is type else _none(function)
    return known if known is FRESH else known(args(), positional, frame)


def gives_new_object(name: str) -> bool:
    """Whether the built-in function of this name gives what nobody else has; a guess made before anything runs."""
    return _RESULTS.get(id(getattr(builtins, name, None))) is FRESH


def _none(function: Any) -> Any:
    raise Unresolved


def _of_class(cls: type) -> Any:
    """A new object; one of the target's own classes may be known to others by the time it is there."""
    layout = layout_of(cls)
    for name in ("__init__", "__new__"):
        method, _ = layout.method(name)
        function = method.__func__ if type(method) is staticmethod else method
        if type(function) is FunctionType:
            if is_ours(function.__code__):
                return FRESH
            raise Computed(function)
    family = family_of(cls)
    if family is Family.OUTSIDE:
        return EXTERNAL
    if family is Family.OBJECT and not layout.builtin(BaseException):
        raise Unresolved
    return FRESH


def _of_instance(callee: Any) -> Any:
    layout = layout_of(type(callee))
    if layout.is_type:
        return _of_class(callee) if layout.python_method("__call__") is None else _none(callee)
    method = layout.python_method("__call__")
    if method is None:
        raise Unresolved
    raise Computed(method)


def _of_method(thing: Any, name: str, args: Callable[[], tuple[Any, ...]]) -> Any:
    if is_mark(thing):
        return FRESH
    family = family_of(type(thing))
    if family is Family.ATOM:
        return FRESH
    if family is Family.OUTSIDE:
        return EXTERNAL
    if name in ("copy", "index", "count", "join", "split", "union", "difference", "intersection", "append", "add"):
        return FRESH
    if family is Family.MAPPING:
        if name in ("keys", "values", "items"):
            return Lazy(thing)
        if name in ("get", "setdefault"):
            given = args()
            return item_value(thing, given[0] if given else UNRESOLVED)
    if name == "__getitem__":
        given = args()
        return item_value(thing, given[0] if given else UNRESOLVED)
    raise Unresolved


_Result = Callable[[tuple[Any, ...], int, FrameType], Any]


def _lazy(args: tuple[Any, ...], positional: int, frame: FrameType) -> Any:
    return Lazy(*args[:positional]) if positional >= 0 else Lazy(UNRESOLVED)


def _lazy_second(args: tuple[Any, ...], positional: int, frame: FrameType) -> Any:
    return Lazy(*args[1:]) if positional >= 0 else Lazy(UNRESOLVED)


def _vars(args: tuple[Any, ...], positional: int, frame: FrameType) -> Any:
    if len(args) != 1 or is_mark(args[0]):
        raise Unresolved
    if layout_of(type(args[0])).is_type:
        return value_of(args[0], "__dict__")
    found = instance_dict(args[0])
    if found is None:
        raise Unresolved
    return found


def _type(args: tuple[Any, ...], positional: int, frame: FrameType) -> Any:
    if len(args) != 1 or is_mark(args[0]) or type(args[0]) is Lazy:
        raise Unresolved
    return type(args[0])


def _getattr(args: tuple[Any, ...], positional: int, frame: FrameType) -> Any:
    if len(args) < 2 or is_mark(args[0]) or type(args[1]) is not str:
        raise Unresolved
    return value_of(args[0], args[1])


def _external(args: tuple[Any, ...], positional: int, frame: FrameType) -> Any:
    return EXTERNAL


def _extreme(extreme: Callable[..., Any], args: tuple[Any, ...], positional: int) -> Any:
    """Of plain integers or of strings; a computation that cannot run a user's comparison."""
    if positional < 2 or positional != len(args) or len({id(type(arg)) for arg in args}) != 1:
        raise Unresolved
    if type(args[0]) is not int and type(args[0]) is not str:
        raise Unresolved
    return extreme(args)


def _globals(args: tuple[Any, ...], positional: int, frame: FrameType) -> Any:
    return frame.f_globals


def _register() -> dict[int, Any]:
    fresh = (
        "len", "int", "float", "bool", "str", "bytes", "repr", "hash", "id", "isinstance", "issubclass", "callable",
        "hasattr", "sorted", "list", "tuple", "set", "dict", "frozenset", "range", "abs", "round", "ord", "chr", "hex",
        "bin", "oct", "format", "any", "all", "divmod", "slice", "complex", "bytearray", "ascii", "print", "locals",
        "object",
    )  # fmt: skip
    table: dict[int, Any] = {id(getattr(builtins, name)): FRESH for name in fresh}
    for name in ("enumerate", "zip", "reversed", "iter"):
        table[id(getattr(builtins, name))] = _lazy
    for name in ("map", "filter"):
        table[id(getattr(builtins, name))] = _lazy_second
    table[id(open)] = _external
    table[id(min)] = lambda args, positional, frame: _extreme(min, args, positional)
    table[id(max)] = lambda args, positional, frame: _extreme(max, args, positional)
    table |= {id(vars): _vars, id(type): _type, id(getattr): _getattr, id(globals): _globals}
    return table


_RESULTS = _register()
