"""Numbers the objects of a schedule by their first touch: the identity that two runs of it share, unlike an address."""

from __future__ import annotations

import functools
import weakref
from typing import Any


class Identity:
    """``numbers`` maps addresses to numbers; an address is forgotten when its object dies."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.unknown = False
        self._last = 0
        self._keep: list[Any] = []

    def add(self, thing: Any) -> int:
        """Number ``thing``; an instance and its dictionary are one. None is an object that could not be resolved."""
        if thing is None:
            self.unknown = True
            return -1
        numbers = self.numbers
        inner = _instance_dict(thing)
        number = numbers.get(id(inner)) if inner is not None else None
        if number is None:
            number = self._next()
        keys = (id(thing),) if inner is None else (id(thing), id(inner))
        for key in keys:
            numbers[key] = number
        try:
            for key in keys:
                # Called with the dead reference, a default of `pop`. All in C: a thread that is told to end cannot meet
                # that in here, where it would be lost.
                self._keep.append(weakref.ref(thing, functools.partial(numbers.pop, key)))
        except TypeError:
            # Lists and dictionaries would give their address to the next one: they live until the schedule ends.
            if type(thing) in (dict, list):
                self._keep.append(thing)
        return number

    def of_lasting(self, thing: Any) -> int:
        """The number of what lives as long as the schedule."""
        number = self.numbers.get(id(thing))
        if number is None:
            number = self.numbers[id(thing)] = self._next()
        return number

    def _next(self) -> int:
        self._last += 1
        return self._last


def _instance_dict(thing: Any) -> dict[str, Any] | None:
    """The instance dictionary, looked up without running user code; None for what has none."""
    if isinstance(thing, (dict, type)):
        return None
    try:
        found = object.__getattribute__(thing, "__dict__")
    except (AttributeError, TypeError):
        return None
    return found if type(found) is dict else None
