"""Paths as Python expressions: an edge from an object to one it holds, and the joining of edges.

It does not know how edges are found.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable
from typing import Any

ATTR = "attr"
ITEM = "item"
WRAP = "wrap"

Edge = tuple[str, Any]
Step = tuple[str, Any, Any]  # style, key, child

_PLAIN_KEYS = frozenset({str, int, bool, bytes, type(None)})
_LONGEST_SHOWN = 160


def is_plain_key(key: object) -> bool:
    """Say whether ``repr(key)`` is an expression that evaluates to an equal key."""
    kind = type(key)
    if kind in _PLAIN_KEYS:
        return True
    if kind is float:
        return math.isfinite(key)  # type: ignore[arg-type]
    return kind is tuple and all(is_plain_key(part) for part in key)  # type: ignore[attr-defined]


def attribute(name: Any) -> Edge:
    """Return the edge to an attribute, through ``vars`` when the name is no identifier."""
    if isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name):
        return ATTR, name
    return WRAP, f"vars({{}})[{name!r}]"


def join(root: str, edges: Iterable[Edge]) -> str:
    """Return the expression that leads from ``root`` along ``edges``."""
    left: list[str] = []
    right = [root]
    for style, key in edges:
        if style == ATTR:
            right.append(f".{key}")
        elif style == ITEM:
            right.append(f"[{key!r}]")
        else:
            before, _, after = key.partition("{}")
            left.append(before)
            right.append(after)
    return "".join(reversed(left)) + "".join(right)


def shorten(path: str) -> str:
    """Return a path that fits a line: the middle of a very long one is left out."""
    if len(path) <= _LONGEST_SHOWN:
        return path
    half = _LONGEST_SHOWN // 2
    return f"{path[:half]} ... {len(path) - 2 * half} characters ... {path[-half:]}"
