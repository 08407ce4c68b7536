"""What a call touches, by its callee: table-driven for built-in functions, by scope for Python code."""

from __future__ import annotations

import builtins
import functools
import operator
from collections.abc import Callable
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

from harness.instrument.attributes import load_touches, store_touches
from harness.instrument.callbacks import completes
from harness.instrument.containers import (
    Lazy,
    advance,
    binary_touches,
    consume,
    contains_touches,
    item_touches,
    iterate,
    maker,
    read_deep,
    read_whole,
)
from harness.instrument.families import Family, family_of, is_mark, root_of
from harness.instrument.foreign import python_call, reachable, set_call
from harness.instrument.layouts import instance_dict, layout_of
from harness.instrument.locations import (
    BOTH,
    EXTERNAL,
    FRESH,
    NOTHING,
    OUTSIDE,
    READ,
    UNKNOWN,
    UNRESOLVED,
    WHOLE,
    WRITE,
    Touches,
)
from harness.instrument.methods import method_touches

Args = tuple[Any, ...]
Arguments = Callable[[], Args]
"""Evaluates the arguments, positional ones first; most calls do not need them."""
Names = tuple[str, ...]


def call_touches(callee: Any, arguments: Arguments, names: Names = ()) -> Touches:
    """What the call touches beyond the yield points of the callee's own code."""
    kind = type(callee)
    if kind is FunctionType:
        return python_call(callee, arguments)
    if kind is MethodType:
        thing, function = callee.__self__, callee.__func__
        if type(function) is FunctionType:
            return python_call(function, lambda: (thing, *arguments()))
        return call_touches(function, lambda: (thing, *arguments()), names)
    if callee is EXTERNAL:
        return OUTSIDE
    if callee is FRESH:
        return method_touches(FRESH, "", arguments(), names)
    handler = _BY_KIND.get(id(kind))
    if handler is not None:
        return handler(callee, arguments(), names)
    if layout_of(kind).is_type:
        return _construct(callee, arguments, names)
    return _call_instance(callee, arguments)


set_call(call_touches)


# -- functions and methods made in C


def _builtin(callee: Any, args: Args, names: Names) -> Touches:
    owner = callee.__self__
    if owner is None or type(owner) is ModuleType:
        handler = _FUNCTIONS.get(callee)
        return handler(args, names) if handler is not None else _of_module(callee, args)
    if callee.__name__ == "__new__" and layout_of(type(owner)).is_type:
        return NOTHING
    return method_touches(owner, callee.__name__, args, names)


def _unbound(callee: Any, args: Args, names: Names) -> Touches:
    if not args or is_mark(args[0]):
        return UNKNOWN
    return method_touches(args[0], callee.__name__, args[1:], names)


def _bound_slot(callee: Any, args: Args, names: Names) -> Touches:
    return method_touches(callee.__self__, callee.__name__, args, names)


def _nothing(callee: Any, args: Args, names: Names) -> Touches:
    return NOTHING


def _partial(callee: Any, args: Args, names: Names) -> Touches:
    given = tuple(callee.args)
    return call_touches(callee.func, lambda: (*given, *callee.keywords.values(), *args))


def _cached(callee: Any, args: Args, names: Names) -> Touches:
    """A function behind `lru_cache`: its own code has its points, the cache is one location."""
    inner = instance_dict(callee)
    completes(maker(inner.get("__wrapped__")) if inner else None)
    return ((callee, WHOLE, BOTH),)


def _getter(callee: Any, args: Args, names: Names) -> Touches:
    if not args or is_mark(args[0]):
        return UNKNOWN
    _, keys = callee.__reduce__()
    touch = item_touches if type(callee) is operator.itemgetter else None
    if touch is not None:
        return tuple(t for key in keys for t in touch(args[0], key, READ))
    return tuple(t for key in keys for t in (load_touches(args[0], key) if "." not in key else UNKNOWN))


_BY_KIND: dict[int, Callable[[Any, Args, Names], Touches]] = {
    id(BuiltinFunctionType): _builtin,
    id(MethodDescriptorType): _unbound,
    id(WrapperDescriptorType): _unbound,
    id(ClassMethodDescriptorType): _unbound,
    id(MethodWrapperType): _bound_slot,
    id(functools.partial): _partial,
    id(type(functools.lru_cache(len))): _cached,
    id(operator.itemgetter): _getter,
    id(operator.attrgetter): _getter,
}


# -- classes and callable instances


def _construct(cls: Any, arguments: Arguments, names: Names) -> Touches:
    metaclass = layout_of(type(cls))
    custom = metaclass.python_method("__call__")
    if custom is not None:
        return python_call(custom, lambda: (cls, *arguments()))
    handler = _CONSTRUCTORS.get(id(cls))
    if handler is not None:
        return handler(arguments(), names)
    layout = layout_of(cls)
    makers = [layout.method(name)[0] for name in ("__new__", "__init__")]
    functions = [maker.__func__ if type(maker) is staticmethod else maker for maker in makers]
    if any(type(function) is FunctionType for function in functions):
        touches: Touches = NOTHING
        for function in functions:
            if type(function) is FunctionType:
                touches += python_call(function, lambda: (FRESH, *arguments()))
        return touches
    if layout.builtin(BaseException):
        return NOTHING
    family = family_of(cls)
    if family is Family.OUTSIDE:
        return OUTSIDE
    if all(layout.method(name)[1] is object for name in ("__new__", "__init__")):
        return NOTHING
    return _positional(arguments(), names)


def _call_instance(callee: Any, arguments: Arguments) -> Touches:
    function = layout_of(type(callee)).python_method("__call__")
    if function is not None:
        return python_call(function, lambda: (callee, *arguments()))
    if is_mark(callee):
        return UNKNOWN
    return reachable((callee, *arguments()))


# -- functions of modules

PURE_MODULES = frozenset({
    "builtins", "math", "cmath", "time", "sys", "gc", "_random", "_struct", "binascii", "zlib", "_locale", "_weakref",
    "_contextvars", "_thread", "atexit", "_signal", "_sre", "unicodedata", "_stat", "errno", "_imp", "_abc", "_uuid",
    "_datetime", "faulthandler", "_warnings", "_codecs", "_tracemalloc", "_collections", "_functools", "itertools",
    "_typing",
    "_md5", "_sha1", "_sha2", "_hashlib", "_string", "_opcode", "_ctypes",
})  # fmt: skip
OUTSIDE_MODULES = frozenset({
    "posix", "nt", "_io", "io", "_sqlite3", "sqlite3", "_socket", "select", "fcntl", "mmap", "_posixsubprocess",
    "termios",
    "_multiprocessing", "_posixshmem", "_ssl", "_winapi", "readline",
})  # fmt: skip
READING_MODULES = frozenset({"_json", "_pickle", "_csv", "marshal", "_operator", "_statistics"})


def _of_module(callee: Any, args: Args) -> Touches:
    """A module's function without an entry of its own."""
    module = callee.__module__
    root = module.partition(".")[0] if type(module) is str else ""
    known = tuple(arg for arg in args if not is_mark(arg))
    if root in OUTSIDE_MODULES:
        return (*OUTSIDE, *reachable(known, outward=True))
    if root in PURE_MODULES:
        return tuple(touch for arg in known for touch in read_whole(arg))
    if root in READING_MODULES:
        return reachable(args, mode=READ)
    return reachable(args)


def _elements(args: Args, names: Names = ()) -> Touches:
    """All arguments are gone through."""
    return tuple(touch for arg in args for touch in consume(arg))


def _positional(args: Args, names: Names) -> Touches:
    """Positional arguments are gone through; keywords are options."""
    return _elements(args[: len(args) - len(names)])


def _extreme(args: Args, names: Names) -> Touches:
    """`min` and `max` of one argument go through it, of several they compare them."""
    given = args[: len(args) - len(names)]
    return _elements(given) if len(given) == 1 else _each("__lt__")(given, ())


def _none(args: Args, names: Names) -> Touches:
    return NOTHING


def _everything(args: Args, names: Names) -> Touches:
    return UNKNOWN


def _outside(args: Args, names: Names) -> Touches:
    return OUTSIDE


def _each(*methods: str, deep: bool = False) -> Callable[[Args, Names], Touches]:
    """Each argument is looked at as a whole, by one of the special ``methods`` if it has it."""
    read = read_deep if deep else read_whole

    def handler(args: Args, names: Names) -> Touches:
        return tuple(touch for arg in args if not is_mark(arg) for touch in read(arg, *methods))

    return handler


def _iter(args: Args, names: Names) -> Touches:
    return iterate(args[0]) if len(args) == 1 else NOTHING


def _lazily(args: Args, names: Names) -> Touches:
    return tuple(touch for arg in args for touch in iterate(arg))


def _next(args: Args, names: Names) -> Touches:
    return advance(args[0]) if args else NOTHING


def _attribute(access: Callable[[Any, str], Touches]) -> Callable[[Args, Names], Touches]:
    def handler(args: Args, names: Names) -> Touches:
        if len(args) < 2 or args[0] is UNRESOLVED or type(args[1]) is not str:
            return UNKNOWN
        return NOTHING if is_mark(args[0]) or type(args[0]) is Lazy else access(args[0], args[1])

    return handler


def _first(mode: int) -> Callable[[Args, Names], Touches]:
    """The first argument is read or changed as a whole: `heapq`, `bisect`."""

    def handler(args: Args, names: Names) -> Touches:
        if not args or args[0] is UNRESOLVED:
            return UNKNOWN
        return NOTHING if is_mark(args[0]) else ((root_of(args[0]), WHOLE, mode),)

    return handler


def _item(mode: int) -> Callable[[Args, Names], Touches]:
    def handler(args: Args, names: Names) -> Touches:
        return item_touches(args[0], args[1], mode) if len(args) >= 2 else NOTHING

    return handler


def _contains(args: Args, names: Names) -> Touches:
    return contains_touches(args[1], args[0]) if len(args) == 2 else NOTHING


def _in_place(args: Args, names: Names) -> Touches:
    return binary_touches("+=", args[0], args[1]) if len(args) == 2 else NOTHING


def _reduce(args: Args, names: Names) -> Touches:
    return _elements(args[1:2])


_Handler = Callable[[Args, Names], Touches]
_FUNCTIONS: dict[Any, _Handler] = {}
_CONSTRUCTORS: dict[int, _Handler] = {}


def _register(handler: _Handler, *names: str) -> None:
    for name in names:
        function = getattr(builtins, name)
        if isinstance(function, type):
            _CONSTRUCTORS[id(function)] = handler
        else:
            _FUNCTIONS[function] = handler


_register(_positional, "any", "all", "sum", "sorted", "list", "tuple", "set", "dict", "frozenset")
_register(_extreme, "min", "max")
_register(_lazily, "enumerate", "zip", "reversed", "map", "filter")
_register(_each("__len__"), "len")
_register(_each("__bool__", "__len__"), "bool")
_register(_each("__str__", "__repr__", deep=True), "str", "print")
_register(_each("__repr__", deep=True), "repr", "ascii")
_register(_each("__format__", "__str__", "__repr__", deep=True), "format")
_register(_each("__hash__"), "hash")
_register(_each("__bytes__"), "bytes", "bytearray", "memoryview")
_register(
    _none, "isinstance", "issubclass", "id", "callable", "range", "int", "float", "complex", "chr", "ord", "hex", "oct",
    "bin", "abs", "round", "divmod", "pow", "slice", "object", "type", "property", "staticmethod", "classmethod",
    "super",
    "globals", "locals", "vars", "dir", "compile", "__build_class__",
)  # fmt: skip
_register(_everything, "eval", "exec", "aiter", "anext")
_register(_outside, "open", "input", "breakpoint", "__import__")
_register(_iter, "iter")
_register(_next, "next")
_register(_attribute(load_touches), "getattr", "hasattr")
_register(_attribute(store_touches), "setattr", "delattr")


def _register_modules() -> None:
    import _bisect
    import _heapq
    import itertools

    for name in ("heappush", "heappop", "heapify", "heapreplace", "heappushpop"):
        _FUNCTIONS[getattr(_heapq, name)] = _first(BOTH)
    for name in ("insort_left", "insort_right"):
        _FUNCTIONS[getattr(_bisect, name)] = _first(BOTH)
    for name in ("bisect_left", "bisect_right"):
        _FUNCTIONS[getattr(_bisect, name)] = _first(READ)
    _FUNCTIONS[functools.reduce] = _reduce
    _FUNCTIONS[operator.getitem] = _item(READ)
    _FUNCTIONS[operator.setitem] = _FUNCTIONS[operator.delitem] = _item(WRITE)
    _FUNCTIONS[operator.contains] = _contains
    for name in ("iadd", "iconcat", "ior", "isub", "imul", "iand", "ixor"):
        _FUNCTIONS[getattr(operator, name)] = _in_place
    for found in vars(itertools).values():
        if isinstance(found, type):
            _CONSTRUCTORS[id(found)] = _lazily
    for endless in (itertools.count, itertools.repeat):
        _CONSTRUCTORS[id(endless)] = _none


_register_modules()
