"""The yield points of a code object: `analyse` gives a :class:`Site` for each instruction that may touch shared state.

It is the door to this folder's static analysis; it knows neither threads nor schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import Any

from harness.instrument import expressions as ex
from harness.instrument.containers import Lazy
from harness.instrument.families import is_mark
from harness.instrument.flow import Flow
from harness.instrument.foreign import set_scope as cover
from harness.instrument.locations import (
    ABSENT,
    BOTH,
    CELLS,
    EXTERNAL,
    READ,
    UNKNOWN,
    UNRESOLVED,
    WHOLE,
    WRITE,
    Touch,
    Touches,
)
from harness.instrument.opcodes import Role
from harness.instrument.resolve import evaluator, guarded, needs_locals
from harness.instrument.returns import Caller, forget_results, remember
from harness.instrument.show import show
from harness.instrument.stack import Access
from harness.instrument.touching import Touching, touching

__all__ = [
    "ABSENT", "BOTH", "CELLS", "EXTERNAL", "READ", "UNKNOWN", "UNRESOLVED", "WHOLE", "WRITE", "Site", "Touch",
    "Touches",
    "analyse", "set_scope", "show",
]  # fmt: skip
Value = Callable[[FrameType], Any]
_WRITES = frozenset({
    Role.STORE_ATTR, Role.DELETE_ATTR, Role.STORE_ITEM, Role.DELETE_ITEM, Role.STORE_GLOBAL, Role.DELETE_GLOBAL,
    Role.STORE_NAME, Role.DELETE_NAME, Role.STORE_CELL, Role.DELETE_CELL,
})  # fmt: skip
_ACTIONS = frozenset({Role.CALL, Role.ENTER, Role.IMPORT, Role.RETURN})
_CALLS_BACK = frozenset({Role.CALL, Role.LOAD_ITEM, Role.LOAD_ATTR})


class Site:
    """One instruction that may touch shared state.

    ``touch(frame)`` says what it is about to touch in a frame that stands before it; ``value(frame)`` is the value
    at the location, or ABSENT; ``callee(frame)`` is what a call calls, or UNRESOLVED (None where it is no call).
    ``mode`` is what the instruction does in general; each touch has its own.
    """

    __slots__ = ("callee", "code", "hot", "label", "line", "mode", "offset", "touch", "value")

    touch: Touching
    value: Value
    callee: Value | None

    def __init__(self, code: CodeType, offset: int, line: int, access: Access, touch: Touching) -> None:
        self.code = code
        self.offset = offset
        self.line = line
        self.hot = False
        self.mode = _mode(access)
        located = location(access)
        self.label = ex.shortened(located.text)
        self.touch = touch
        self.value = _reader(located, access)
        self.callee = _callee(access)

    def __repr__(self) -> str:
        return f"<Site {self.label} at {self.code.co_qualname}:{self.line}+{self.offset}>"


def set_scope(covers: Callable[[CodeType], bool]) -> None:
    """Say which code is instrumented: what it touches it says itself, at its own sites."""
    forget_results()
    cover(covers)


_analysed: dict[int, tuple[Caller, dict[int, Site]]] = {}
MAX_ANALYSED = 20_000


def analyse(code: CodeType) -> dict[int, Site]:
    """The sites of ``code`` by instruction offset; instructions that touch nothing shared are left out.

    The analysis is kept: the next exploration of the same code gets the same sites, none of them hot.
    """
    known = _analysed.get(id(code))
    if known is None:
        if len(_analysed) >= MAX_ANALYSED:
            _analysed.clear()
        known = _analysed[id(code)] = _analyse(code)
    caller, sites = known
    remember(caller)
    for site in sites.values():
        site.hot = False
    return sites


def _analyse(code: CodeType) -> tuple[Caller, dict[int, Site]]:
    lines = _lines(code)
    sites: dict[int, Site] = {}
    unfinished: dict[int, Touching] = {}
    flow = Flow(code)
    found = flow.run()
    for offset, access in found.items():
        touch = touching(code, access)
        if touch is not None:
            sites[offset] = Site(code, offset, lines.get(offset, code.co_firstlineno), access, touch)
            if access.role in _CALLS_BACK:
                unfinished[offset] = touch
    return Caller(code, flow.starts(), _wanted(found.values()), unfinished), dict(sorted(sites.items()))


def _wanted(found: Iterable[Access]) -> frozenset[int]:
    """Instructions whose results others need that do not find them in a variable."""
    offsets: set[int] = set()
    for access in found:
        own = access.role in (Role.CALL, Role.ENTER)
        exprs = [part for operand in access.operands for part in operand.parts()] if own else access.operands
        for expr in exprs:
            offsets.update(part.offset for part in ex.walk(expr) if isinstance(part, ex.Attr | ex.Item | ex.Call))
    return frozenset(offsets - {-1})


def _lines(code: CodeType) -> dict[int, int]:
    return {offset: line for start, end, line in code.co_lines() if line is not None for offset in range(start, end, 2)}


def _mode(access: Access) -> int:
    if access.role in _WRITES:
        return WRITE
    if access.role in _ACTIONS or (access.role is Role.BINARY and access.name.endswith("=")):
        return BOTH
    return READ


def location(access: Access) -> ex.Expr:
    """The expression whose text names the access for people."""
    role, operands = access.role, access.operands
    if role in (Role.LOAD_ATTR, Role.STORE_ATTR, Role.DELETE_ATTR):
        return ex.Attr(operands[0] if operands else ex.OPAQUE, access.name)
    if role is Role.LOAD_SUPER:
        return ex.Super(operands[0], operands[1], access.name)
    if role in (Role.LOAD_ITEM, Role.STORE_ITEM, Role.DELETE_ITEM):
        return ex.Item(operands[0], operands[1])
    if role is Role.BINARY:
        return ex.Binary(access.name, operands[0], operands[1])
    if role is Role.CONTAINS:
        return ex.Binary("in", operands[0], operands[1])
    if role is Role.READ and len(operands) == 2:
        return ex.Binary(access.name or ",", operands[0], operands[1])
    return ex.Fresh("return") if role is Role.RETURN else operands[0]


def _reader(located: ex.Expr, access: Access) -> Value:
    """What to show as the value at the location; for a method call the object it is called on."""
    expr = located
    if isinstance(expr, ex.Call):
        expr = expr.callee.owner if isinstance(expr.callee, ex.Attr) else ex.OPAQUE
    if access.role in (Role.BINARY, Role.CONTAINS):
        expr = access.operands[0 if access.role is Role.BINARY else 1]
    if isinstance(expr, ex.Opaque | ex.Fresh):
        return _absent
    evaluate, wants = evaluator(expr), needs_locals(expr)

    def value(frame: FrameType) -> Any:
        try:
            found = evaluate(frame, frame.f_locals if wants else {})
        except LookupError:
            return ABSENT
        return ABSENT if is_mark(found) or type(found) is Lazy else found

    return value


def _absent(frame: FrameType) -> Any:
    return ABSENT


def _callee(access: Access) -> Value | None:
    if access.role not in (Role.CALL, Role.ENTER) or not isinstance(access.operands[0], ex.Call):
        return None
    expr = access.operands[0].callee
    evaluate, wants = guarded(expr), needs_locals(expr)

    def callee(frame: FrameType) -> Any:
        found = evaluate(frame, frame.f_locals if wants else {})
        return UNRESOLVED if is_mark(found) or type(found) is Lazy else found

    return callee
