"""Serialisability: is an outcome that of some sequential order of the same operations?"""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

LIMIT = 5_040
STABLE = frozenset({"function", "builtin_function_or_method", "module", "ellipsis", "NotImplementedType"})
"""Types that compare by identity whose objects are the same in every schedule."""


def count_orders(classes: Sequence[int]) -> int:
    """How many different sequential orders there are when threads of one class are interchangeable."""
    total = math.factorial(len(classes))
    for size in Counter(classes).values():
        total //= math.factorial(size)
    return total


def orders(classes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every different order, as thread indices; of interchangeable threads the lower index goes first."""
    members: dict[int, list[int]] = {}
    for index, kind in enumerate(classes):
        members.setdefault(kind, []).append(index)

    def extend(left: dict[int, int], order: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(order) == len(classes):
            yield order
            return
        for kind, used in left.items():
            if used < len(members[kind]):
                yield from extend({**left, kind: used + 1}, (*order, members[kind][used]))

    yield from extend(dict.fromkeys(members, 0), ())


def comparable(value: Any) -> Any:
    """``value`` in a form that compares by content; exceptions compare by type and arguments.

    Raises ``TypeError`` for what only compares by identity, since no two runs would ever agree on it.
    """
    if isinstance(value, BaseException):
        return ("raised", type(value).__qualname__, comparable(value.args))
    if type(value) in (list, tuple):
        return (type(value).__name__, tuple(comparable(item) for item in value))
    if type(value) is dict:
        return ("dict", tuple((comparable(k), comparable(v)) for k, v in value.items()))
    if type(value) in (set, frozenset):
        return ("set", frozenset(comparable(item) for item in value))
    if value is None or isinstance(value, (type, enum.Enum)) or type(value).__name__ in STABLE:
        if "<" in getattr(value, "__qualname__", ""):
            raise TypeError("a function made in a schedule compares by identity only")
        return value
    if getattr(type(value), "__eq__", None) is object.__eq__:
        raise TypeError(f"{type(value).__name__} compares by identity only")
    try:
        same = bool(value == value)
    except Exception as error:
        raise TypeError(f"comparing a {type(value).__name__} raises {type(error).__name__}") from None
    if not same:
        raise TypeError(f"a {type(value).__name__} does not equal itself")
    return value




def canonical(results: Sequence[Any], classes: Sequence[int]) -> list[Any]:
    """Comparable results, in an order that does not depend on which of several interchangeable threads had which."""
    grouped: dict[int, list[Any]] = {}
    for result, kind in zip(results, classes, strict=True):
        grouped.setdefault(kind, []).append(comparable(result))
    return [sorted(group, key=repr) for group in grouped.values()]
