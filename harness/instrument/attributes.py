"""What reading, writing and deleting an attribute touches, by Python's rules and without running the user's code.

Where a class replaces the rules, what it does is its own code's business (if that is Python) or unknown (if it is not).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import (
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
)
from typing import Any

from harness.instrument.callbacks import completes
from harness.instrument.layouts import (
    METHODS,
    MISSING,
    PLAIN,
    Layout,
    can_change,
    class_dict,
    is_data,
    layout_of,
    module_dict,
    own_dict,
)
from harness.instrument.locations import (
    NOTHING,
    READ,
    UNKNOWN,
    WHOLE,
    WRITE,
    Touches,
    kinds,
)
from harness.instrument.lookups import after


def load_touches(thing: Any, name: str) -> Touches:
    """What reading ``thing.name`` touches."""
    layout = layout_of(type(thing))
    if layout.is_special:
        return _special_touches(thing, name, layout)
    found, holder = layout.find(name)
    if holder is None:
        inner = own_dict(thing, layout)
        if inner is not None and name in inner:
            return ((thing, name, READ),)
        return ((thing, name, READ), *_classes(layout, name, None), *_fallback(thing, name, layout))
    kind = type(found)
    if kind is not FunctionType and is_data(found):
        return _data_touches(thing, name, found, READ)
    if layout.dict_of is None or (layout.is_container and id(kind) in METHODS):
        return tuple(_classes(layout, name, holder))
    inner = own_dict(thing, layout)
    if inner is not None and name in inner:
        return ((thing, name, READ),)
    touches = ((thing, name, READ), *_classes(layout, name, holder))
    if kind is functools.cached_property:
        completes(found.func)
        return (*touches, (thing, name, WRITE))
    return touches


def _special_touches(thing: Any, name: str, layout: Layout) -> Touches:
    if layout.getattribute is not None:
        return _replaced(layout, layout.getattribute, thing, name)
    return _module_touches(thing, name, layout) if layout.is_module else _class_touches(thing, name, layout)


def _fallback(thing: Any, name: str, layout: Layout) -> Touches:
    """`__getattr__`, where the attribute was not found."""
    hook = layout.python_method("__getattr__")
    return NOTHING if hook is None else _Python.call(hook, lambda: (thing, name))


PythonCall = Callable[[FunctionType, Callable[[], tuple[Any, ...]]], Touches]


class _Python:
    call: PythonCall = staticmethod(lambda function, args: NOTHING)


def set_python_call(call: PythonCall) -> None:
    """Say what Python code touches that an attribute access runs (a layer above this one knows)."""
    _Python.call = staticmethod(call)


def _classes(layout: Layout, name: str, holder: type | None) -> list[Any]:
    """Reads of ``name`` in the classes that are asked for it, up to the one that has it."""
    touches = []
    for base, _, heap in layout.namespaces:
        if heap:
            touches.append((base, name, READ))
        if base is holder:
            break
    return touches


def _data_touches(thing: Any, name: str, descriptor: Any, mode: int) -> Touches:
    kind = type(descriptor)
    if kind is MemberDescriptorType:
        return ((thing, name, mode),)
    if kind is GetSetDescriptorType:
        if name in ("__dict__", "__class__"):
            return NOTHING if mode == READ else ((thing, WHOLE, mode),)
        return NOTHING if id(type(thing)) in _IMMUTABLE_ATTRIBUTES else ((thing, name, mode),)
    if kind is property:
        function = descriptor.fget if mode == READ else descriptor.fset
        return _Python.call(function, lambda: (thing,)) if type(function) is FunctionType else NOTHING
    method = layout_of(kind).python_method("__get__" if mode == READ else "__set__")
    return NOTHING if method is None else _Python.call(method, lambda: (descriptor, thing))


_IMMUTABLE_ATTRIBUTES = kinds(int, float, complex, str, bytes, tuple, frozenset, slice, range, type)


def _replaced(layout: Layout, override: Any, thing: Any, name: str) -> Touches:
    """An attribute access that a class has replaced."""
    if type(override) is FunctionType:
        return _Python.call(override, lambda: (thing, name))
    return NOTHING if layout.is_local else UNKNOWN


def _module_touches(module: ModuleType, name: str, layout: Layout) -> Touches:
    inner = module_dict(module)
    if name not in inner:
        found, _ = layout.find(name)
        if found is not MISSING and is_data(found):
            return NOTHING
    return ((inner, name, READ),)


def _class_touches(cls: type, name: str, meta: Layout) -> Touches:
    found, _ = meta.find(name)
    if found is not MISSING and is_data(found):
        return NOTHING
    layout = layout_of(cls)
    _, holder = layout.find(name)
    if holder is None and found is not MISSING:
        return (*_classes(layout, name, None), *_classes(meta, name, None))
    return tuple(_classes(layout, name, holder))


def store_touches(thing: Any, name: str) -> Touches:
    """What writing or deleting ``thing.name`` touches."""
    layout = layout_of(type(thing))
    if layout.setattr is not None:
        return _replaced(layout, layout.setattr, thing, name)
    return plain_store_touches(thing, name)


def plain_store_touches(thing: Any, name: str) -> Touches:
    """What `object.__setattr__(thing, name, ...)` touches, whatever the class replaces."""
    layout = layout_of(type(thing))
    if layout.is_module:
        return ((module_dict(thing), name, WRITE),)
    found, _ = layout.find(name)
    if found is not MISSING and id(type(found)) not in PLAIN and is_data(found):
        return ((thing, name, WRITE),) if layout.is_type else _data_touches(thing, name, found, WRITE)
    return ((thing, name, WRITE),)


def super_touches(cls: Any, instance: Any, name: str) -> Touches:
    """What reading ``super(cls, instance).name`` touches."""
    classes, _ = after(cls, instance)
    touches = []
    for base in classes:
        if can_change(base):
            touches.append((base, name, READ))
        if name in class_dict(base):
            break
    return tuple(touches)
