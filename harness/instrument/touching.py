"""Accesses compiled to functions of a frame: what the coming instruction touches. Knows no bytecode."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from harness.instrument import expressions as ex
from harness.instrument.attributes import load_touches, store_touches, super_touches
from harness.instrument.calls import call_touches
from harness.instrument.containers import (
    Lazy,
    binary_touches,
    consume,
    contains_touches,
    item_touches,
    iterate,
    read_deep,
    read_whole,
)
from harness.instrument.families import is_mark
from harness.instrument.locations import (
    FRESH,
    NOTHING,
    OUTSIDE,
    READ,
    UNKNOWN,
    UNRESOLVED,
    WHOLE,
    WRITE,
    Touches,
    plain,
)
from harness.instrument.methods import simple_methods
from harness.instrument.names import cell_touching, global_touching, name_touching
from harness.instrument.opcodes import Role
from harness.instrument.resolve import (
    COMPREHENSIONS,
    Evaluate,
    arguments,
    evaluator,
    guarded,
    locals_of,
    needs_locals,
    super_arguments,
)
from harness.instrument.results import gives_new_object
from harness.instrument.returns import returning
from harness.instrument.stack import Access

Touching = Callable[[FrameType], Touches]
_NO_NAMES: dict[str, Any] = {}
_READERS = {
    Role.TEST: ("__bool__", "__len__"),
    Role.READ: ("__format__", "__str__", "__repr__", "__eq__", "__lt__", "__len__", "__neg__"),
}


def touching(code: CodeType, access: Access) -> Touching | None:
    """Compile an access; None when it touches nothing whatever the frame holds."""
    compile_ = _COMPILERS[access.role]
    return compile_(code, access)


def _unknown(frame: FrameType) -> Touches:
    return UNKNOWN


def _is_private(expr: ex.Expr) -> bool:
    return isinstance(expr, ex.Fresh | ex.Const | ex.Function | ex.Null | ex.Slice)


def _names(*exprs: ex.Expr) -> Callable[[FrameType], Any]:
    return locals_of if needs_locals(*exprs) else lambda frame: _NO_NAMES


def _attribute(access_: Callable[[Any, str], Touches]) -> Callable[[CodeType, Access], Touching | None]:
    def compile_(code: CodeType, access: Access) -> Touching | None:
        (owner,), name = access.operands or (ex.OPAQUE,), access.name
        if _is_private(owner):
            return None
        if isinstance(owner, ex.Call) and access_ is load_touches and _calls_super(owner):
            return _super_call(owner, name)
        if type(owner) is ex.Local:
            return _local_attribute(owner.name, name, access_)
        evaluate, names = evaluator(owner), _names(owner)

        def touch(frame: FrameType) -> Touches:
            try:
                thing = evaluate(frame, names(frame))
            except LookupError:
                return UNKNOWN
            if is_mark(thing) or type(thing) is Lazy:
                return NOTHING if thing is not UNRESOLVED else UNKNOWN
            return access_(thing, name)

        return touch

    return compile_


def _local_attribute(variable: str, name: str, access_: Callable[[Any, str], Touches]) -> Touching:
    """The commonest access of all, without the general machinery."""

    def touch(frame: FrameType) -> Touches:
        try:
            thing = frame.f_locals[variable]
        except LookupError:
            return UNKNOWN
        return access_(thing, name)

    return touch


def _calls_super(expr: ex.Call) -> bool:
    return isinstance(expr.callee, ex.Global) and expr.callee.name == "super" and not expr.spread


def _super_call(owner: ex.Call, name: str) -> Touching:
    pair = super_arguments(owner)

    def touch(frame: FrameType) -> Touches:
        try:
            cls, instance = pair(frame, frame.f_locals)
            return super_touches(cls, instance, name)
        except LookupError:
            return UNKNOWN

    return touch


def _super(code: CodeType, access: Access) -> Touching:
    cls, instance = map(evaluator, access.operands)
    name = access.name

    def touch(frame: FrameType) -> Touches:
        names = frame.f_locals
        try:
            return super_touches(cls(frame, names), instance(frame, names), name)
        except LookupError:
            return UNKNOWN

    return touch


def _item(mode: int, method: str = "") -> Callable[[CodeType, Access], Touching | None]:
    def compile_(code: CodeType, access: Access) -> Touching | None:
        owner, key = access.operands
        if _is_private(owner):
            return None
        container, key_of = evaluator(owner), _key(key)
        names_of = _names(owner, key)

        def touch(frame: FrameType) -> Touches:
            names = names_of(frame)
            try:
                thing = container(frame, names)
            except LookupError:
                return UNKNOWN
            if thing is FRESH or type(thing) is Lazy:
                return NOTHING
            return item_touches(thing, key_of(frame, names), mode, method)

        return touch

    return compile_


def _key(expr: ex.Expr) -> Evaluate:
    """A key that another thread could change between its evaluation and its use stands for all keys."""
    if ex.mentions(expr, lambda part: isinstance(part, ex.Attr | ex.Item | ex.Deref | ex.Call | ex.Super)):
        return lambda frame, names: UNRESOLVED_KEY
    evaluate = guarded(expr)

    def value(frame: FrameType, names: Any) -> Any:
        found = evaluate(frame, names)
        return UNRESOLVED_KEY if is_mark(found) else found

    return value


class _UnknownKey:
    """Hashes by identity only in appearance: `plain` takes its class for one it does not know."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]


UNRESOLVED_KEY: Any = _UnknownKey()


def _whole(code: CodeType, access: Access) -> Touching | None:
    """Truth, comparison, formatting: values whose origin is unknown are taken for private."""
    methods = _READERS[access.role]
    read = read_whole if access.role is Role.TEST else read_deep
    operands = [operand for operand in access.operands if not _is_private(operand) and _can_be_read(operand)]
    if not operands:
        return None
    evaluators, names_of = [guarded(operand) for operand in operands], _names(*operands)
    if len(evaluators) == 1:
        (only,) = evaluators
        return lambda frame: read(only(frame, names_of(frame)), *methods)

    def touch(frame: FrameType) -> Touches:
        names = names_of(frame)
        return tuple(t for evaluate in evaluators for t in read(evaluate(frame, names), *methods))

    return touch


def _can_be_read(expr: ex.Expr) -> bool:
    """Not what came from nowhere, nor the new object that a built-in function gave."""
    if isinstance(expr, ex.Call):
        return not (isinstance(expr.callee, ex.Global) and gives_new_object(expr.callee.name))
    return not isinstance(expr, ex.Opaque)


def _contains(code: CodeType, access: Access) -> Touching | None:
    item, container = access.operands
    if _is_private(container) or isinstance(container, ex.Opaque):
        return None
    key_of, evaluate, names_of = _key(item), guarded(container), _names(item, container)

    def touch(frame: FrameType) -> Touches:
        names = names_of(frame)
        thing = evaluate(frame, names)
        return consume(thing) if type(thing) is Lazy else contains_touches(key_of(frame, names), thing)

    return touch


def _binary(code: CodeType, access: Access) -> Touching | None:
    left, right = access.operands
    symbol = access.name
    if (_is_private(left) or isinstance(left, ex.Opaque)) and (_is_private(right) or isinstance(right, ex.Opaque)):
        return None
    first, second, names_of = guarded(left), guarded(right), _names(left, right)

    def touch(frame: FrameType) -> Touches:
        names = names_of(frame)
        return binary_touches(symbol, first(frame, names), second(frame, names))

    return touch


def _iterate(code: CodeType, access: Access) -> Touching | None:
    (source,) = access.operands
    if _is_private(source) or isinstance(source, ex.Opaque | ex.Call):
        return None
    evaluate, names_of = guarded(source), _names(source)
    return lambda frame: iterate(evaluate(frame, names_of(frame)))


def _consume(code: CodeType, access: Access) -> Touching | None:
    (source,) = access.operands
    if _is_private(source) or (isinstance(source, ex.Iter) and _is_private(source.source)):
        return None
    evaluate, names_of = guarded(source), _names(source)
    return lambda frame: consume(evaluate(frame, names_of(frame)))


def _unpack(code: CodeType, access: Access) -> Touching | None:
    """Unpacking a value of unknown origin, as in `for a, b in pairs`: taken for private, like any element."""
    return None if isinstance(access.operands[0], ex.Opaque | ex.Tuple) else _consume(code, access)


def _advance(code: CodeType, access: Access) -> Touching | None:
    (iterator,) = access.operands
    return None if isinstance(iterator, ex.Opaque) and code.co_flags & 0x280 else _consume(code, access)


def _call(code: CodeType, access: Access) -> Touching:
    (call,) = access.operands
    if not isinstance(call, ex.Call):
        return _unknown
    if isinstance(call.callee, ex.Attr) and not call.spread and not _is_private(call.callee.owner):
        return _method_call(call, call.callee)
    return _any_call(call)


def _any_call(call: ex.Call) -> Touching:
    callee, args, names_of = evaluator(call.callee), arguments(call), _names(call)
    keywords = call.names

    def touch(frame: FrameType) -> Touches:
        names = names_of(frame)
        try:
            function = callee(frame, names)
        except LookupError:
            return UNKNOWN
        return call_touches(function, lambda: args(frame, names), keywords)

    return touch


def _method_call(call: ex.Call, method: ex.Attr) -> Touching:
    """A call of a method: those of built-in containers, the commonest, are found without looking the method up."""
    owner, names_of, general = evaluator(method.owner), _names(call), _any_call(call)
    whole, keyed = simple_methods(method.name)
    if not whole and not keyed:
        return general
    key_of = _key(call.args[0]) if call.args else None

    def touch(frame: FrameType) -> Touches:
        names = names_of(frame)
        try:
            thing = owner(frame, names)
        except LookupError:
            return UNKNOWN
        kind = id(type(thing))
        if kind in whole:
            return ((thing, WHOLE, whole[kind]),)
        if kind in keyed and key_of is not None:
            return ((thing, plain(key_of(frame, names)), keyed[kind]),)
        return general(frame)

    return touch


def _import(code: CodeType, access: Access) -> Touching | None:
    """An import that is done already reads one dictionary atomically; a first one runs foreign code."""
    evaluate = guarded(access.operands[0])
    return lambda frame: OUTSIDE if evaluate(frame, _NO_NAMES) is UNRESOLVED else NOTHING


def _match(code: CodeType, access: Access) -> Touching | None:
    subject, keys = access.operands[:2]
    if _is_private(subject):
        return None
    evaluate, keys_of, names_of = guarded(subject), guarded(keys), _names(subject, keys)
    is_class = len(access.operands) == 3

    def touch(frame: FrameType) -> Touches:
        names = names_of(frame)
        thing, wanted = evaluate(frame, names), keys_of(frame, names)
        if is_mark(thing):
            return NOTHING
        if type(wanted) is not tuple:
            return read_whole(thing)
        if is_class:
            return tuple(t for name in wanted if type(name) is str for t in load_touches(thing, name))
        return tuple(t for key in wanted for t in item_touches(thing, key, READ))

    return touch


def _return(code: CodeType, access: Access) -> Touching | None:
    """Generators, comprehensions, module and class bodies are not called back by what completes an access."""
    if code.co_flags & _SUSPENDS or not code.co_flags & _IS_FUNCTION or code.co_name in COMPREHENSIONS:
        return None
    return returning(code, _returned(code, access.operands[0]))


def _returned(code: CodeType, expr: ex.Expr) -> Callable[[FrameType], Any]:
    """The value about to be returned: from a constructor, the object it has made."""
    if code.co_name == "__init__" and code.co_argcount:
        expr = ex.Local(code.co_varnames[0])
    evaluate, names_of = guarded(expr), _names(expr)
    return lambda frame: evaluate(frame, names_of(frame))


_SUSPENDS = 0x20 | 0x80 | 0x200
_IS_FUNCTION = 0x1 | 0x2


def _never(code: CodeType, access: Access) -> Touching | None:
    return None


_COMPILERS: dict[Role, Callable[[CodeType, Access], Touching | None]] = {
    Role.LOAD_ATTR: _attribute(load_touches),
    Role.STORE_ATTR: _attribute(store_touches),
    Role.DELETE_ATTR: _attribute(store_touches),
    Role.LOAD_SUPER: _super,
    Role.LOAD_ITEM: _item(READ),
    Role.STORE_ITEM: _item(WRITE),
    Role.DELETE_ITEM: _item(WRITE, "__delitem__"),
    Role.LOAD_GLOBAL: global_touching(READ),
    Role.STORE_GLOBAL: global_touching(WRITE),
    Role.DELETE_GLOBAL: global_touching(WRITE),
    Role.LOAD_NAME: name_touching(READ),
    Role.STORE_NAME: name_touching(WRITE),
    Role.DELETE_NAME: name_touching(WRITE),
    Role.LOAD_CELL: cell_touching(READ),
    Role.STORE_CELL: cell_touching(WRITE),
    Role.DELETE_CELL: cell_touching(WRITE),
    Role.TEST: _whole,
    Role.READ: _whole,
    Role.CONTAINS: _contains,
    Role.BINARY: _binary,
    Role.ITERATE: _iterate,
    Role.ADVANCE: _advance,
    Role.CONSUME: _unpack,
    Role.CALL: _call,
    Role.ENTER: _call,
    Role.AWAIT: _never,
    Role.MATCH: _match,
    Role.IMPORT: _import,
    Role.RETURN: _return,
}
