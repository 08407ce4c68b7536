"""Where the GIL can change hands: which preemptions of a witness can happen on today's ordinary builds.

On CPython 3.10 to 3.14 a thread gives up the GIL where the interpreter looks at its eval breaker: at function entry, at
a backward jump, and after a call (and in C code that releases it, which takes a call too).
"""

from __future__ import annotations

import dis
from functools import lru_cache
from types import CodeType


@lru_cache(maxsize=512)
def _breakers(code: CodeType) -> tuple[int, ...]:
    return tuple(
        instruction.offset
        for instruction in dis.get_instructions(code)
        if instruction.opname.startswith(("CALL", "JUMP_BACKWARD", "POP_JUMP_BACKWARD", "RESUME", "SEND", "YIELD"))
        and instruction.opname != "JUMP_BACKWARD_NO_INTERRUPT"
    )


def gil_can_switch(before: tuple[CodeType, int] | None, code: CodeType, offset: int) -> bool:
    """Whether a switch is possible between a thread's previous access and the one at ``offset`` of ``code``.

    ``before`` is code and offset of the previous access, None at the thread's start. Another code object in between
    means a call or a return from one.
    """
    if before is None or before[0] is not code or before[1] >= offset:
        return True
    return any(before[1] <= breaker < offset for breaker in _breakers(code))
