"""What each opcode does to the operand stack, in expressions. Knows no control flow and no running code.

Prior art: the symbolic interpreter of PyTorch Dynamo; unlike that one this tracks where a value came from, never what
it is.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType

from harness.instrument.expressions import NULL, OPAQUE, Attr, Expr, Local, mentions
from harness.instrument.opcodes import Role

PY312 = sys.version_info >= (3, 12)
PY313 = sys.version_info >= (3, 13)
PY314 = sys.version_info >= (3, 14)


class StackUnderflow(Exception):
    """The analysis and the interpreter disagree on an opcode: a defect of this module."""


@dataclass(frozen=True, slots=True)
class Access:
    """One instruction that may touch shared state, with the expressions of its operands."""

    role: Role
    operands: tuple[Expr, ...]
    name: str = ""


def _is_exit(entry: Expr) -> bool:
    """The exit of a `with` block was looked up at its start: it does not follow the variable it came from."""
    return isinstance(entry, Attr) and entry.name in ("__exit__", "__aexit__")


class Stack:
    """The operand stack while one code object is interpreted over expressions."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.items: list[Expr] = []
        self.access: Access | None = None
        self.keywords: tuple[str, ...] = ()

    def push(self, *exprs: Expr) -> None:
        self.items.extend(exprs)

    def pop(self) -> Expr:
        if not self.items:
            raise StackUnderflow(self.code)
        return self.items.pop()

    def take(self, count: int) -> tuple[Expr, ...]:
        """Pop ``count`` entries, the lowest first."""
        if count > len(self.items):
            raise StackUnderflow(self.code)
        taken = tuple(self.items[len(self.items) - count :])
        del self.items[len(self.items) - count :]
        return taken

    def touch(self, role: Role, *operands: Expr, name: str = "") -> None:
        """Say that the current instruction is an access."""
        self.access = Access(role, operands, name)

    def forget(self, changed: Callable[[Expr], bool]) -> None:
        """Entries made from what an instruction has just changed can no longer be evaluated again."""
        for position, entry in enumerate(self.items):
            if mentions(entry, changed) and not _is_exit(entry):
                self.items[position] = OPAQUE

    def step(self, instruction: dis.Instruction) -> Access | None:
        """Interpret one instruction; returns its access, if it is one."""
        self.access = None
        handler = HANDLERS.get(instruction.opname)
        if handler is not None:
            handler(self, instruction)
        else:
            self._default(instruction)
        return self.access

    def _default(self, instruction: dis.Instruction) -> None:
        effect = dis.stack_effect(instruction.opcode, instruction.arg if _has_argument(instruction) else None)
        if effect < 0:
            self.take(-effect)
        self.push(*[OPAQUE] * effect)


def _has_argument(instruction: dis.Instruction) -> bool:
    return instruction.opcode >= dis.HAVE_ARGUMENT if not PY313 else instruction.opcode in dis.hasarg


Handler = Callable[[Stack, dis.Instruction], None]
HANDLERS: dict[str, Handler] = {}


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Register a handler for opcodes."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return register


def arg(instruction: dis.Instruction) -> int:
    """The numeric argument."""
    return instruction.arg or 0


def push_callable(stack: Stack, expr: Expr) -> None:
    """Push what is about to be called, with the empty slot where this version has it."""
    stack.push(*((expr, NULL) if PY313 else (NULL, expr)))


def forget_name(stack: Stack, kind: type[Local], name: str) -> None:
    """A variable has changed: entries made from it are no longer what it would give now."""
    stack.forget(lambda expr: type(expr) is kind and expr.name == name)
