"""The accesses of a code object: its operand stack followed over all control flow. Knows no running code."""

from __future__ import annotations

import dis
import sys
from types import CodeType
from typing import Any

import harness.instrument.stack_calls
import harness.instrument.stack_uses
import harness.instrument.stack_values  # noqa: F401 - registers its opcodes
from harness.instrument.expressions import OPAQUE, Expr
from harness.instrument.opcodes import Role, roles
from harness.instrument.stack import Access, Stack

ENDS = frozenset({
    "RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD", "JUMP_BACKWARD",
    "JUMP_BACKWARD_NO_INTERRUPT", "INTERPRETER_EXIT",
})  # fmt: skip
"""After these the next instruction is not reached by falling through."""
JUMPS = frozenset(dis.opname[op] for op in (*dis.hasjrel, *dis.hasjabs))
_State = tuple[Expr, ...]


class Disagreement(Exception):
    """Two ways to one instruction left stacks of different depth: a defect of the analysis."""


class Flow:
    """Interprets one code object until nothing changes."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.roles = roles()
        self.instructions = [ins for ins in dis.get_instructions(code) if ins.opname != "CACHE"]
        self.position = {ins.offset: index for index, ins in enumerate(self.instructions)}
        self.before: dict[int, _State] = {}
        self.found: dict[int, Access] = {}
        self.keywords: dict[int, tuple[str, ...]] = {}
        self.work: list[int] = []
        entries: Any = getattr(dis.Bytecode(code), "exception_entries", ())
        self.handlers = [(e.start, e.end, e.target, e.depth, e.lasti) for e in entries]

    def run(self) -> dict[int, Access]:
        """All accesses, with the operands as far as they are the same on every way."""
        self._reach(self.instructions[0].offset, ())
        while self.work:
            self._step(self.work.pop())
        return self.found

    def starts(self) -> dict[int, int]:
        """For each offset the one of the instruction it lies in, caches included."""
        offsets = [ins.offset for ins in self.instructions]
        spans = zip(offsets, [*offsets[1:], len(self.code.co_code)], strict=True)
        return {inside: start for start, end in spans for inside in range(start, end, 2)}

    def _reach(self, offset: int, state: _State) -> None:
        known = self.before.get(offset)
        if known is None:
            self.before[offset] = state
        elif known == state:
            return
        elif len(known) != len(state):
            raise Disagreement(f"{self.code!r} at {offset}: depth {len(known)} and {len(state)}")
        else:
            merged = tuple(a if a == b else OPAQUE for a, b in zip(known, state, strict=True))
            if merged == known:
                return
            self.before[offset] = merged
        self.work.append(self.position[offset])

    def _step(self, index: int) -> None:
        ins = self.instructions[index]
        state = self.before[ins.offset]
        stack = Stack(self.code)
        stack.items.extend(state)
        stack.keywords = self.keywords.get(index, ())
        access = stack.step(ins)
        self._record(ins, access)
        self._reach_handlers(ins, state)
        if ins.opname in JUMPS:
            self._reach(ins.argval, self._at_target(ins, stack, state))
        if ins.opname not in ENDS and index + 1 < len(self.instructions):
            if stack.keywords:
                self.keywords[index + 1] = stack.keywords
            self._reach(self.instructions[index + 1].offset, tuple(stack.items))

    def _record(self, ins: dis.Instruction, access: Access | None) -> None:
        if access is None and self.roles.get(ins.opname, Role.PRIVATE) is not Role.PRIVATE:
            access = Access(Role.CALL, (OPAQUE,))
        if access is not None:
            self.found[ins.offset] = access

    def _at_target(self, ins: dis.Instruction, stack: Stack, state: _State) -> _State:
        """The stack where ``ins`` jumps to, if it differs from the one after it falls through."""
        after = tuple(stack.items)
        if ins.opname in {"JUMP_IF_TRUE_OR_POP", "JUMP_IF_FALSE_OR_POP"}:
            return state
        if sys.version_info < (3, 12):
            if ins.opname == "FOR_ITER":
                return state[:-1]
            if ins.opname == "SEND":
                return (*state[:-2], OPAQUE)
        return after

    def _reach_handlers(self, ins: dis.Instruction, state: _State) -> None:
        for start, end, target, depth, lasti in self.handlers:
            if start <= ins.offset < end:
                kept = state[:depth] + (OPAQUE,) * (depth - len(state))
                self._reach(target, (*kept, *([OPAQUE] if lasti else []), OPAQUE))
