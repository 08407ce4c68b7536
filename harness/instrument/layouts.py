"""Where the attributes of a class and of its instances are kept. Knows no access and runs no code of the user's."""

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

from harness.instrument.locations import (
    Mark,
    kinds,
)

MISSING = Mark("MISSING")
HEAP_TYPE, IMMUTABLE_TYPE = 1 << 9, 1 << 8
class_dict: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
class_mro: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
class_flags: Callable[[type], int] = type.__dict__["__flags__"].__get__
module_dict: Callable[[ModuleType], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__

_Local: type = _thread._local
_local_dict: Callable[[Any, str], dict[str, Any]] = _Local.__dict__["__getattribute__"]
_PROXIES = kinds(weakref.ProxyType, weakref.CallableProxyType)
Cached: type = type(functools.lru_cache(len))
METHODS = kinds(
    FunctionType, staticmethod, classmethod, MethodDescriptorType, WrapperDescriptorType, ClassMethodDescriptorType,
    BuiltinFunctionType, MethodType, Cached,
)  # fmt: skip
DATA = kinds(property, GetSetDescriptorType, MemberDescriptorType)
PLAIN = kinds(int, str, float, bool, type(None), dict, list, tuple, set, bytes)


def can_change(cls: type) -> bool:
    """Whether attributes of a class can be set."""
    return class_flags(cls) & (HEAP_TYPE | IMMUTABLE_TYPE) == HEAP_TYPE


class Layout:
    """How attributes of the instances of one class are found; made once per class and method resolution order."""

    __slots__ = (
        "cls", "dict_of", "getattribute", "is_container", "is_local", "is_module", "is_special", "is_type", "lasting",
        "methods", "mro", "namespaces", "setattr",
    )  # fmt: skip

    def __init__(self, cls: type) -> None:
        self.cls = weakref.ref(cls)
        self.mro = class_mro(cls)
        self.lasting = not class_flags(cls) & HEAP_TYPE
        self.namespaces = tuple((base, class_dict(base), can_change(base)) for base in self.mro)
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
        if id(type(found)) in DATA and type(found) is not property:
            return found.__get__  # type: ignore[no-any-return]
        return None


_layouts: dict[int, Layout] = {}


def layout_of(kind: type) -> Layout:
    """The layout of a class, made anew when the class changed its bases."""
    layout = _layouts.get(id(kind))
    if layout is not None and (layout.lasting or (layout.cls() is kind and layout.mro is class_mro(kind))):
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


def is_data(descriptor: Any) -> bool:
    kind = type(descriptor)
    if id(kind) in METHODS or id(kind) in PLAIN:
        return False
    if id(kind) in DATA:
        return True
    layout = layout_of(kind)
    return layout.method("__set__")[0] is not MISSING or layout.method("__delete__")[0] is not MISSING


def is_descriptor(descriptor: Any) -> bool:
    return layout_of(type(descriptor)).method("__get__")[0] is not MISSING
