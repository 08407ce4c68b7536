"""What the built-in methods of built-in objects touch. Knows neither code nor frames."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from types import MethodDescriptorType
from typing import Any

from harness.instrument.attributes import load_touches, plain_store_touches
from harness.instrument.containers import (
    advance,
    consume,
    contains_touches,
    item_touches,
    read_deep,
    read_whole,
)
from harness.instrument.families import Family, family_of, is_mark, root_of
from harness.instrument.foreign import reachable
from harness.instrument.layouts import layout_of
from harness.instrument.locations import (
    BOTH,
    NOTHING,
    OUTSIDE,
    READ,
    UNKNOWN,
    WHOLE,
    WRITE,
    Touches,
    plain,
)

Args = tuple[Any, ...]
KEY_MODES: dict[Family, dict[str, int]] = {
    Family.MAPPING: {
        "get": READ, "__getitem__": READ, "__contains__": READ, "pop": BOTH, "setdefault": BOTH, "__setitem__": WRITE,
        "__delitem__": WRITE, "has_key": READ,
    },
    Family.SET: {"add": WRITE, "discard": WRITE, "remove": BOTH, "__contains__": READ},
    Family.SEQUENCE: {"__getitem__": READ, "__setitem__": WRITE},
}  # fmt: skip
"""Methods that concern the key which is their first argument."""
_READERS: dict[Family, str] = {
    Family.MAPPING: "copy __len__ __iter__ __eq__ __ne__ __repr__ __or__ __reversed__ __sizeof__ __str__ __format__",
    Family.SET: """
        copy difference intersection union symmetric_difference isdisjoint issubset issuperset __len__ __iter__ __eq__
        __ne__ __or__ __and__ __sub__ __repr__ __le__ __lt__ __ge__ __gt__""",
    Family.SEQUENCE: """
        copy count index __len__ __iter__ __eq__ __ne__ __contains__ __repr__ __add__ __mul__ __reversed__ decode hex
        find startswith endswith tolist tobytes split __lt__ __le__ __gt__ __ge__""",
}
READERS = {family: frozenset(names.split()) for family, names in _READERS.items()}
"""Methods that read the whole object; all others of a mutable object change it."""
TAKES_ELEMENTS = frozenset({
    "extend", "extendleft", "update", "difference", "intersection", "union", "symmetric_difference", "isdisjoint",
    "issubset", "issuperset", "join", "difference_update", "intersection_update", "symmetric_difference_update",
    "__iadd__", "__ior__", "fromkeys", "writelines", "__or__", "__add__", "__eq__", "__ne__",
})  # fmt: skip
"""Methods that go through their arguments."""
_ATTRIBUTE_METHODS = frozenset({"__setattr__", "__delattr__", "__getattribute__"})
_INERT = frozenset({
    "__init__", "__new__", "__init_subclass__", "__subclasshook__", "__class__", "__hash__", "__enter__", "__exit__",
    "__reduce__", "__reduce_ex__", "__dir__", "__getstate__", "__sizeof__",
})  # fmt: skip


def method_touches(thing: Any, name: str, args: Args, names: tuple[str, ...]) -> Touches:
    """What calling the built-in method ``name`` of ``thing`` touches."""
    if name in _ATTRIBUTE_METHODS:
        return _attribute(thing, name, args)
    family = family_of(type(thing))
    if family is Family.MAPPING and name in ("update", "__ior__"):
        return _update(thing, args, names)
    if family in KEY_MODES:
        return _container(thing, family, name, args)
    handler = _HANDLERS.get(family)
    return handler(thing, name, args) if handler is not None else _other(thing, name, args)


def simple_methods(name: str) -> tuple[dict[int, int], dict[int, int]]:
    """Modes of the method ``name`` of exact built-in containers, by class: of the whole object, or of one key.

    Left out are classes whose method does more, or is Python code.
    """
    whole: dict[int, int] = {}
    keyed: dict[int, int] = {}
    for kind in (dict, OrderedDict, defaultdict, Counter, list, deque, set, bytearray):
        family = family_of(kind)
        if type(layout_of(kind).find(name)[0]) is not MethodDescriptorType or name in _SPECIAL_METHODS:
            continue
        if name in KEY_MODES[family]:
            if family is not Family.SEQUENCE:
                keyed[id(kind)] = KEY_MODES[family][name]
        elif name not in TAKES_ELEMENTS:
            whole[id(kind)] = READ if name in READERS[family] else BOTH
    return whole, keyed


_SPECIAL_METHODS = frozenset({"keys", "values", "items", "__getitem__", "__class_getitem__"})


def _attribute(thing: Any, name: str, args: Args) -> Touches:
    attribute = args[0] if args else None
    if is_mark(thing) or type(attribute) is not str:
        return UNKNOWN
    return load_touches(thing, attribute) if name == "__getattribute__" else plain_store_touches(thing, attribute)


def _elements(args: Args) -> Touches:
    return tuple(touch for arg in args for touch in consume(arg))


def _update(thing: Any, args: Args, names: tuple[str, ...]) -> Touches:
    given = args[: len(args) - len(names)]
    keywords = tuple((thing, name, WRITE) for name in names)
    if not given:
        return keywords
    return ((thing, WHOLE, WRITE), *keywords, *_elements(given))


def _container(thing: Any, family: Family, name: str, args: Args) -> Touches:
    mode = KEY_MODES[family].get(name)
    if mode is not None and args:
        if family is Family.SEQUENCE:
            return item_touches(thing, args[0], mode)
        if name == "__getitem__":
            return item_touches(thing, args[0], READ)
        return ((thing, plain(args[0]), mode),)
    if family is Family.MAPPING and name in ("keys", "values", "items"):
        return NOTHING
    if name in ("__init__", "__new__", "__class_getitem__"):
        return _elements(args)
    touches: Touches = ((thing, WHOLE, READ if name in READERS[family] else BOTH),)
    return touches + _elements(args) if name in TAKES_ELEMENTS else touches


def _immutable(thing: Any, name: str, args: Args) -> Touches:
    """Strings, numbers and new objects: only arguments may be shared."""
    touches: Touches = NOTHING
    for arg in args:
        if name in TAKES_ELEMENTS:
            touches += consume(arg)
        elif not is_mark(arg):
            touches += read_deep(arg, "__format__", "__str__") if name in ("format", "__mod__") else read_whole(arg)
    return touches


def _quiet(thing: Any, name: str, args: Args) -> Touches:
    return tuple(touch for arg in args if not is_mark(arg) for touch in read_whole(arg))


def _buffer(thing: Any, name: str, args: Args) -> Touches:
    others = tuple(arg for arg in args if not is_mark(arg))
    return ((root_of(thing), WHOLE, BOTH), *reachable(others))


def _iterator(thing: Any, name: str, args: Args) -> Touches:
    return advance(thing) if name in ("__next__", "send", "throw", "close") else NOTHING


def _view(thing: Any, name: str, args: Args) -> Touches:
    if name == "__contains__" and args:
        return contains_touches(args[0], thing)
    return read_whole(thing) + _elements(args)


def _outside(thing: Any, name: str, args: Args) -> Touches:
    return (*OUTSIDE, *(touch for arg in args if not is_mark(arg) for touch in consume(arg)))


def _class(thing: Any, name: str, args: Args) -> Touches:
    """Built-in class methods: `dict.fromkeys(keys)`, `int.from_bytes(...)`, `object.__new__(cls)`."""
    if name in ("__new__", "mro", "__subclasses__", "__prepare__", "__instancecheck__", "__subclasscheck__"):
        return NOTHING
    return _elements(args[:1])


def _other(thing: Any, name: str, args: Args) -> Touches:
    """An object made in C of which nothing is known, or a user's object with a method inherited from `object`."""
    if name in _INERT:
        return NOTHING
    if name in ("__eq__", "__ne__", "__repr__", "__str__", "__format__"):
        return NOTHING
    _, holder = layout_of(type(thing)).find(name)
    if holder is object:
        return NOTHING
    touches: Touches = ((thing, WHOLE, BOTH),)
    return touches + reachable(arg for arg in args if not is_mark(arg))


Handler = Callable[[Any, str, Args], Touches]
_HANDLERS: dict[Family, Handler] = {
    Family.ATOM: _immutable,
    Family.FROZEN: _immutable,
    Family.QUIET: _quiet,
    Family.BUFFER: _buffer,
    Family.ITERATOR: _iterator,
    Family.GENERATOR: _iterator,
    Family.VIEW: _view,
    Family.PROXY: _view,
    Family.OUTSIDE: _outside,
    Family.CLASS: _class,
}
