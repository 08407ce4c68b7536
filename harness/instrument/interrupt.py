"""Raises an exception in another thread: at once where that thread runs Python, on its return where it is in C.

On 3.11 it works through the trace functions of the thread's frames. `PyThreadState_SetAsyncExc` must not be used there:
until the thread takes the exception, the eval breaker of the whole interpreter stays set, and with it set, a *traced*
call in any other thread goes round in its RESUME instruction for ever. 3.12 is free of that.
"""

from __future__ import annotations

import ctypes
import sys
from types import FrameType
from typing import NoReturn

from harness.instrument.scope import HARNESS


def raise_in(ident: int, exception: type[BaseException]) -> None:
    """Let the thread ``ident`` meet ``exception``.

    On 3.11 the thread must run under the trace function of its events, and the call must be repeated until it had an
    effect: a frame that is just being entered is given its trace function afterwards.
    """
    if sys.version_info >= (3, 12):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(exception))
    else:
        _trace_to_raise(sys._current_frames().get(ident), exception)


def take_back(ident: int) -> None:
    """Take back an exception that the thread ``ident`` has not met yet."""
    if sys.version_info >= (3, 12):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), None)


def _trace_to_raise(frame: FrameType | None, exception: type[BaseException]) -> None:
    def interrupt(frame: FrameType, event: str, arg: object) -> NoReturn:
        raise exception

    while frame is not None:
        # Not in our own frames: they put locks and counts in order while the exception passes.
        if not frame.f_code.co_filename.startswith(HARNESS):
            frame.f_trace = interrupt
            frame.f_trace_opcodes = True
        frame = frame.f_back
