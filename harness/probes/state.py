"""The state of an object graph as plain records, and the comparison of two of them.

It runs in the probing process and, loaded by file, in the fresh one: it imports the standard library only.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import re
import sys
import types
from typing import Any

ATOMS = (int, float, bool, str, bytes, complex, type(None), bytearray)
BY_REFERENCE = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, logging.Logger)
LIMIT = 30_000
_LONGEST = 1_000  # a path, in characters: what is nested deeper is not compared
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+|0x[0-9a-fA-F]{6,}")
_HOOKS = ("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__")

Record = dict[str, Any]


# Under the pytest plugin a lock is the harness's dual-mode one, and the user's worker has CPython's: say that.
_STAND_INS = {
    "harness.runtime.locks.Lock": "_thread.lock",
    "harness.runtime.locks.RLock": "_thread.RLock",
    "harness.runtime.locks.SimpleQueue": "_queue.SimpleQueue",
    "harness.runtime.locks.Condition": "threading.Condition",
}
_OPAQUE = ("Lock", "RLock", "SimpleQueue")


def is_a(value: Any, kinds: Any) -> bool:
    """Ask the type, not the object: ``isinstance`` believes a ``__class__`` that lies, and runs code to ask for it."""
    return issubclass(type(value), kinds)


def describe(root: Any, name: str = "obj", limit: int = LIMIT) -> tuple[dict[str, Record], dict[str, Any]]:
    """Return ``(records, objects)`` by path: what is held where, in an order that does not depend on hashing."""
    records: dict[str, Record] = {}
    objects: dict[str, Any] = {}
    first_path: dict[int, str] = {}
    pending: list[tuple[str, Any]] = [(name, root)]
    while pending and len(records) < limit:
        path, value = pending.pop()
        if is_a(value, ATOMS) and type(value) in ATOMS:
            records[path] = _atom(value)
            continue
        objects[path] = value
        if id(value) in first_path:
            records[path] = {"kind": "alias", "type": type_name(value), "of": first_path[id(value)]}
            continue
        first_path[id(value)] = path
        record, children = _looked_at(path, value) if len(path) < _LONGEST else (_cut(value), [])
        records[path] = record
        pending.extend(reversed(children))
    return records, objects


def type_name(value: Any) -> str:
    """Return the qualified name of a value's type; builtins without their module."""
    kind = type(value)
    if kind.__module__ == "harness.runtime.locks":
        return _STAND_INS.get(f"{kind.__module__}.{kind.__qualname__}", kind.__qualname__)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{'__main__.' if module == '__mp_main__.' else module}{kind.__qualname__}"


def _looked_at(path: str, value: Any) -> tuple[Record, list[tuple[str, Any]]]:
    try:
        return _compound(path, value)
    except Exception:  # an object that cannot even be looked at is not compared
        return _cut(value), []


def _cut(value: Any) -> Record:
    return {"kind": "reference", "type": type_name(value)}


def _atom(value: Any) -> Record:
    text = repr(value) if not is_a(value, bytes | bytearray | str) or len(value) < 80 else None
    if text is None:
        raw = value.encode("utf-8", "surrogatepass") if is_a(value, str) else bytes(value)
        text = f"<{len(value)} long, {hashlib.blake2b(raw, digest_size=8).hexdigest()}>"
    return {"kind": "atom", "type": type_name(value), "value": text}


def _compound(path: str, value: Any) -> tuple[Record, list[tuple[str, Any]]]:
    record: Record = {"kind": "object", "type": type_name(value)}
    if is_a(value, BY_REFERENCE):
        return {**record, "kind": "reference"}, []
    if type(value).__module__ in ("enum",) or _is_enum(value):
        return {**record, "kind": "reference"}, []
    children: list[tuple[str, Any]] = []
    if is_a(value, types.MethodType):
        return record, [(f"{path}.__self__", value.__self__)]
    if is_a(value, BaseException):
        children += [(f"{path}.args", value.args)]
    if is_a(value, functools.partial):
        children += [(f"{path}.{name}", getattr(value, name)) for name in ("func", "args", "keywords")]
    if is_a(value, list | tuple):
        record["length"] = tuple.__len__(value) if is_a(value, tuple) else list.__len__(value)
        children += [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    elif is_a(value, dict):
        record["length"] = dict.__len__(value)
        children += _dict_children(path, value)
    elif is_a(value, set | frozenset):
        record["length"] = len(value)
        record["value"] = sorted(repr(item) for item in value if type(item) in ATOMS)
    attributes = held(value)
    record["attributes"] = sorted(attributes)
    record["library"] = is_library_type(type(value)) and type(value).__module__ != "builtins"
    if not attributes and "length" not in record:
        record["value"] = _short(value)
    if not record["library"] or "length" in record or attributes:
        children += [(f"{path}.{name}", attributes[name]) for name in sorted(attributes) if _wanted(record, name)]
    return record, children


def _wanted(record: Record, name: str) -> bool:
    """Private state of library objects is the library's own affair: caches, process ids, file handles."""
    return not record["library"] or not name.startswith("_")


def _dict_children(path: str, value: dict[Any, Any]) -> list[tuple[str, Any]]:
    children = []
    for index, (key, item) in enumerate(dict.items(value)):
        if type(key) in ATOMS:
            children.append((f"{path}[{key!r}]", item))
        else:
            children.append((f"list({path}.values())[{index}]", item))
    return children


def _is_enum(value: Any) -> bool:
    enum = sys.modules.get("enum")
    return enum is not None and is_a(value, enum.Enum)


def held(value: Any) -> dict[str, Any]:
    """Return the instance dictionary and filled Python slots of a value, without running its code."""
    found: dict[str, Any] = {}
    if type(value).__module__ == "harness.runtime.locks" and type(value).__name__ in _OPAQUE:
        return found
    try:
        own = object.__getattribute__(value, "__dict__")
    except Exception:  # none, or a property that refuses
        own = None
    if is_a(own, dict):
        found.update((name, item) for name, item in own.items() if isinstance(name, str))
    for cls in type(value).__mro__:
        if "__slots__" not in cls.__dict__:
            continue
        for name, descriptor in cls.__dict__.items():
            if is_a(descriptor, types.MemberDescriptorType) and name != "__weakref__":
                try:
                    found[name] = descriptor.__get__(value)
                except AttributeError:
                    continue
    return found


def is_library_type(cls: type) -> bool:
    """Say whether a class comes from the standard library, an installed package or a C extension."""
    module = sys.modules.get(cls.__module__)
    if cls.__module__ == "harness.runtime.locks":
        return True
    if cls.__module__.partition(".")[0] in sys.stdlib_module_names and cls.__module__ not in ("__main__",):
        return True
    file = getattr(module, "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file or (bool(file) and not file.endswith(".py"))


def _short(value: Any) -> str:
    if type(value) is object or inherits(type(value), "__repr__"):
        return ""
    try:
        return _ADDRESS.sub("", repr(value))[:200]
    except BaseException as error:  # the repr is the user's code
        return f"<repr failed: {type(error).__name__}>"


def inherits(cls: type, name: str) -> bool:
    """Say whether a class takes a special method from ``object``."""
    return getattr(cls, name) is getattr(object, name)


def mentioned(cls: type, name: str) -> bool:
    """Say whether a pickling hook that a Python class defines mentions an attribute: its loss is deliberate."""
    return any(name in _words(base.__dict__.get(hook)) for base in cls.__mro__ for hook in _HOOKS)


def restored_lazily(cls: type, name: str) -> bool:
    """Say whether a method asks ``hasattr`` or ``getattr`` for the attribute by name: it expects it to be absent."""
    for base in cls.__mro__:
        for function in base.__dict__.values():
            words = _words(function)
            if name in words and words & {"hasattr", "getattr"} and name in _constants(function):
                return True
    return False


def _constants(function: Any) -> set[str]:
    code = getattr(function, "__code__", None)
    return {text for text in getattr(code, "co_consts", ()) if isinstance(text, str)}


def _words(function: Any) -> set[str]:
    code = getattr(function, "__code__", None)
    if code is None:
        return set()
    words = {*code.co_names, *(text for text in code.co_consts if isinstance(text, str))}
    for constant in code.co_consts:
        if isinstance(constant, tuple | frozenset):
            words.update(text for text in constant if isinstance(text, str))
    return words


def compare(before: dict[str, Record], after: dict[str, Record]) -> list[tuple[str, str, str]]:
    """Return ``(path, what, detail)`` for each difference, outermost only; ``what`` is one of
    ``missing``, ``type``, ``value``, ``length``, ``alias``. Paths under a reported one are left out.
    """
    found: list[tuple[str, str, str]] = []
    closed: set[str] = set()
    for path, old in before.items():
        parent = _parent(path)
        if parent in closed or old["kind"] == "reference":
            closed.add(path)
            continue
        difference = _difference(old, after.get(path))
        if difference is None:
            continue
        if difference[0] == "missing" and _untold(parent, after):
            closed.add(path)
            continue
        closed.add(path)
        found.append((path, *difference))
    return found


def _untold(parent: str, after: dict[str, Record]) -> bool:
    """Say whether the second description says nothing there: it was cut off, or it tells it under another path."""
    return len(after) >= LIMIT or (bool(parent) and after.get(parent, {}).get("kind") in (None, "alias"))


def parent_of(path: str) -> str:
    """Return the path of the object that holds ``path``; empty for a root."""
    return _parent(path)


def _parent(path: str) -> str:
    if path.endswith("]"):
        depth = 0
        for index in range(len(path) - 1, -1, -1):
            depth += (path[index] == "]") - (path[index] == "[")
            if depth == 0:
                inner = path[:index]
                return inner[5:-10] if inner.startswith("list(") and inner.endswith(".values())") else inner
    return path.rpartition(".")[0]


def _difference(old: Record, new: Record | None) -> tuple[str, str] | None:
    if new is None:
        return "missing", "it is gone"
    if old["kind"] == "alias" and new["kind"] != "alias":
        return "alias", f"it was the same object as {old['of']} and is now another one"
    if old["type"] != new["type"]:
        value = f" {new['value']}" if new["kind"] == "atom" and new["value"] != "None" else ""
        return "type", f"{old['type']} became {new['type']}{value}"
    if old.get("length") != new.get("length"):
        return "length", f"{old.get('length')} items became {new.get('length')}"
    if "value" in old and "value" in new and old["value"] != new["value"]:
        return "value", f"{_clip(old.get('value'))} became {_clip(new.get('value'))}"
    return None


def _clip(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
