"""Functions that foreign code calls in the middle of an access, which it completes after they return.

`lru_cache`, `defaultdict` and `cached_property` look, call back, then store: the store comes after the callback's last
instruction. Knows neither frames nor operands.
"""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import Any

_codes: dict[int, CodeType] = {}


def completes(function: Any) -> None:
    """From now on the return of ``function`` is part of the access that calls it."""
    if type(function) is FunctionType:
        _codes[id(function.__code__)] = function.__code__


def is_called_back(code: CodeType) -> bool:
    """Whether a function with this code was seen to be called in the middle of an access."""
    return id(code) in _codes
