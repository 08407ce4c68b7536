"""Values as plain hashable data that compares by content: what may be compared between schedules."""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import Any

from harness.oracles import serial

KINDS_OF_LOCKS = ("_thread", "threading", "harness.runtime.locks")
SHOWN = 60


def freeze(value: Any) -> Any:
    """``value`` as hashable plain data that compares by type and content; ``TypeError`` for what cannot."""
    if type(value) in (int, bool, float, complex, str, bytes, type(None)):
        return (type(value).__name__, serial.comparable(value))
    if isinstance(value, BaseException):
        return ("raised", type(value).__qualname__, freeze(value.args))
    if isinstance(value, (list, tuple, deque)):
        return (type(value).__name__, tuple(freeze(item) for item in value))
    if isinstance(value, dict):
        return (type(value).__name__, tuple((freeze(k), freeze(v)) for k, v in value.items()))
    if isinstance(value, (set, frozenset)):
        return (type(value).__name__, frozenset(freeze(item) for item in value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return (type(value).__name__, tuple(freeze(getattr(value, f.name)) for f in dataclasses.fields(value)))
    plain = serial.comparable(value)
    hash(plain)
    return (type(value).__name__, plain)


def attributes(target: Any) -> Any:
    """The attributes of an instance but its locks; a container itself; None where there is nothing to compare."""
    if isinstance(target, (list, dict, set, deque)):
        return target
    names = getattr(target, "__dict__", None)
    if not isinstance(names, dict):
        return None
    return {name: value for name, value in names.items() if type(value).__module__ not in KINDS_OF_LOCKS} or None


def short(value: Any) -> str:
    """The value in at most :data:`SHOWN` characters."""
    text = repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def text_of(error: BaseException) -> str:
    """What an exception says, or else its type."""
    return str(error) or type(error).__name__
