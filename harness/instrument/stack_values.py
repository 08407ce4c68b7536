"""What the opcodes that move, load and store values do to the operand stack."""

from __future__ import annotations

import builtins
import dis
from types import CodeType

from harness.instrument.expressions import (
    FRESH_VALUE,
    NULL,
    OPAQUE,
    Attr,
    Binary,
    Const,
    Deref,
    Expr,
    Function,
    Global,
    Item,
    Local,
    Name,
    Slice,
    Super,
    bounded,
)
from harness.instrument.opcodes import Role
from harness.instrument.stack import HANDLERS, PY312, PY313, Handler, Stack, arg, forget_name, handles, push_callable

SPECIAL_METHODS = ("__enter__", "__exit__", "__aenter__", "__aexit__")
COMMON_CONSTANTS = (AssertionError, NotImplementedError, tuple, all, any)
OPERATORS = [name for _, name in getattr(dis, "_nb_ops")]  # noqa: B009


@handles("POP_TOP", "POP_ITER")
def _pop_top(stack: Stack, ins: dis.Instruction) -> None:
    stack.pop()


@handles("COPY")
def _copy(stack: Stack, ins: dis.Instruction) -> None:
    stack.push(stack.items[-arg(ins)])


@handles("SWAP")
def _swap(stack: Stack, ins: dis.Instruction) -> None:
    items, other = stack.items, -arg(ins)
    items[-1], items[other] = items[other], items[-1]


@handles("PUSH_NULL")
def _push_null(stack: Stack, ins: dis.Instruction) -> None:
    stack.push(NULL)


@handles("LOAD_CONST", "LOAD_SMALL_INT")
def _load_const(stack: Stack, ins: dis.Instruction) -> None:
    stack.push(Const(ins.argval))


@handles("LOAD_ASSERTION_ERROR")
def _load_assertion_error(stack: Stack, ins: dis.Instruction) -> None:
    stack.push(Const(AssertionError))


@handles("LOAD_COMMON_CONSTANT")
def _load_common_constant(stack: Stack, ins: dis.Instruction) -> None:
    index = arg(ins)
    stack.push(Const(COMMON_CONSTANTS[index]) if index < len(COMMON_CONSTANTS) else OPAQUE)


@handles("LOAD_BUILD_CLASS")
def _load_build_class(stack: Stack, ins: dis.Instruction) -> None:
    stack.push(Const(builtins.__build_class__))


@handles("MAKE_FUNCTION")
def _make_function(stack: Stack, ins: dis.Instruction) -> None:
    code = stack.pop()
    if not PY313:
        stack.take(arg(ins).bit_count())
    known = isinstance(code, Const) and isinstance(code.value, CodeType)
    stack.push(Function(code.value) if known else FRESH_VALUE)  # type: ignore[attr-defined]


@handles("SET_FUNCTION_ATTRIBUTE")
def _set_function_attribute(stack: Stack, ins: dis.Instruction) -> None:
    function = stack.pop()
    stack.pop()
    stack.push(function)


@handles("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW")
def _load_fast(stack: Stack, ins: dis.Instruction) -> None:
    stack.push(Local(ins.argval))


@handles("LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW")
def _load_two(stack: Stack, ins: dis.Instruction) -> None:
    first, second = ins.argval
    stack.push(Local(first), Local(second))


@handles("LOAD_FAST_AND_CLEAR")
def _load_and_clear(stack: Stack, ins: dis.Instruction) -> None:
    forget_name(stack, Local, ins.argval)
    stack.push(OPAQUE)


@handles("STORE_FAST", "STORE_FAST_MAYBE_NULL")
def _store_fast(stack: Stack, ins: dis.Instruction) -> None:
    stack.pop()
    forget_name(stack, Local, ins.argval)


@handles("DELETE_FAST")
def _delete_fast(stack: Stack, ins: dis.Instruction) -> None:
    forget_name(stack, Local, ins.argval)


@handles("STORE_FAST_STORE_FAST")
def _store_two(stack: Stack, ins: dis.Instruction) -> None:
    for name in ins.argval:
        stack.pop()
        forget_name(stack, Local, name)


@handles("STORE_FAST_LOAD_FAST")
def _store_load(stack: Stack, ins: dis.Instruction) -> None:
    stored, loaded = ins.argval
    stack.pop()
    forget_name(stack, Local, stored)
    stack.push(Local(loaded))


@handles("LOAD_GLOBAL")
def _load_global(stack: Stack, ins: dis.Instruction) -> None:
    expr = Global(ins.argval)
    stack.touch(Role.LOAD_GLOBAL, expr)
    if not arg(ins) & 1:
        stack.push(expr)
    else:
        push_callable(stack, expr)


@handles("LOAD_NAME")
def _load_name(stack: Stack, ins: dis.Instruction) -> None:
    expr = Name(ins.argval)
    stack.touch(Role.LOAD_NAME, expr)
    stack.push(expr)


@handles("LOAD_FROM_DICT_OR_GLOBALS")
def _load_from_dict(stack: Stack, ins: dis.Instruction) -> None:
    stack.pop()
    _load_name(stack, ins)


@handles("LOAD_DEREF", "LOAD_CLASSDEREF")
def _load_deref(stack: Stack, ins: dis.Instruction) -> None:
    expr = Deref(ins.argval)
    stack.touch(Role.LOAD_CELL, expr)
    stack.push(expr)


@handles("LOAD_FROM_DICT_OR_DEREF")
def _load_dict_or_deref(stack: Stack, ins: dis.Instruction) -> None:
    stack.pop()
    _load_deref(stack, ins)


def _store_name(role: Role, kind: type[Local], pops: int) -> Handler:
    def handler(stack: Stack, ins: dis.Instruction) -> None:
        stack.take(pops)
        forget_name(stack, kind, ins.argval)
        stack.touch(role, kind(ins.argval))

    return handler


for _opname, _role, _kind, _pops in (
    ("STORE_GLOBAL", Role.STORE_GLOBAL, Global, 1),
    ("DELETE_GLOBAL", Role.DELETE_GLOBAL, Global, 0),
    ("STORE_NAME", Role.STORE_NAME, Name, 1),
    ("DELETE_NAME", Role.DELETE_NAME, Name, 0),
    ("STORE_DEREF", Role.STORE_CELL, Deref, 1),
    ("DELETE_DEREF", Role.DELETE_CELL, Deref, 0),
):
    HANDLERS[_opname] = _store_name(_role, _kind, _pops)


@handles("LOAD_ATTR", "LOAD_METHOD")
def _load_attr(stack: Stack, ins: dis.Instruction) -> None:
    expr = bounded(Attr(stack.pop(), ins.argval, ins.offset))
    stack.touch(Role.LOAD_ATTR, *expr.parts(), name=ins.argval)
    if ins.opname == "LOAD_METHOD" or (PY312 and arg(ins) & 1):
        push_callable(stack, expr)
    else:
        stack.push(expr)


@handles("LOAD_SPECIAL")
def _load_special(stack: Stack, ins: dis.Instruction) -> None:
    owner, name = stack.pop(), SPECIAL_METHODS[arg(ins)]
    stack.touch(Role.LOAD_ATTR, owner, name=name)
    push_callable(stack, bounded(Attr(owner, name)))


@handles("IMPORT_FROM")
def _import_from(stack: Stack, ins: dis.Instruction) -> None:
    module = stack.items[-1]
    stack.touch(Role.LOAD_ATTR, module, name=ins.argval)
    stack.push(bounded(Attr(module, ins.argval, ins.offset)))


@handles("LOAD_SUPER_ATTR")
def _load_super_attr(stack: Stack, ins: dis.Instruction) -> None:
    _, cls, instance = stack.take(3)
    expr = bounded(Super(cls, instance, ins.argval))
    stack.touch(Role.LOAD_SUPER, cls, instance, name=ins.argval)
    if arg(ins) & 1:
        push_callable(stack, expr)
    else:
        stack.push(expr)


def _forget_attribute(stack: Stack, name: str) -> None:
    stack.forget(lambda expr: type(expr) is Attr and expr.name == name)


@handles("STORE_ATTR")
def _store_attr(stack: Stack, ins: dis.Instruction) -> None:
    _, owner = stack.take(2)
    _forget_attribute(stack, ins.argval)
    stack.touch(Role.STORE_ATTR, owner, name=ins.argval)


@handles("DELETE_ATTR")
def _delete_attr(stack: Stack, ins: dis.Instruction) -> None:
    owner = stack.pop()
    _forget_attribute(stack, ins.argval)
    stack.touch(Role.DELETE_ATTR, owner, name=ins.argval)


def _load(stack: Stack, offset: int, owner: Expr, key: Expr) -> None:
    stack.touch(Role.LOAD_ITEM, owner, key)
    stack.push(bounded(Item(owner, key, offset)))


@handles("BINARY_SUBSCR")
def _binary_subscr(stack: Stack, ins: dis.Instruction) -> None:
    _load(stack, ins.offset, *stack.take(2))


@handles("BINARY_SLICE")
def _binary_slice(stack: Stack, ins: dis.Instruction) -> None:
    owner, start, stop = stack.take(3)
    _load(stack, ins.offset, owner, Slice((start, stop)))


@handles("BUILD_SLICE")
def _build_slice(stack: Stack, ins: dis.Instruction) -> None:
    stack.push(bounded(Slice(stack.take(arg(ins)))))


def _forget_items(stack: Stack, key: Expr) -> None:
    stack.forget(lambda expr: isinstance(expr, Item) and not _differ(expr.key, key))


def _differ(one: Expr, other: Expr) -> bool:
    """Whether two keys are certainly not equal."""
    if not (isinstance(one, Const) and isinstance(other, Const)):
        return False
    return type(one.value) is type(other.value) and type(one.value) in (str, int) and one.value != other.value


@handles("STORE_SUBSCR")
def _store_subscr(stack: Stack, ins: dis.Instruction) -> None:
    _, owner, key = stack.take(3)
    _forget_items(stack, key)
    stack.touch(Role.STORE_ITEM, owner, key)


@handles("STORE_SLICE")
def _store_slice(stack: Stack, ins: dis.Instruction) -> None:
    _, owner, start, stop = stack.take(4)
    _forget_items(stack, OPAQUE)
    stack.touch(Role.STORE_ITEM, owner, Slice((start, stop)))


@handles("DELETE_SUBSCR")
def _delete_subscr(stack: Stack, ins: dis.Instruction) -> None:
    owner, key = stack.take(2)
    _forget_items(stack, key)
    stack.touch(Role.DELETE_ITEM, owner, key)


@handles("BINARY_OP")
def _binary_op(stack: Stack, ins: dis.Instruction) -> None:
    left, right = stack.take(2)
    operator = OPERATORS[arg(ins)]
    if operator == "[]":
        _load(stack, ins.offset, left, right)
        return
    stack.touch(Role.BINARY, left, right, name=operator)
    stack.push(bounded(Binary(operator, left, right)))
