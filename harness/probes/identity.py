"""Objects that code compares with ``is``: sentinels that a module or class keeps under a name.

It finds them in a described graph; whether the name still leads to them after the trip is checked by the worker.
"""

from __future__ import annotations

import sys
import types
from typing import Any

from harness.probes.state import held, inherits, is_a

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement
_IGNORED = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, str, bytes, int, float, tuple)


def sentinel_names() -> dict[int, tuple[str, str]]:
    """Return ``id -> (module, name)`` of every module global that looks like a sentinel."""
    found: dict[int, tuple[str, str]] = {}
    for module_name, module in list(sys.modules.items()):
        if not isinstance(module, types.ModuleType) or module_name == "__mp_main__":
            continue
        for name, value in list(vars(module).items()):
            if not is_a(value, _IGNORED) and not name.startswith("__") and is_sentinel(value):
                found.setdefault(id(value), (module_name, name))
    return found


def is_sentinel(value: Any) -> bool:
    """Say whether an object has nothing but its identity: a bare ``object()``, or one without state or methods."""
    kind = type(value)
    if kind is object:
        return True
    if kind.__flags__ & _HEAP_TYPE == 0 or not inherits(kind, "__eq__") or hasattr(kind, "__len__"):
        return False
    if _has_methods(kind) or callable(value):
        return False
    return not any(not isinstance(item, str | int | None) for item in held(value).values()) and len(held(value)) <= 1


def _has_methods(kind: type) -> bool:
    return any(
        is_a(value, types.FunctionType | property | classmethod | staticmethod) and not name.startswith("__")
        for base in kind.__mro__
        for name, value in base.__dict__.items()
    )


def sentinels_in(root: str, objects: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return ``(root, path, module, expression)`` for each sentinel in a described graph."""
    names = sentinel_names()
    found = []
    for path, value in objects.items():
        if id(value) in names:
            found.append((root, path, *names[id(value)]))
            continue
        holder = objects.get(path.rpartition(".")[0])
        place = _class_constant(type(holder), value) if holder is not None and is_sentinel(value) else None
        if place is not None:
            found.append((root, path, *place))
    return found


def _class_constant(cls: type, value: Any) -> tuple[str, str] | None:
    for base in cls.__mro__:
        for name, constant in base.__dict__.items():
            if constant is value and "<locals>" not in base.__qualname__:
                return base.__module__, f"{base.__qualname__}.{name}"
    return None
