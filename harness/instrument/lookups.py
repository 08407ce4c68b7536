"""Attribute access by Python's rules without running any code of the user's: exact dictionary look-ups only.

The rules are those of `object.__getattribute__`, `type.__getattribute__` and `module.__getattribute__`; where a class
replaces them, what it does is its own code's business (if that is Python) or unknown (if it is not).
"""

from __future__ import annotations

import _thread
import functools
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

from harness.instrument.callbacks import completes
from harness.instrument.locations import (
    NOTHING,
    READ,
    UNKNOWN,
    WHOLE,
    WRITE,
    Mark,
    Touches,
    Unresolved,
    kinds,
)

MISSING = Mark("MISSING")
HEAP_TYPE, IMMUTABLE_TYPE = 1 << 9, 1 << 8
_class_dict: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_class_mro: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_class_flags: Callable[[type], int] = type.__dict__["__flags__"].__get__
_module_dict: Callable[[ModuleType], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__

_Local: type = _thread._local
_local_dict: Callable[[Any, str], dict[str, Any]] = _Local.__dict__["__getattribute__"]
_PROXIES = kinds(weakref.ProxyType, weakref.CallableProxyType)
_Cached: type = type(functools.lru_cache(len))
_METHODS = kinds(
    FunctionType, staticmethod, classmethod, MethodDescriptorType, WrapperDescriptorType, ClassMethodDescriptorType,
    BuiltinFunctionType, MethodType, _Cached,
)  # fmt: skip
_DATA = kinds(property, GetSetDescriptorType, MemberDescriptorType)
_PLAIN = kinds(int, str, float, bool, type(None), dict, list, tuple, set, bytes)


def _can_change(cls: type) -> bool:
    """Whether attributes of a class can be set."""
    return _class_flags(cls) & (HEAP_TYPE | IMMUTABLE_TYPE) == HEAP_TYPE


class Layout:
    """How attributes of the instances of one class are found; made once per class and method resolution order."""

    __slots__ = (
        "cls", "dict_of", "getattribute", "is_container", "is_local", "is_module", "is_special", "is_type", "lasting",
        "methods", "mro", "namespaces", "setattr",
    )  # fmt: skip

    def __init__(self, cls: type) -> None:
        self.cls = weakref.ref(cls)
        self.mro = _class_mro(cls)
        self.lasting = not _class_flags(cls) & HEAP_TYPE
        self.namespaces = tuple((base, _class_dict(base), _can_change(base)) for base in self.mro)
        self.is_container = self.builtin(dict, list, set, deque)
        self.is_type = self.builtin(type)
        self.is_module = self.builtin(ModuleType)
        self.is_local = self.builtin(_Local)
        self.methods: dict[str, tuple[Any, type | None]] = {}
        self.getattribute = self._override("__getattribute__")
        self.setattr = self._override("__setattr__") or self._override("__delattr__")
        self.dict_of = self._instance_dict()
        self.is_special = self.is_type or self.is_module or self.is_local or self.getattribute is not None

    def find(self, name: str) -> tuple[Any, type | None]:
        """The class attribute ``name`` and the class that holds it, or MISSING."""
        for base, namespace, _ in self.namespaces:
            if name in namespace:
                return namespace[name], base
        return MISSING, None

    def method(self, name: str) -> tuple[Any, type | None]:
        """`find` for special methods, remembered: classes do not change those."""
        found = self.methods.get(name)
        if found is None:
            found = self.methods[name] = self.find(name)
        return found

    def python_method(self, name: str) -> FunctionType | None:
        """The special method ``name`` if it is a Python function."""
        found = self.method(name)[0]
        return found if type(found) is FunctionType else None

    def builtin(self, *wanted: type) -> bool:
        """Whether one of ``wanted`` is among the bases."""
        return any(base is kind for base in self.mro for kind in wanted)

    def _override(self, name: str) -> Any:
        """The method if it does not follow the rules above: Python code, or one that forwards to another object."""
        found, holder = self.find(name)
        if type(found) is FunctionType or self.is_local or id(holder) in _PROXIES:
            return found
        return None

    def _instance_dict(self) -> Callable[[Any], dict[str, Any]] | None:
        found, _ = self.find("__dict__")
        if id(type(found)) in _DATA and type(found) is not property:
            return found.__get__  # type: ignore[no-any-return]
        return None


_layouts: dict[int, Layout] = {}


def layout_of(kind: type) -> Layout:
    """The layout of a class, made anew when the class changed its bases."""
    layout = _layouts.get(id(kind))
    if layout is not None and (layout.lasting or (layout.cls() is kind and layout.mro is _class_mro(kind))):
        return layout
    if len(_layouts) > 10_000:
        _layouts.clear()
    layout = _layouts[id(kind)] = Layout(kind)
    return layout


def instance_dict(thing: Any) -> dict[str, Any] | None:
    """The dictionary of an instance, a module or nothing; a class has none that could be written."""
    layout = layout_of(type(thing))
    if layout.is_local:
        return _local_dict(thing, "__dict__") if type(thing) is _Local else None
    return None if layout.is_type else own_dict(thing, layout)


def own_dict(thing: Any, layout: Layout) -> dict[str, Any] | None:
    """`instance_dict` of what is neither a class nor a `threading.local`."""
    if layout.dict_of is None:
        return None
    try:
        found = layout.dict_of(thing)
    except (AttributeError, TypeError):
        return None
    return found if type(found) is dict or issubclass(type(found), dict) else None


def class_dict(cls: type) -> Mapping[str, Any]:
    """The read-only view of what a class holds."""
    return _class_dict(cls)


# -- which descriptors take precedence over the instance


def _is_data(descriptor: Any) -> bool:
    kind = type(descriptor)
    if id(kind) in _METHODS or id(kind) in _PLAIN:
        return False
    if id(kind) in _DATA:
        return True
    layout = layout_of(kind)
    return layout.method("__set__")[0] is not MISSING or layout.method("__delete__")[0] is not MISSING


def _is_descriptor(descriptor: Any) -> bool:
    return layout_of(type(descriptor)).method("__get__")[0] is not MISSING


# -- reading


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
    if kind is not FunctionType and _is_data(found):
        return _data_touches(thing, name, found, READ)
    if layout.dict_of is None or (layout.is_container and id(kind) in _METHODS):
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
    inner = _module_dict(module)
    if name not in inner:
        found, _ = layout.find(name)
        if found is not MISSING and _is_data(found):
            return NOTHING
    return ((inner, name, READ),)


def _class_touches(cls: type, name: str, meta: Layout) -> Touches:
    found, _ = meta.find(name)
    if found is not MISSING and _is_data(found):
        return NOTHING
    layout = layout_of(cls)
    _, holder = layout.find(name)
    if holder is None and found is not MISSING:
        return (*_classes(layout, name, None), *_classes(meta, name, None))
    return tuple(_classes(layout, name, holder))


def value_of(thing: Any, name: str) -> Any:
    """The value of ``thing.name``; raises :class:`Unresolved` where code would have to run."""
    layout = layout_of(type(thing))
    if layout.is_special:
        return _special_value(thing, name, layout)
    found, holder = layout.find(name)
    if holder is None or not _is_data(found):
        own = own_dict(thing, layout)
        if own is not None and name in own:
            return own[name]
        if holder is None:
            raise Unresolved(name)
    return bound(found, thing, type(thing), name)


def _special_value(thing: Any, name: str, layout: Layout) -> Any:
    if layout.is_local or (layout.is_module and layout.getattribute is None):
        return _own_value(thing, name)
    if layout.getattribute is not None:
        raise Unresolved(name)
    return _class_value(thing, name, layout)


def _own_value(thing: Any, name: str) -> Any:
    inner = instance_dict(thing)
    if inner is not None and name in inner:
        return inner[name]
    raise Unresolved(name)


def _class_value(cls: type, name: str, meta: Layout) -> Any:
    found, _ = meta.find(name)
    if found is not MISSING and _is_data(found):
        if name in ("__dict__", "__name__", "__qualname__", "__mro__", "__bases__", "__module__"):
            return found.__get__(cls) if id(type(found)) in _DATA and type(found) is not property else _refuse(name)
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
    if kind is FunctionType or kind is _Cached:
        return found if thing is None else MethodType(found, thing)
    if kind is staticmethod:
        return found.__func__
    if kind is classmethod:
        inner = found.__func__
        return MethodType(inner, owner) if type(inner) is FunctionType else _refuse(name)
    if kind is MethodDescriptorType or kind is WrapperDescriptorType:
        return found if thing is None else found.__get__(thing)
    if kind is ClassMethodDescriptorType:
        return found.__get__(None, owner)
    if kind is MemberDescriptorType:
        return found if thing is None else _slot_value(found, thing, name)
    if kind is GetSetDescriptorType:
        if thing is None:
            return found
        return found.__get__(thing) if name in ("__dict__", "__class__", "__doc__") else _refuse(name)
    if id(kind) in _PLAIN or id(kind) in _METHODS or not _is_descriptor(found):
        return found
    return found if thing is None and kind is property else _refuse(name)


def _slot_value(descriptor: Any, thing: Any, name: str) -> Any:
    try:
        return descriptor.__get__(thing)
    except AttributeError:
        raise Unresolved(name) from None


# -- writing


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
        return ((_module_dict(thing), name, WRITE),)
    found, _ = layout.find(name)
    if found is not MISSING and id(type(found)) not in _PLAIN and _is_data(found):
        return ((thing, name, WRITE),) if layout.is_type else _data_touches(thing, name, found, WRITE)
    return ((thing, name, WRITE),)


# -- super


def after(cls: Any, instance: Any) -> tuple[tuple[type, ...], type]:
    """The classes that `super(cls, instance)` asks, and the class whose order that is."""
    if not issubclass(type(cls), type):
        raise Unresolved("super")
    for owner in (instance, type(instance)) if issubclass(type(instance), type) else (type(instance),):
        mro = _class_mro(owner)
        for position, base in enumerate(mro, 1):
            if base is cls:
                return mro[position:], owner
    raise Unresolved("super")


def super_touches(cls: Any, instance: Any, name: str) -> Touches:
    """What reading ``super(cls, instance).name`` touches."""
    classes, _ = after(cls, instance)
    touches = []
    for base in classes:
        if _can_change(base):
            touches.append((base, name, READ))
        if name in _class_dict(base):
            break
    return tuple(touches)


def super_value(cls: Any, instance: Any, name: str) -> Any:
    """The value of ``super(cls, instance).name``."""
    classes, owner = after(cls, instance)
    for base in classes:
        namespace = _class_dict(base)
        if name in namespace:
            return bound(namespace[name], None if owner is instance else instance, owner, name)
    raise Unresolved(name)
