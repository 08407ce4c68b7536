"""Functions that foreign code calls in the middle of an access, which it completes when they return.

`lru_cache`, `defaultdict` and `cached_property` look, call back, then store: the store comes after the callback's last
instruction, so its return is a yield point of the caller's access. Knows neither schedules nor operands.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType
from typing import Any

from harness.instrument.locations import NOTHING, Touches

Touching = Callable[[FrameType], Touches]
_codes: dict[int, CodeType] = {}
_accesses: dict[int, dict[int, Touching]] = {}
_FUNCTOOLS = functools.__file__
MAX_CODES = 50_000


def completes(function: Any) -> None:
    """From now on the return of ``function`` is part of the access that calls it."""
    if type(function) is FunctionType:
        _codes[id(function.__code__)] = function.__code__


def remember(code: CodeType, accesses: dict[int, Touching]) -> None:
    """Keep the accesses of ``code`` that may call back, by offset."""
    if len(_accesses) > MAX_CODES:
        _accesses.clear()
    if accesses:
        _accesses[id(code)] = accesses


def returning(code: CodeType) -> Touching:
    """What the return of a frame of ``code`` touches: the rest of its caller's access, if foreign code is between."""
    key = id(code)

    def touch(frame: FrameType) -> Touches:
        if key not in _codes:
            return NOTHING
        caller = frame.f_back
        while caller is not None and caller.f_code.co_filename == _FUNCTOOLS:
            caller = caller.f_back
        if caller is None:
            return NOTHING
        access = _accesses.get(id(caller.f_code), {}).get(caller.f_lasti)
        return access(caller) if access is not None else NOTHING

    return touch
