"""What the trip costs: bytes and seconds of an object and of its heaviest branches, pickled one by one.

Run it where user code may hang. It does not judge; :mod:`harness.probes.judge` does.
"""

from __future__ import annotations

import functools
import time
import types
from typing import Any

from harness.probes.edges import CONTAINERS, reduced
from harness.probes.paths import Edge, join
from harness.probes.picklers import Flavor
from harness.probes.report import Branch
from harness.probes.state import is_library_type, type_name

_SHARE = 0.25
_DEEPEST = 12
_WIDEST = 400
_SMALL = 4096


def weigh(flavor: Flavor, obj: Any) -> tuple[int, float]:
    """Return the bytes and the seconds of one dump."""
    started = time.perf_counter()
    size = len(flavor.dumps(obj))
    return size, time.perf_counter() - started


def branches(flavor: Flavor, root: str, obj: Any) -> tuple[Branch, ...]:
    """Return the heaviest branch and its heaviest branch and so on, as long as one holds a fair share of the bytes.

    The inside of a library's object is its own affair: the object itself is the last branch named.
    """
    edges: list[Edge] = []
    total, seconds = weigh(flavor, obj)
    found = [Branch(root, type_name(obj), total, seconds)] if total >= _SMALL else []
    current, size = obj, total
    for _ in range(_DEEPEST):
        if _is_closed(current):
            break
        weighed = sorted(_weigh_children(flavor, current), key=lambda item: -item[0])
        if not weighed or weighed[0][0] < max(_SMALL, size * _SHARE):
            break
        for bytes_, seconds, edge, child in weighed[:3]:
            if bytes_ >= max(_SMALL, total * _SHARE):
                found.append(Branch(join(root, [*edges, edge]), type_name(child), bytes_, seconds))
        size, _, edge, current = weighed[0]
        edges.append(edge)
    return tuple(found)


def _is_closed(obj: Any) -> bool:
    kind = type(obj)
    opened = kind in CONTAINERS or isinstance(obj, types.MethodType | types.FunctionType | functools.partial)
    return not opened and is_library_type(kind)


def _weigh_children(flavor: Flavor, obj: Any) -> list[tuple[int, float, Edge, Any]]:
    weighed = []
    for style, key, child in _children(flavor, obj)[:_WIDEST]:
        try:
            size, seconds = weigh(flavor, child)
        except Exception:  # a branch need not be picklable alone (it may refer to its holder in a hook)
            continue
        weighed.append((size, seconds, (style, key), child))
    return weighed


def _children(flavor: Flavor, obj: Any) -> list[Any]:
    container = CONTAINERS.get(type(obj))
    if container is not None:
        return list(container(obj)) if len(obj) <= _WIDEST else []
    if isinstance(obj, types.FunctionType | type) and not flavor.by_value:
        return []
    try:
        reduction = flavor.reduce(obj, type(obj))
        return reduced(obj, reduction) if isinstance(reduction, tuple) else []
    except Exception:  # it has been pickled before: an unstable hook only costs detail here
        return []


def human(size: float) -> str:
    """Return a size as a reader wants it."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
