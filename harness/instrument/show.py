"""Values as short text for reports, made without running the user's code."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable
from itertools import islice
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from harness.instrument.locations import kinds

MAX_TEXT = 60
MAX_ITEMS = 6
_TEXTUAL = kinds(str, bytes)
_NUMBERS = kinds(int, float, complex, bool, type(None), type(Ellipsis))
_FUNCTIONS = kinds(FunctionType, BuiltinFunctionType)
_MAPPINGS = kinds(dict, OrderedDict, defaultdict)
_BRACKETS: dict[int, tuple[str, str]] = {
    id(list): ("[", "]"),
    id(tuple): ("(", ")"),
    id(set): ("{", "}"),
    id(frozenset): ("frozenset({", "})"),
    id(deque): ("deque([", "])"),
}
_class_name = type.__dict__["__name__"].__get__


def show(value: Any, depth: int = 2) -> str:
    """``value`` as a short text: exact built-in types in full, others as `<ClassName>`."""
    text = _show(value, depth)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."


def _show(value: Any, depth: int) -> str:
    kind = type(value)
    if kind is int and value.bit_length() > 200:
        return "<int>"
    if id(kind) in _NUMBERS:
        return repr(value)
    if id(kind) in _TEXTUAL:
        return repr(value if len(value) <= MAX_TEXT else value[:MAX_TEXT])
    if id(kind) in _FUNCTIONS:
        return f"<function {value.__name__}>"
    if kind is MethodType:
        return f"<method {_name(value.__func__)}>"
    if issubclass(kind, type):
        return f"<class {_class_name(value)}>"
    if kind is ModuleType:
        return "<module>"
    if id(kind) in _BRACKETS:
        return _sequence(value, depth)
    if id(kind) in _MAPPINGS:
        return _mapping(value, depth)
    return f"<{_class_name(kind)}>"


def _name(function: Any) -> str:
    return function.__name__ if type(function) is FunctionType else "?"


def _sequence(value: Any, depth: int) -> str:
    opening, closing = _BRACKETS[id(type(value))]
    return opening + _joined((_show(item, depth - 1) for item in value), len(value), depth) + closing


def _mapping(value: dict[Any, Any], depth: int) -> str:
    pairs = (f"{_show(key, depth - 1)}: {_show(item, depth - 1)}" for key, item in dict.items(value))
    return "{" + _joined(pairs, len(value), depth) + "}"


def _joined(texts: Iterable[str], count: int, depth: int) -> str:
    if count == 0:
        return ""
    if depth <= 0:
        return "..."
    shown = list(islice(texts, MAX_ITEMS))
    return ", ".join(shown) + (", ..." if count > MAX_ITEMS else "")
