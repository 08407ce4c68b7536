"""What a pickler reaches from one object, each child under the attribute or item it lives in.

A reduction (``__reduce_ex__``) hands out temporaries: argument tuples, state dictionaries. They are folded away:
a child found in one is named by the attribute of the object that *is* that child, and only when there is none by
an expression through ``__reduce_ex__``. It runs no user code beyond iterating what the reduction returned.
"""

from __future__ import annotations

import copyreg
import types
from collections.abc import Iterator
from typing import Any

from harness.probes.paths import ATTR, ITEM, WRAP, Step, attribute, is_plain_key
from harness.probes.state import is_a

ATOMS = frozenset({int, float, bool, str, bytes, complex, type(None), type(...), type(NotImplemented), bytearray})
_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType)
_NOT_STATE = frozenset({"__weakref__", "__dict__", "__annotations__", "__class__", "__abstractmethods__"})


class MalformedReduction(TypeError):
    """``__reduce__`` returned something a pickler refuses."""


def sequence(obj: Any) -> Iterator[Step]:
    """Yield the items of a list or tuple that are not atoms."""
    for index, child in enumerate(obj):
        if type(child) not in ATOMS:
            yield ITEM, index, child


def mapping(obj: dict[Any, Any]) -> Iterator[Step]:
    """Yield the keys and values of a dict that are not atoms."""
    for index, (key, value) in enumerate(obj.items()):
        if type(key) not in ATOMS:
            yield WRAP, f"list({{}})[{index}]", key
        if type(value) not in ATOMS:
            if is_plain_key(key):
                yield ITEM, key, value
            else:
                yield WRAP, f"list({{}}.values())[{index}]", value


def members(obj: Any) -> Iterator[Step]:
    """Yield the members of a set that are not atoms, in the set's own order."""
    for index, child in enumerate(obj):
        if type(child) not in ATOMS:
            yield WRAP, f"list({{}})[{index}]", child


CONTAINERS: dict[type, Any] = {
    list: sequence,
    tuple: sequence,
    dict: mapping,
    set: members,
    frozenset: members,
}


def instance_attributes(obj: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield ``(style, key, value)`` of what ``obj`` holds, without running its code."""
    if is_a(obj, type):
        for name, value in type.__getattribute__(obj, "__dict__").items():
            yield WRAP, f"vars({{}})[{name!r}]", value
        return
    for name, value in _own_dict(obj).items():
        yield (*attribute(name), value)
    for name, descriptor in _descriptors(type(obj)):
        try:
            yield ATTR, name, descriptor.__get__(obj)
        except Exception:  # an empty slot, or a C getter that refuses: nothing held there
            continue


def own_dict(obj: Any) -> dict[Any, Any]:
    """Return the instance dictionary of ``obj``, empty when there is none; its ``__getattribute__`` is not asked."""
    return _own_dict(obj)


def _own_dict(obj: Any) -> dict[Any, Any]:
    try:
        found = object.__getattribute__(obj, "__dict__")
    except Exception:  # none, or a property that refuses
        return {}
    return found if is_a(found, dict) else {}


def slot_values(obj: Any) -> Iterator[tuple[str, Any]]:
    """Yield the filled slots of a Python class."""
    for cls in type(obj).__mro__:
        slots = cls.__dict__.get("__slots__")
        if slots is None:
            continue
        for name, descriptor in list(cls.__dict__.items()):
            if isinstance(descriptor, types.MemberDescriptorType) and name not in _NOT_STATE:
                try:
                    yield name, descriptor.__get__(obj)
                except AttributeError:
                    continue


def _descriptors(cls: type) -> Iterator[tuple[str, Any]]:
    for base in cls.__mro__:
        for name, value in list(base.__dict__.items()):
            if is_a(value, _DESCRIPTORS) and name not in _NOT_STATE:
                yield name, value


def reduced(obj: Any, reduction: tuple[Any, ...]) -> list[Step]:
    """Return the children that ``reduction`` makes the pickler save, named by where they live in ``obj``.

    Raises:
        MalformedReduction: the tuple is not one that a pickler accepts.
    """
    function, arguments, state, listitems, dictitems, setter = _checked(reduction)
    steps: list[Step] = []
    fold = _Fold(obj)
    if _is_new_object(function):
        if arguments[0] is not obj.__class__:
            raise MalformedReduction("args[0] from __newobj__ args has the wrong class")
        steps.append((WRAP, "type({})", arguments[0]))
        skipped = 1
    else:
        skipped = 0
        if type(function) not in ATOMS:
            fold.add(steps, "__reduce_ex__(4)[0]", None, function)
    for index, child in enumerate(arguments):
        if index >= skipped and type(child) not in ATOMS:
            fold.add(steps, f"__reduce_ex__(4)[1][{index}]", None, child)
    if state is not None:
        _add_state(fold, steps, state)
    if listitems is not None:
        _add_listitems(steps, obj, list(listitems))
    if dictitems is not None:
        steps.extend(mapping(dict(dictitems)))
    if setter is not None:
        steps.append((WRAP, "{}.__reduce_ex__(4)[5]", setter))
    return steps


def _checked(reduction: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(reduction, tuple) or not 2 <= len(reduction) <= 6:
        raise MalformedReduction("__reduce__ must return a string or a tuple of two to six elements")
    padded = (*reduction, *(None,) * (6 - len(reduction)))
    if not callable(padded[0]):
        raise MalformedReduction("the first element that __reduce__ returned is not callable")
    if not isinstance(padded[1], tuple):
        raise MalformedReduction("the second element that __reduce__ returned is not a tuple of arguments")
    return padded


def _is_new_object(function: Any) -> bool:
    return function is copyreg.__newobj__ or function is copyreg.__newobj_ex__  # type: ignore[attr-defined]


def _add_listitems(steps: list[Step], obj: Any, items: list[Any]) -> None:
    indexable = is_a(obj, list) or hasattr(type(obj), "__getitem__")
    for index, child in enumerate(items):
        if type(child) not in ATOMS:
            steps.append((ITEM, index, child) if indexable else (WRAP, f"list({{}})[{index}]", child))


def _add_state(fold: _Fold, steps: list[Step], state: Any) -> None:
    if state is _own_dict(fold.obj) and not isinstance(fold.obj, type):
        steps.extend((*attribute(name), value) for name, value in state.items() if type(value) not in ATOMS)
    elif type(state) is dict:
        fold.add_named(steps, state, "__reduce_ex__(4)[2]")
    elif type(state) is tuple and len(state) == 2 and all(part is None or type(part) is dict for part in state):
        for index, part in enumerate(state):
            fold.add_named(steps, part or {}, f"__reduce_ex__(4)[2][{index}]")
    elif type(state) not in ATOMS:
        fold.add(steps, "__reduce_ex__(4)[2]", None, state)


class _Fold:
    """Finds the attribute of one object that is the child of a temporary."""

    def __init__(self, obj: Any) -> None:
        self.obj = obj
        self._by_id: dict[int, tuple[str, Any]] | None = None
        self._held: list[Any] = []

    def add(self, steps: list[Step], through: str, key: Any, child: Any) -> None:
        place = self._place(child)
        if place is not None:
            steps.append((*place, child))
        elif type(child) in CONTAINERS and self._flatten(steps, child):
            return
        else:
            steps.append((WRAP, f"{{}}.{through}" + ("" if key is None else f"[{key!r}]"), child))

    def add_named(self, steps: list[Step], state: dict[Any, Any], through: str) -> None:
        for name, child in state.items():
            if type(child) in ATOMS:
                continue
            place = self._named(name, child) or self._place(child)
            if place is not None:
                steps.append((*place, child))
            elif type(child) in CONTAINERS and self._flatten(steps, child):
                continue
            elif is_plain_key(name):
                steps.append((WRAP, f"{{}}.{through}[{name!r}]", child))
            else:
                self.add(steps, through, None, child)

    def _named(self, name: Any, child: Any) -> tuple[str, Any] | None:
        """Return the edge ``.name`` when the child is that attribute or a copy of part of that mapping."""
        if not isinstance(name, str):
            return None
        for style, key, value in instance_attributes(self.obj):
            if key == name and style == ATTR:
                if value is child or _is_part(child, value):
                    return style, key
                return None
        return None

    def _place(self, child: Any) -> tuple[str, Any] | None:
        if self._by_id is None:
            self._by_id = {}
            for style, key, value in instance_attributes(self.obj):
                if type(value) not in ATOMS:
                    self._held.append(value)  # a C getter may make its value anew: keep ids from being reused
                    self._by_id.setdefault(id(value), (style, key))
            for style, key, value in list(instance_attributes(self.obj)):
                self._index_items(style, key, value)
            for index, value in enumerate(self.obj if is_a(self.obj, tuple | list) else ()):
                self._by_id.setdefault(id(value), (ITEM, index))
        return self._by_id.get(id(child))

    def _index_items(self, style: str, key: Any, value: Any) -> None:
        """Index the items of a tuple that the object holds: ``args`` of an exception or a partial."""
        if style == ATTR and type(value) is tuple and self._by_id is not None:
            for index, item in enumerate(value):
                if type(item) not in ATOMS:
                    self._by_id.setdefault(id(item), (WRAP, f"{{}}.{key}[{index}]"))

    def _flatten(self, steps: list[Step], container: Any) -> bool:
        """Name the items of a temporary container by attributes of the object, if every one has a place."""
        if is_a(self.obj, set | frozenset) or (type(container) is list and _same_items(self.obj, container)):
            steps.extend(members(self.obj))
            return True
        found: list[Step] = []
        for _, _, child in CONTAINERS[type(container)](container):
            place = self._place(child)
            if place is not None:
                found.append((*place, child))
            elif type(child) not in CONTAINERS or not self._flatten(found, child):
                return False
        steps.extend(found)
        return bool(found)


def _same_items(obj: Any, items: list[Any]) -> bool:
    if not is_a(obj, set | frozenset | list | tuple):
        return False
    return len(obj) == len(items) and all(a is b for a, b in zip(obj, items, strict=True))


def _is_part(part: Any, whole: Any) -> bool:
    if type(part) is not dict or not is_a(whole, dict | types.MappingProxyType):
        return False
    missing = object()
    return bool(part) and all(whole.get(key, missing) is value for key, value in part.items())
