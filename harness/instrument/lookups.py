"""Values of attributes by Python's rules without running any code of the user's: exact dictionary look-ups only.

The rules are those of `object.__getattribute__`, `type.__getattribute__` and `module.__getattribute__`; where a class
replaces them the value is not known, unless its own code has returned it.
"""

from __future__ import annotations

from types import (
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    WrapperDescriptorType,
)
from typing import Any

from harness.instrument.layouts import (
    DATA,
    METHODS,
    MISSING,
    PLAIN,
    Cached,
    Layout,
    class_dict,
    class_mro,
    instance_dict,
    is_data,
    is_descriptor,
    layout_of,
    own_dict,
)
from harness.instrument.locations import (
    Computed,
    Unresolved,
)


def after(cls: Any, instance: Any) -> tuple[tuple[type, ...], type]:
    """The classes that `super(cls, instance)` asks, and the class whose order that is."""
    if not issubclass(type(cls), type):
        raise Unresolved("super")
    for owner in (instance, type(instance)) if issubclass(type(instance), type) else (type(instance),):
        mro = class_mro(owner)
        for position, base in enumerate(mro, 1):
            if base is cls:
                return mro[position:], owner
    raise Unresolved("super")


def value_of(thing: Any, name: str) -> Any:
    """The value of ``thing.name``; raises :class:`Unresolved` where code would have to run."""
    layout = layout_of(type(thing))
    if layout.is_special:
        return _special_value(thing, name, layout)
    found, holder = layout.find(name)
    if holder is None or not is_data(found):
        own = own_dict(thing, layout)
        if own is not None and name in own:
            return own[name]
        if holder is None:
            _computed(layout.python_method("__getattr__"), name)
    return bound(found, thing, type(thing), name)


def _special_value(thing: Any, name: str, layout: Layout) -> Any:
    if layout.is_local or (layout.is_module and layout.getattribute is None):
        return _own_value(thing, name)
    if layout.getattribute is not None:
        _computed(layout.getattribute, name)
    return _class_value(thing, name, layout)


def _own_value(thing: Any, name: str) -> Any:
    inner = instance_dict(thing)
    if inner is not None and name in inner:
        return inner[name]
    raise Unresolved(name)


def _class_value(cls: type, name: str, meta: Layout) -> Any:
    found, _ = meta.find(name)
    if found is not MISSING and is_data(found):
        if name in ("__dict__", "__name__", "__qualname__", "__mro__", "__bases__", "__module__"):
            return found.__get__(cls) if id(type(found)) in DATA and type(found) is not property else _refuse(name)
        raise Unresolved(name)
    inner, holder = layout_of(cls).find(name)
    if holder is not None:
        return bound(inner, None, cls, name)
    if found is MISSING:
        raise Unresolved(name)
    return bound(found, cls, type(cls), name)


def _refuse(name: str) -> Any:
    raise Unresolved(name)


def bound(found: Any, thing: Any, owner: type, name: str) -> Any:
    """What a class attribute gives when it is looked up on ``thing`` (None: on the class itself)."""
    kind = type(found)
    if kind is FunctionType or kind is Cached:
        return found if thing is None else MethodType(found, thing)
    if kind is staticmethod:
        return found.__func__
    if kind is classmethod:
        inner = found.__func__
        return MethodType(inner, owner) if type(inner) is FunctionType else _refuse(name)
    if kind is MethodDescriptorType or kind is WrapperDescriptorType:
        # Without the type, CPython reads through a null pointer for methods that take their defining class.
        return found if thing is None else found.__get__(thing, type(thing))
    if kind is ClassMethodDescriptorType:
        return found.__get__(None, owner)
    if kind is MemberDescriptorType:
        return found if thing is None else _slot_value(found, thing, name)
    if kind is GetSetDescriptorType:
        if thing is None:
            return found
        return found.__get__(thing) if name in ("__dict__", "__class__", "__doc__") else _refuse(name)
    if id(kind) in PLAIN or id(kind) in METHODS or not is_descriptor(found):
        return found
    if kind is property:
        return found if thing is None else _computed(found.fget, name)
    return _computed(layout_of(kind).method("__get__")[0], name)


def _computed(function: Any, name: str) -> Any:
    raise Computed(function) if type(function) is FunctionType else Unresolved(name)


def _slot_value(descriptor: Any, thing: Any, name: str) -> Any:
    try:
        return descriptor.__get__(thing)
    except AttributeError:
        raise Unresolved(name) from None


def super_value(cls: Any, instance: Any, name: str) -> Any:
    """The value of ``super(cls, instance).name``."""
    classes, owner = after(cls, instance)
    for base in classes:
        namespace = class_dict(base)
        if name in namespace:
            return bound(namespace[name], None if owner is instance else instance, owner, name)
    raise Unresolved(name)
