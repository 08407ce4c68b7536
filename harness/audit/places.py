"""Where something is being made: the nearest line outside the libraries. Cheap enough to ask at every open file."""

from __future__ import annotations

import functools
import os
import sys
from types import FrameType

from harness.probes.origins import is_library_file, show_file

_HARNESS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")

_START = ("Thread._bootstrap", "Thread._bootstrap_inner", "Thread.run")


@functools.cache
def passed_over(file: str) -> bool:
    """Whether a file is none that the user could mend: a library, the harness, or no file at all."""
    return file.startswith(("<", _HARNESS)) or is_library_file(os.path.abspath(file))


def calling_line(frame: FrameType | None = None) -> str:
    """The nearest calling line of the user's as ``file:line``; of a library's if there is no other; else nothing."""
    frame = frame or sys._getframe(1)
    library = ""
    while frame is not None:
        file = frame.f_code.co_filename
        if not passed_over(file):
            return f"{show_file(os.path.abspath(file))}:{frame.f_lineno}"
        if not library and not file.startswith(("<", _HARNESS)):
            library = f"{show_file(file)}:{frame.f_lineno}"
        frame = frame.f_back
    return library


def standing(frame: FrameType | None) -> str:
    """Where a thread stands, as ``file:line in function``: its nearest line of the user's, else the innermost."""
    while frame is not None and frame.f_back is not None and frame.f_code.co_filename.startswith(_HARNESS):
        frame = frame.f_back
    innermost = frame
    while frame is not None and passed_over(frame.f_code.co_filename):
        frame = frame.f_back
    frame = frame or innermost
    if frame is None:
        return "no Python code"
    return f"{show_file(os.path.abspath(frame.f_code.co_filename))}:{frame.f_lineno} in {frame.f_code.co_qualname}"


def belongs_to_harness(frame: FrameType | None) -> bool:
    """Whether the thread of this innermost frame was started by the harness itself: its outermost code is ours."""
    outermost = ""
    while frame is not None:
        if frame.f_code.co_qualname not in _START:
            outermost = frame.f_code.co_filename
        frame = frame.f_back
    return outermost.startswith(_HARNESS)
