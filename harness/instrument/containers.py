"""What the operators of the language touch in containers and other objects. Knows neither code nor frames."""

from __future__ import annotations

from collections import defaultdict, deque
from types import FunctionType
from typing import Any

from harness.instrument.callbacks import completes
from harness.instrument.families import MUTABLE, Family, behind, class_behind, family_of, is_mark, root_of
from harness.instrument.foreign import covered, covered_generator, python_call
from harness.instrument.layouts import layout_of
from harness.instrument.locations import (
    BOTH,
    EXTERNAL,
    NOTHING,
    OUTSIDE,
    READ,
    UNKNOWN,
    UNRESOLVED,
    WHOLE,
    WRITE,
    Touch,
    Touches,
    kinds,
    plain,
)

CO_GENERATOR = 0x20
IN_PLACE = {
    "+=": "__iadd__", "-=": "__isub__", "*=": "__imul__", "/=": "__itruediv__", "//=": "__ifloordiv__",
    "%=": "__imod__",
    "**=": "__ipow__", "@=": "__imatmul__", "&=": "__iand__", "|=": "__ior__", "^=": "__ixor__", "<<=": "__ilshift__",
    ">>=": "__irshift__",
}  # fmt: skip
_EXACT = kinds(dict, list, set, deque, bytearray)
_ITEM_METHODS = {READ: "__getitem__", WRITE: "__setitem__"}


class Lazy:
    """An iterator that has not been made: it will take the elements of ``sources``."""

    __slots__ = ("sources",)

    def __init__(self, *sources: Any) -> None:
        self.sources = sources


def _python(thing: Any, name: str, *args: Any) -> Touches | None:
    """What the special method does if it is Python code, else None."""
    function = layout_of(type(thing)).python_method(name)
    return None if function is None else python_call(function, lambda: (thing, *args))


# -- items


def item_touches(container: Any, key: Any, mode: int, method: str = "") -> Touches:
    """What reading or writing ``container[key]`` touches."""
    kind = type(container)
    if kind is dict:
        return ((container, plain(key), mode),)
    family = family_of(kind)
    if is_mark(container):
        return UNKNOWN if container is UNRESOLVED else OUTSIDE if container is EXTERNAL else NOTHING
    if family in (Family.ATOM, Family.FROZEN, Family.QUIET):
        return NOTHING
    own = _python(container, method or _ITEM_METHODS[mode], key)
    if own is not None:
        return own
    if family is Family.MAPPING:
        return ((container, plain(key), _with_missing(container, key, mode)),)
    if family is Family.SEQUENCE:
        return ((container, _position(container, key, mode, method), mode),)
    if family is Family.BUFFER:
        return ((root_of(container), WHOLE, mode),)
    if family is Family.PROXY:
        return ((class_behind(container), plain(key), mode),)
    if family is Family.CLASS:
        return NOTHING
    if family is Family.OUTSIDE:
        return OUTSIDE
    return ((container, WHOLE, BOTH),)


def _with_missing(container: Any, key: Any, mode: int) -> int:
    """A `defaultdict` is written by reading a key it does not have."""
    if mode != READ or not layout_of(type(container)).builtin(defaultdict):
        return mode
    if plain(key) is not WHOLE and dict.__contains__(container, key):
        return mode
    completes(maker(_default_factory(container)))
    return BOTH


_default_factory = defaultdict.__dict__["default_factory"].__get__


def maker(factory: Any) -> Any:
    """The Python function that ends last when ``factory`` is called."""
    return layout_of(factory).python_method("__init__") if issubclass(type(factory), type) else factory


def _position(container: Any, key: Any, mode: int, method: str) -> Any:
    if type(key) is not int or method == "__delitem__":
        return WHOLE
    if key >= 0:
        return key
    length, holder = layout_of(type(container)).method("__len__")
    return WHOLE if holder is None or type(length) is FunctionType else key + length(container)


def contains_touches(item: Any, container: Any) -> Touches:
    """What ``item in container`` touches."""
    if type(container) is dict:
        return ((container, plain(item), READ),)
    if is_mark(container):
        return NOTHING
    family = family_of(type(container))
    own = _python(container, "__contains__", item)
    if own is not None:
        return own
    if family in (Family.MAPPING, Family.SET):
        return ((container, plain(item), READ),)
    if family is Family.VIEW:
        key = plain(item) if type(container) is type({}.keys()) else WHOLE
        return tuple((mapping, key, READ) for mapping in behind(container))
    if family is Family.PROXY:
        return ((class_behind(container), plain(item), READ),)
    return consume(container)


# -- whole objects


def read_whole(thing: Any, *methods: str) -> Touches:
    """What looking at ``thing`` as a whole touches; ``methods`` are the special methods that may do it."""
    kind = type(thing)
    if id(kind) in _EXACT:
        return ((thing, WHOLE, READ),)
    family = family_of(kind)
    if family in (Family.ATOM, Family.QUIET) or kind is Lazy:
        return NOTHING
    for method in methods:
        own = _python(thing, method)
        if own is not None:
            return own
    if family in (Family.MAPPING, Family.SEQUENCE, Family.SET):
        return ((thing, WHOLE, READ),)
    if family is Family.BUFFER:
        return ((root_of(thing), WHOLE, READ),)
    if family is Family.VIEW:
        return tuple((mapping, WHOLE, READ) for mapping in behind(thing))
    if family is Family.PROXY:
        return ((class_behind(thing), WHOLE, READ),)
    return NOTHING


def read_deep(thing: Any, *methods: str, levels: int = 3) -> Touches:
    """`read_whole` of a container and of the first containers in it: comparing and formatting go inside."""
    touches = read_whole(thing, *methods)
    family = family_of(type(thing))
    if levels and family in (Family.MAPPING, Family.SEQUENCE, Family.SET, Family.FROZEN):
        for inner in _first_elements(thing, family):
            if id(type(inner)) not in _FLAT:
                touches += read_deep(inner, *methods, levels=levels - 1)
    return touches


_FLAT = frozenset(map(id, (int, float, str, bytes, bool, type(None))))
_FIRST = 32


def _first_elements(thing: Any, family: Family) -> list[Any]:
    if family is Family.MAPPING:
        values = dict.values(thing)
        return [value for value, _ in zip(values, range(_FIRST), strict=False)]
    for base in (list, tuple, set, frozenset):
        if layout_of(type(thing)).builtin(base):
            return [value for value, _ in zip(base.__iter__(thing), range(_FIRST), strict=False)]
    return []


# -- iteration


def iterate(thing: Any) -> Touches:
    """What `iter(thing)` touches: Python's `__iter__` has its own yield points."""
    if id(type(thing)) in _EXACT:
        return ((thing, WHOLE, READ),)
    if is_mark(thing) or type(thing) is Lazy:
        return NOTHING
    own = _python(thing, "__iter__")
    return own if own is not None else read_whole(thing)


def consume(thing: Any, levels: int = 6) -> Touches:
    """What taking elements of ``thing`` touches."""
    kind = type(thing)
    if id(kind) in _EXACT:
        return ((thing, WHOLE, READ),)
    if kind is Lazy:
        if len(thing.sources) == 1:
            return consume(thing.sources[0], levels - 1)
        return tuple(touch for source in thing.sources for touch in consume(source, levels - 1))
    if thing is UNRESOLVED or levels < 0:
        return UNKNOWN
    if thing is EXTERNAL:
        return OUTSIDE
    family = family_of(kind)
    if family in (Family.ATOM, Family.FROZEN, Family.QUIET):
        return NOTHING
    if family is Family.GENERATOR:
        return ((thing, WHOLE, BOTH),) if covered_generator(thing) else UNKNOWN
    if family is Family.ITERATOR:
        return advance(thing, levels)
    if family is Family.OUTSIDE:
        return OUTSIDE
    function = layout_of(kind).python_method("__iter__")
    if function is not None:
        return _python_iteration(thing, function)
    if family in (Family.OBJECT, Family.CLASS):
        return NOTHING if layout_of(kind).method("__iter__")[1] is None else UNKNOWN
    return read_whole(thing)


def _python_iteration(thing: Any, function: FunctionType) -> Touches:
    """A class with `__iter__` in Python: what it returns is known to be instrumented only for two shapes."""
    code = function.__code__
    if not covered(code):
        return python_call(function, lambda: (thing,))
    if code.co_flags & CO_GENERATOR or layout_of(type(thing)).python_method("__next__") is not None:
        return NOTHING
    return UNKNOWN


def advance(iterator: Any, levels: int = 6) -> Touches:
    """What `next(iterator)` touches."""
    kind = type(iterator)
    if is_mark(iterator) or kind is Lazy:
        return consume(iterator)
    family = family_of(kind)
    if family is not Family.ITERATOR:
        if family is Family.OBJECT:
            own = _python(iterator, "__next__")
            return own if own is not None else NOTHING
        return consume(iterator, levels)
    touches: list[Touch] = [(iterator, WHOLE, BOTH)]
    for source in behind(iterator):
        if source is not iterator:
            touches.extend(consume(source, levels - 1))
    return tuple(touches)


# -- operators


def binary_touches(operator: str, left: Any, right: Any) -> Touches:
    """What ``left operator right`` touches."""
    kind = type(left)
    if id(kind) in _FLAT and id(type(right)) in _FLAT:
        return NOTHING
    method = IN_PLACE.get(operator)
    if method is not None and family_of(kind) in MUTABLE:
        own = _python(left, method, right)
        if own is None:
            own = ((root_of(left), WHOLE, BOTH),)
        return own + (NOTHING if is_mark(right) else consume(right))
    return read_whole(left) + read_whole(right)
