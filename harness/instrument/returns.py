"""What the return of a function means to its caller: the end of an access, or a value that the caller goes on with.

Where a caller uses a result without storing it (`get().value`, `for x in self.items()`), the result is remembered until
the caller returns. Where foreign code called back in the middle of an access, the return is a yield point of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import CodeType, FrameType, FunctionType
from typing import Any

from harness.instrument.callbacks import is_called_back
from harness.instrument.foreign import caller_of, covered
from harness.instrument.locations import NOTHING, UNRESOLVED, Touches, Unresolved

Touching = Callable[[FrameType], Touches]
Value = Callable[[FrameType], Any]
_FUNCTOOLS = functools.__file__
MAX_FRAMES = 2_000
MAX_CODES = 50_000


class Caller:
    """What the code of a caller needs to know of the functions it calls.

    ``starts`` gives the offset of the instruction that any offset lies in (on 3.11 the offset of a frame that waits
    for a call is past it); ``wanted`` are the instructions whose results are used without being stored;
    ``accesses`` those that may call back.
    """

    __slots__ = ("accesses", "code", "starts", "wanted")

    def __init__(
        self, code: CodeType, starts: Mapping[int, int], wanted: frozenset[int], accesses: Mapping[int, Touching]
    ) -> None:
        self.code = code
        self.starts = starts
        self.wanted = wanted
        self.accesses = accesses


_callers: dict[int, Caller] = {}
_results: dict[int, dict[int, Any]] = {}


def remember(caller: Caller) -> None:
    """Let the functions that ``caller`` calls know what it needs of them."""
    if len(_callers) > MAX_CODES:
        _callers.clear()
    _callers[id(caller.code)] = caller


def forget_results() -> None:
    """Drop what frames that ended by an exception have left."""
    _results.clear()


def recorded(frame: FrameType, offset: int, function: FunctionType) -> Any:
    """What ``function``, called by the instruction at ``offset``, returned; raises :class:`Unresolved` if not known."""
    if not covered(function.__code__):
        raise Unresolved
    found = _results.get(id(frame), {}).get(offset, UNRESOLVED)
    if found is UNRESOLVED:
        raise Unresolved
    return found


def returning(code: CodeType, value: Value) -> Touching:
    """What the return of a frame of ``code`` touches; on the way its value is handed to the caller that wants it."""

    def touch(frame: FrameType) -> Touches:
        frame_above = caller_of(frame)
        if frame_above is None:
            _results.pop(id(frame), None)
            return NOTHING
        caller = _callers.get(id(frame_above.f_code))
        if caller is not None and caller.wanted:
            offset = caller.starts.get(frame_above.f_lasti, -1)
            if offset in caller.wanted:
                _record(frame_above, offset, value(frame))
        _results.pop(id(frame), None)
        return _completed(frame_above) if is_called_back(code) else NOTHING

    return touch


def _record(caller: FrameType, offset: int, value: Any) -> None:
    if len(_results) > MAX_FRAMES:
        _results.clear()
    _results.setdefault(id(caller), {})[offset] = value


def _completed(frame: FrameType | None) -> Touches:
    """The access of the nearest instrumented frame, which the standard library's `functools` makes for it."""
    while frame is not None and frame.f_code.co_filename == _FUNCTOOLS:
        frame = frame.f_back
    caller = _callers.get(id(frame.f_code)) if frame is not None else None
    if frame is None or caller is None:
        return NOTHING
    access = caller.accesses.get(caller.starts.get(frame.f_lasti, -1))
    return access(frame) if access is not None else NOTHING
