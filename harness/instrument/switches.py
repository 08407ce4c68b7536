"""Where the GIL can change hands: which preemptions of a witness can happen on today's ordinary builds.

On CPython 3.10 to 3.14 a thread gives up the GIL where the interpreter looks at its eval breaker: when a Python
function is entered, at a backward jump, and after a call of a C function (and in C code that releases it, which takes a
call too). The return of a Python function is no such place.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any, NamedTuple

_BREAKERS = ("CALL", "JUMP_BACKWARD", "POP_JUMP_BACKWARD", "RESUME", "SEND", "YIELD")
_UNINTERRUPTED = ("JUMP_BACKWARD_NO_INTERRUPT", "RETURN_GENERATOR")


class Standing(NamedTuple):
    """A frame on the stack of a thread that stands before an access."""

    frame: int
    code: CodeType
    offset: int
    in_c: bool
    """Whether the frame waits for a C function that called the next inner frame back."""


class Visit(NamedTuple):
    """A thread before an access: its stack, innermost frame first, and whether Python code makes the access."""

    site: Any
    stack: tuple[Standing, ...]
    enters: bool


def visit(site: Any, frame: FrameType, called_from_c: Callable[[FrameType, FrameType], bool]) -> Visit:
    """The thread that runs ``frame`` before the access at ``site``."""
    stack = []
    inner: FrameType | None = None
    at: FrameType | None = frame
    while at is not None:
        in_c = inner is not None and called_from_c(at, inner)
        stack.append(Standing(id(at), at.f_code, at.f_lasti, in_c))
        inner, at = at, at.f_back
    callee = getattr(site, "callee", None)
    enters = not hasattr(site, "offset") or (
        callee is not None and isinstance(callee(frame), (FunctionType, MethodType))
    )
    return Visit(site, tuple(stack), enters)


def gil_can_switch(path: Sequence[Visit], shared: Collection[Any]) -> bool:
    """Whether a GIL build can switch threads before the last access of ``path`` with the same effect.

    ``path`` are the visits of one thread from its start; ``shared`` the sites at which it conflicts with others. It may
    switch anywhere after the last access that conflicts: what lies between commutes with the other threads.
    """
    if path[-1].enters:
        return True
    for later, earlier in zip(reversed(path), reversed(path[:-1]), strict=False):
        if _between(earlier, later):
            return True
        if earlier.site in shared:
            return False
    return True


def _between(earlier: Visit, later: Visit) -> bool:
    """Whether the eval breaker is looked at between two visits that follow each other in one thread."""
    depth = 0
    for one, two in zip(reversed(earlier.stack), reversed(later.stack), strict=False):
        if one.frame != two.frame or one.code is not two.code:
            break
        depth += 1
    if len(later.stack) > depth or depth == 0:
        return True
    returned = len(earlier.stack) - depth
    for position, standing in enumerate(earlier.stack[:returned]):
        if _looks(standing, None, included=position == 0 or standing.in_c):
            return True
    resumed, now = earlier.stack[returned], later.stack[0]
    if now.offset <= resumed.offset:
        return True
    return _looks(resumed, now.offset, included=returned == 0 or resumed.in_c)


def _looks(standing: Standing, until: int | None, *, included: bool) -> bool:
    """Whether code from where a frame stood (the instruction itself included or not) up to ``until`` may look.

    Without ``until`` the function returned: then as far as its code runs straight on.
    """
    first = standing.offset if included else standing.offset + 1
    layout = _layout(standing.code)
    if until is None:
        until = min((jump for jump in layout.jumps if jump >= first), default=len(standing.code.co_code))
    return any(first <= breaker < until for breaker in layout.breakers)


class _Layout(NamedTuple):
    breakers: tuple[int, ...]
    jumps: tuple[int, ...]


@lru_cache(maxsize=512)
def _layout(code: CodeType) -> _Layout:
    instructions = [(found.opname, found.offset) for found in dis.get_instructions(code)]
    return _Layout(
        tuple(at for name, at in instructions if name.startswith(_BREAKERS) and name not in _UNINTERRUPTED),
        tuple(at for name, at in instructions if "JUMP" in name or name.startswith(("RETURN_", "FOR_ITER", "SEND"))),
    )
