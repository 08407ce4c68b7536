"""What the opcodes that build, read and iterate over values do to the operand stack."""

from __future__ import annotations

import dis
from collections.abc import Callable

from harness.instrument.expressions import OPAQUE, Fresh, Iter, Tuple, bounded
from harness.instrument.opcodes import Role
from harness.instrument.stack import HANDLERS, PY313, Handler, Stack, arg, handles

MAX_TUPLE = 8


@handles("BUILD_TUPLE")
def _build_tuple(stack: Stack, ins: dis.Instruction) -> None:
    items = stack.take(arg(ins))
    stack.push(bounded(Tuple(items)) if len(items) <= MAX_TUPLE else Fresh("(...)"))


def _display(pops: Callable[[int], int], shown: str) -> Handler:
    def handler(stack: Stack, ins: dis.Instruction) -> None:
        stack.take(pops(arg(ins)))
        stack.push(Fresh(shown))

    return handler


HANDLERS["BUILD_LIST"] = _display(lambda count: count, "[...]")
HANDLERS["BUILD_SET"] = _display(lambda count: count, "{...}")
HANDLERS["BUILD_MAP"] = _display(lambda count: 2 * count, "{...}")
HANDLERS["BUILD_CONST_KEY_MAP"] = _display(lambda count: count + 1, "{...}")
HANDLERS["BUILD_STRING"] = _display(lambda count: count, "'...'")
HANDLERS["BUILD_TEMPLATE"] = _display(lambda _: 2, "t'...'")
HANDLERS["BUILD_INTERPOLATION"] = _display(lambda bits: 2 + (bits & 1), "t'...'")
HANDLERS["IS_OP"] = _display(lambda _: 2, "... is ...")
HANDLERS["LIST_TO_TUPLE"] = _display(lambda _: 1, "(...)")
HANDLERS["CALL_INTRINSIC_2"] = _display(lambda _: 2, "?")
HANDLERS["CHECK_EXC_MATCH"] = _display(lambda _: 1, "?")
HANDLERS["ASYNC_GEN_WRAP"] = _display(lambda _: 1, "?")
HANDLERS["UNARY_NOT"] = _display(lambda _: 1, "not ...")


@handles("LIST_EXTEND", "SET_UPDATE", "DICT_UPDATE", "DICT_MERGE")
def _extend(stack: Stack, ins: dis.Instruction) -> None:
    stack.touch(Role.CONSUME, stack.pop())


@handles("UNPACK_SEQUENCE")
def _unpack(stack: Stack, ins: dis.Instruction) -> None:
    source, count = stack.pop(), arg(ins)
    stack.touch(Role.CONSUME, source)
    if isinstance(source, Tuple) and len(source.items) == count:
        stack.push(*reversed(source.items))
    else:
        stack.push(*[OPAQUE] * count)


@handles("UNPACK_EX")
def _unpack_ex(stack: Stack, ins: dis.Instruction) -> None:
    stack.touch(Role.CONSUME, stack.pop())
    stack.push(*[OPAQUE] * ((arg(ins) & 0xFF) + (arg(ins) >> 8) + 1))


def _reader(pops: int, shown: str, keep: int = 0) -> Handler:
    """Operands read as a whole; ``keep`` of them stay on the stack, a new value comes on top."""

    def handler(stack: Stack, ins: dis.Instruction) -> None:
        operands = stack.take(pops)
        stack.push(*operands[:keep])
        stack.touch(Role.READ, *operands, name=ins.argrepr)
        stack.push(Fresh(shown))

    return handler


HANDLERS["COMPARE_OP"] = _reader(2, "... == ...")
HANDLERS["UNARY_NEGATIVE"] = _reader(1, "-...")
HANDLERS["UNARY_POSITIVE"] = _reader(1, "+...")
HANDLERS["UNARY_INVERT"] = _reader(1, "~...")
HANDLERS["FORMAT_SIMPLE"] = _reader(1, "'...'")
HANDLERS["FORMAT_WITH_SPEC"] = _reader(2, "'...'")
HANDLERS["CONVERT_VALUE"] = _reader(1, "'...'")
HANDLERS["GET_LEN"] = _reader(1, "len(...)", keep=1)
HANDLERS["CALL_INTRINSIC_1"] = _reader(1, "?")


@handles("FORMAT_VALUE")
def _format_value(stack: Stack, ins: dis.Instruction) -> None:
    stack.touch(Role.READ, *stack.take(2 if arg(ins) & 4 else 1))
    stack.push(Fresh("'...'"))


@handles("CONTAINS_OP")
def _contains(stack: Stack, ins: dis.Instruction) -> None:
    item, container = stack.take(2)
    stack.touch(Role.CONTAINS, item, container)
    stack.push(Fresh("... in ..."))


@handles("TO_BOOL")
def _to_bool(stack: Stack, ins: dis.Instruction) -> None:
    stack.touch(Role.TEST, stack.pop())
    stack.push(Fresh("bool(...)"))


def _pop_jump(stack: Stack, ins: dis.Instruction) -> None:
    operand = stack.pop()
    if not PY313:
        stack.touch(Role.TEST, operand)


for _side in ("", "FORWARD_", "BACKWARD_"):
    HANDLERS[f"POP_JUMP_{_side}IF_TRUE"] = HANDLERS[f"POP_JUMP_{_side}IF_FALSE"] = _pop_jump


@handles("JUMP_IF_TRUE_OR_POP", "JUMP_IF_FALSE_OR_POP")
def _jump_or_pop(stack: Stack, ins: dis.Instruction) -> None:
    stack.touch(Role.TEST, stack.pop())


if not PY313:

    @handles("UNARY_NOT")
    def _unary_not(stack: Stack, ins: dis.Instruction) -> None:
        stack.touch(Role.TEST, stack.pop())
        stack.push(Fresh("not ..."))


@handles("GET_ITER", "GET_YIELD_FROM_ITER", "GET_AITER")
def _get_iter(stack: Stack, ins: dis.Instruction) -> None:
    source = stack.pop()
    stack.touch(Role.ITERATE, source)
    stack.push(bounded(Iter(source)))


@handles("FOR_ITER")
def _for_iter(stack: Stack, ins: dis.Instruction) -> None:
    stack.touch(Role.ADVANCE, stack.items[-1])
    stack.push(OPAQUE)


@handles("GET_ANEXT")
def _get_anext(stack: Stack, ins: dis.Instruction) -> None:
    stack.touch(Role.ADVANCE, stack.items[-1])
    stack.push(OPAQUE)


@handles("SEND")
def _send(stack: Stack, ins: dis.Instruction) -> None:
    stack.touch(Role.ADVANCE, stack.items[-2])
    stack.pop()
    stack.push(OPAQUE)


@handles("GET_AWAITABLE")
def _get_awaitable(stack: Stack, ins: dis.Instruction) -> None:
    stack.touch(Role.AWAIT, stack.pop())
    stack.push(OPAQUE)


@handles("YIELD_VALUE")
def _yield_value(stack: Stack, ins: dis.Instruction) -> None:
    stack.pop()
    stack.push(OPAQUE)


@handles("RETURN_GENERATOR")
def _return_generator(stack: Stack, ins: dis.Instruction) -> None:
    stack.push(OPAQUE)


@handles("END_SEND")
def _end_send(stack: Stack, ins: dis.Instruction) -> None:
    value = stack.pop()
    stack.pop()
    stack.push(value)


@handles("CLEANUP_THROW")
def _cleanup_throw(stack: Stack, ins: dis.Instruction) -> None:
    stack.take(3)
    stack.push(OPAQUE, OPAQUE)
