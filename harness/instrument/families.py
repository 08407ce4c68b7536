"""What kind of thing an object is, by its class alone: which shared state reading or changing it concerns."""

from __future__ import annotations

import array
import enum
import gc
import sys
import types
import weakref
from collections import deque
from collections.abc import Mapping
from typing import Any

from harness.instrument.layouts import Layout, class_dict, layout_of
from harness.instrument.locations import ATOMS, EXTERNAL, Mark, kinds


class Family(enum.Enum):
    """Kinds of objects that are accessed alike."""

    ATOM = "immutable, refers to nothing that can change"
    FROZEN = "immutable container"
    MAPPING = "dict and its subclasses"
    SEQUENCE = "list, deque, bytearray, array"
    SET = "set"
    BUFFER = "numpy array, memoryview: may share its memory"
    PROXY = "read-only view of a class's dictionary"
    VIEW = "keys, values or items of a dictionary"
    ITERATOR = "iterator made in C"
    GENERATOR = "generator"
    CLASS = "class"
    OUTSIDE = "stands for something outside the process: file, socket, data base"
    QUIET = "made in C, holds no state that two threads could disagree on"
    OBJECT = "anything else"


MUTABLE = frozenset({Family.MAPPING, Family.SEQUENCE, Family.SET, Family.BUFFER})
_BY_BASE: dict[int, Family] = {
    **dict.fromkeys(ATOMS, Family.ATOM),
    **dict.fromkeys(kinds(tuple, frozenset), Family.FROZEN),
    **dict.fromkeys(kinds(dict), Family.MAPPING),
    **dict.fromkeys(kinds(list, deque, bytearray, array.array), Family.SEQUENCE),
    **dict.fromkeys(kinds(set), Family.SET),
    **dict.fromkeys(kinds(memoryview), Family.BUFFER),
    **dict.fromkeys(kinds(types.MappingProxyType), Family.PROXY),
    **dict.fromkeys(kinds(type({}.keys()), type({}.values()), type({}.items())), Family.VIEW),
    **dict.fromkeys(kinds(types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType), Family.GENERATOR),
    **dict.fromkeys(kinds(type), Family.CLASS),
    **dict.fromkeys(
        kinds(
            types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.CodeType, types.ModuleType,
            weakref.ref,
        ),
        Family.QUIET,
    ),
}
_OUTSIDE_MODULES = frozenset({
    "_io", "io", "posix", "nt", "_sqlite3", "sqlite3", "_socket", "socket", "select", "mmap", "_multiprocessing",
    "_ssl",
})  # fmt: skip
_QUIET_MODULES = frozenset({
    "re", "_sre", "datetime", "decimal", "_decimal", "_struct", "Struct", "_contextvars", "zoneinfo", "_zoneinfo",
    "time", "_operator", "operator", "uuid", "fractions", "_thread", "_weakref",
})  # fmt: skip
_module_of = type.__dict__["__module__"].__get__
_class_name = type.__dict__["__name__"].__get__
_memoryview_base = memoryview.__dict__["obj"].__get__


def family_of(kind: type) -> Family:
    """The family of the instances of a class."""
    family = _BY_BASE.get(id(kind))
    if family is not None:
        return family
    layout = layout_of(kind)
    known = layout.methods.get("<family>")
    if known is None:
        known = layout.methods["<family>"] = (_find_family(layout), None)
    return known[0]


def _find_family(layout: Layout) -> Family:
    for base in layout.mro[:-1]:
        family = _BY_BASE.get(id(base))
        if family is not None:
            return family
        if _class_name(base) == "ndarray" and _root_module(base) == "numpy":
            return Family.BUFFER
        module = _root_module(base)
        if module in _OUTSIDE_MODULES and not layout.python_method("__init__"):
            return Family.OUTSIDE
        if module in _QUIET_MODULES and base is layout.mro[0]:
            return Family.QUIET
        if module == "numpy":
            return Family.ATOM if _class_name(layout.mro[-2]) == "generic" else Family.QUIET
    following, holder = layout.method("__next__")
    if holder is not None and type(following) is not types.FunctionType:
        return Family.ITERATOR
    return Family.OBJECT


def module_of(base: type) -> str:
    """The dotted name of the module a class says it is from, or an empty string."""
    try:
        name = _module_of(base)
    except AttributeError:
        return ""
    return name if type(name) is str else ""


def _root_module(base: type) -> str:
    return module_of(base).partition(".")[0]


def is_mark(thing: Any) -> bool:
    """Whether ``thing`` stands for a value that is not known."""
    return type(thing) is Mark


def root_of(buffer: Any) -> Any:
    """The object that owns the memory of a buffer: views of one array are one location."""
    for _ in range(16):
        if type(buffer) is memoryview:
            try:
                owner = _memoryview_base(buffer)
            except ValueError:
                return buffer
        elif family_of(type(buffer)) is Family.BUFFER:
            owner = _array_base(buffer)
        else:
            return EXTERNAL if family_of(type(buffer)) is Family.OUTSIDE else buffer
        if owner is None:
            return buffer
        buffer = owner
    return buffer


def _array_base(array_: Any) -> Any:
    descriptor, _ = layout_of(type(array_)).method("base")
    if type(descriptor) is types.GetSetDescriptorType:
        return descriptor.__get__(array_)
    return None


def behind(thing: Any) -> list[Any]:
    """What an iterator or a view made in C refers to, tuples opened."""
    found: list[Any] = []
    for referent in gc.get_referents(thing):
        if type(referent) is tuple:
            found.extend(referent[:8])
        else:
            found.append(referent)
    return found


def class_behind(proxy: Any) -> Any:
    """The class whose dictionary a mapping proxy shows, or the mapping it shows."""
    inner = next(iter(gc.get_referents(proxy)), None)
    if type(inner) is not dict:
        return inner
    for name in ("__dict__", "__weakref__"):
        descriptor = inner.get(name)
        if type(descriptor) is types.GetSetDescriptorType:
            owner = descriptor.__objclass__
            if _shows(class_dict(owner), inner):
                return owner
    return inner


def _shows(proxy: Mapping[str, Any], inner: dict[Any, Any]) -> bool:
    return any(referent is inner for referent in gc.get_referents(proxy))


def loaded(module: str) -> Any:
    """A module if it has been imported."""
    found = dict.get(sys.modules, module)
    return found if type(found) is types.ModuleType and "__file__" in found.__dict__ else None
