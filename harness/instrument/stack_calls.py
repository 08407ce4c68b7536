"""What the opcodes that call, return, import and match do to the operand stack."""

from __future__ import annotations

import dis

from harness.instrument.expressions import FRESH_VALUE, OPAQUE, Attr, Call, Const, Expr, Module, Null, bounded
from harness.instrument.opcodes import Role
from harness.instrument.stack import PY313, PY314, Stack, arg, handles


@handles("KW_NAMES")
def _kw_names(stack: Stack, ins: dis.Instruction) -> None:
    stack.keywords = ins.argval if isinstance(ins.argval, tuple) else stack.code.co_consts[arg(ins)]


def _called(
    stack: Stack, first: Expr, second: Expr, args: tuple[Expr, ...], names: tuple[str, ...], offset: int
) -> None:
    """Push the result of a call whose callable and own first argument (or null) are ``first`` and ``second``."""
    if not PY313 and isinstance(first, Null):
        callee = second
    else:
        callee = first
        if not isinstance(second, Null):
            args = (second, *args)
    call = Call(callee, args, names if len(names) <= len(args) else (), offset=offset)
    stack.touch(Role.CALL, call)
    stack.push(bounded(call))


@handles("PRECALL")
def _precall(stack: Stack, ins: dis.Instruction) -> None:
    """Half of a call on 3.11; the other half takes all operands here."""


@handles("CALL")
def _call(stack: Stack, ins: dis.Instruction) -> None:
    args = stack.take(arg(ins))
    first, second = stack.take(2)
    names, stack.keywords = stack.keywords, ()
    _called(stack, first, second, args, names, ins.offset)


@handles("CALL_KW")
def _call_kw(stack: Stack, ins: dis.Instruction) -> None:
    names = stack.pop()
    args = stack.take(arg(ins))
    first, second = stack.take(2)
    known = names.value if isinstance(names, Const) else ()
    _called(stack, first, second, args, known, ins.offset)


@handles("CALL_FUNCTION_EX")
def _call_function_ex(stack: Stack, ins: dis.Instruction) -> None:
    spread = stack.take(2 if PY314 or arg(ins) & 1 else 1)
    first, second = stack.take(2)
    call = Call(
        first if PY313 else second, tuple(e for e in spread if not isinstance(e, Null)), spread=True, offset=ins.offset
    )
    stack.touch(Role.CALL, call)
    stack.push(bounded(call))


@handles("BEFORE_WITH", "BEFORE_ASYNC_WITH")
def _before_with(stack: Stack, ins: dis.Instruction) -> None:
    manager = stack.pop()
    prefix = "__a" if ins.opname == "BEFORE_ASYNC_WITH" else "__"
    stack.touch(Role.ENTER, Call(Attr(manager, f"{prefix}enter__"), ()))
    stack.push(bounded(Attr(manager, f"{prefix}exit__")), OPAQUE)


@handles("WITH_EXCEPT_START")
def _with_except_start(stack: Stack, ins: dis.Instruction) -> None:
    exiting = stack.items[-5 if PY314 else -4]
    stack.touch(Role.CALL, Call(exiting, (FRESH_VALUE,) * 3))
    stack.push(OPAQUE)


@handles("RETURN_VALUE", "RETURN_CONST")
def _return(stack: Stack, ins: dis.Instruction) -> None:
    stack.touch(Role.RETURN, stack.pop() if ins.opname == "RETURN_VALUE" else Const(ins.argval))


@handles("IMPORT_NAME")
def _import_name(stack: Stack, ins: dis.Instruction) -> None:
    level, names = stack.take(2)
    depth_up = level.value if isinstance(level, Const) and isinstance(level.value, int) else 0
    leaf = isinstance(names, Const) and names.value is not None
    module = Module(ins.argval, depth_up, leaf)
    stack.touch(Role.IMPORT, module)
    stack.push(module)


@handles("IMPORT_STAR")
def _import_star(stack: Stack, ins: dis.Instruction) -> None:
    stack.touch(Role.IMPORT, stack.pop())


@handles("MATCH_MAPPING", "MATCH_SEQUENCE")
def _match_kind(stack: Stack, ins: dis.Instruction) -> None:
    stack.push(FRESH_VALUE)


@handles("MATCH_KEYS")
def _match_keys(stack: Stack, ins: dis.Instruction) -> None:
    subject, keys = stack.items[-2:]
    stack.touch(Role.MATCH, subject, keys)
    stack.push(OPAQUE)


@handles("MATCH_CLASS")
def _match_class(stack: Stack, ins: dis.Instruction) -> None:
    subject, cls, names = stack.take(3)
    stack.touch(Role.MATCH, subject, names, cls)
    stack.push(OPAQUE)
