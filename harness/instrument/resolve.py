"""Expressions compiled to small functions that evaluate them in a frame without running the user's code.

A compiled expression takes the frame and its locals; it raises :class:`Unresolved` (or another LookupError) where the
value cannot be known, gives FRESH for a value that nobody else can hold, and :class:`Lazy` for an iterator that is
only on the stack.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping
from types import FrameType, ModuleType
from typing import Any

from harness.instrument import expressions as ex
from harness.instrument.containers import Lazy
from harness.instrument.families import Family, family_of, is_mark
from harness.instrument.locations import ATOMS, EXTERNAL, FRESH, UNRESOLVED, Computed, Mark, Unresolved
from harness.instrument.lookups import super_value, value_of
from harness.instrument.results import item_value, result_of
from harness.instrument.returns import recorded

Names = Mapping[str, Any]
Evaluate = Callable[[FrameType, Names], Any]
_NO_NAMES: dict[str, Any] = {}


def needs_locals(*exprs: ex.Expr) -> bool:
    """Whether evaluating them reads the frame's local or cell variables."""
    return any(
        ex.mentions(expr, lambda part: type(part) in (ex.Local, ex.Deref, ex.Name, ex.Super) or _is_super(part))
        for expr in exprs
    )


def _is_super(expr: ex.Expr) -> bool:
    return isinstance(expr, ex.Call) and isinstance(expr.callee, ex.Global) and expr.callee.name == "super"


def evaluator(expr: ex.Expr) -> Evaluate:
    """Compile an expression."""
    return _COMPILERS.get(type(expr), _opaque)(expr)


def guarded(expr: ex.Expr) -> Evaluate:
    """Compile an expression to give UNRESOLVED instead of raising."""
    evaluate = evaluator(expr)

    def value(frame: FrameType, names: Names) -> Any:
        try:
            return evaluate(frame, names)
        except LookupError:
            return UNRESOLVED

    return value


def locals_of(frame: FrameType) -> Names:
    """The frame's variables by name."""
    return frame.f_locals


def _opaque(expr: ex.Expr) -> Evaluate:
    def value(frame: FrameType, names: Names) -> Any:
        raise Unresolved

    return value


def _fresh(expr: ex.Expr) -> Evaluate:
    return lambda frame, names: FRESH


def _const(expr: ex.Const) -> Evaluate:
    constant = expr.value
    return lambda frame, names: constant


def _local(expr: ex.Local) -> Evaluate:
    name = expr.name
    return lambda frame, names: names[name]


def _global(expr: ex.Global) -> Evaluate:
    name = expr.name

    def value(frame: FrameType, names: Names) -> Any:
        spaces = frame.f_globals
        if name in spaces:
            return dict.__getitem__(spaces, name)
        return frame.f_builtins[name]

    return value


def _name(expr: ex.Name) -> Evaluate:
    name, outer = expr.name, _global(ex.Global(expr.name))

    def value(frame: FrameType, names: Names) -> Any:
        if type(names) is dict and name in names:
            return names[name]
        return outer(frame, names)

    return value


def _module(expr: ex.Module) -> Evaluate:
    name, level, leaf = expr.name, expr.level, expr.leaf

    def value(frame: FrameType, names: Names) -> Any:
        path = name
        if level:
            package = frame.f_globals.get("__package__")
            if type(package) is not str:
                raise Unresolved
            parts = package.split(".")
            path = ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])
        found = sys.modules.get(path if leaf else path.partition(".")[0])
        if not issubclass(type(found), ModuleType):
            raise Unresolved
        return found

    return value


def _attr(expr: ex.Attr) -> Evaluate:
    owner, name, offset = evaluator(expr.owner), expr.name, expr.offset
    if isinstance(expr.owner, ex.Call) and _is_super(expr.owner):
        return _through_super(expr.owner, name)

    def value(frame: FrameType, names: Names) -> Any:
        thing = owner(frame, names)
        if type(thing) is Mark or type(thing) is Lazy:
            return thing if thing is EXTERNAL else FRESH
        try:
            return value_of(thing, name)
        except Computed as computed:
            return recorded(frame, offset, computed.function)

    return value


def super_arguments(expr: ex.Call) -> Evaluate:
    """Compile `super()` or `super(C, self)` to give the class and the instance."""
    if len(expr.args) == 2:
        first, second = map(evaluator, expr.args)
        return lambda frame, names: (first(frame, names), second(frame, names))

    def value(frame: FrameType, names: Names) -> Any:
        code = frame.f_code
        return names["__class__"], names[code.co_varnames[0]]

    return value


def _through_super(expr: ex.Call, name: str) -> Evaluate:
    pair, callee = super_arguments(expr), evaluator(expr.callee)

    def value(frame: FrameType, names: Names) -> Any:
        if callee(frame, names) is not super:
            raise Unresolved
        cls, instance = pair(frame, names)
        return super_value(cls, instance, name)

    return value


def _super(expr: ex.Super) -> Evaluate:
    cls, instance, name = evaluator(expr.cls), evaluator(expr.instance), expr.name
    return lambda frame, names: super_value(cls(frame, names), instance(frame, names), name)


def _item(expr: ex.Item) -> Evaluate:
    owner, key, offset = evaluator(expr.owner), evaluator(expr.key), expr.offset

    def value(frame: FrameType, names: Names) -> Any:
        try:
            return item_value(owner(frame, names), key(frame, names))
        except Computed as computed:
            return recorded(frame, offset, computed.function)

    return value


def _slice(expr: ex.Slice) -> Evaluate:
    return lambda frame, names: _SLICE


_SLICE = slice(None)


def _tuple(expr: ex.Tuple) -> Evaluate:
    items = [evaluator(item) for item in expr.items]

    def value(frame: FrameType, names: Names) -> Any:
        try:
            found = tuple([item(frame, names) for item in items])
        except LookupError:
            return FRESH
        return FRESH if any(is_mark(part) or type(part) is Lazy for part in found) else found

    return value


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "%": operator.mod, "//": operator.floordiv, "&": operator.and_,
    "|": operator.or_, "^": operator.xor,
}  # fmt: skip
_SMALL = 1 << 64


def _binary(expr: ex.Binary) -> Evaluate:
    left, right = evaluator(expr.left), evaluator(expr.right)
    compute, in_place = _ARITHMETIC.get(expr.operator), expr.operator.endswith("=")

    def value(frame: FrameType, names: Names) -> Any:
        a, b = left(frame, names), right(frame, names)
        if type(a) is int and type(b) is int and not in_place:
            if compute is None or not -_SMALL < a < _SMALL or not -_SMALL < b < _SMALL or not b:
                return FRESH if b or compute is None else _add_zero(expr.operator, a)
            return compute(a, b)
        if id(type(a)) in ATOMS and id(type(b)) in ATOMS:
            return FRESH
        if not in_place and _builtin_operand(a) and _builtin_operand(b):
            return FRESH
        raise Unresolved

    return value


def _add_zero(operator_: str, a: int) -> Any:
    return a if operator_ in ("+", "-", "|", "^") else 0 if operator_ == "&" else FRESH


def _builtin_operand(thing: Any) -> bool:
    return family_of(type(thing)) in (
        Family.ATOM, Family.FROZEN, Family.MAPPING, Family.SEQUENCE, Family.SET, Family.BUFFER, Family.QUIET,
        Family.VIEW,
    )  # fmt: skip


def _iter(expr: ex.Iter) -> Evaluate:
    source = guarded(expr.source)

    def value(frame: FrameType, names: Names) -> Any:
        found = source(frame, names)
        return found if found is FRESH or type(found) is Lazy else Lazy(found)

    return value


# -- results of calls


def arguments(expr: ex.Call) -> Callable[[FrameType, Names], tuple[Any, ...]]:
    """Compile the arguments of a call; spread ones are opened where they are built-in."""
    args = [guarded(arg) for arg in expr.args]
    if expr.spread:
        return lambda frame, names: _spread([arg(frame, names) for arg in args])
    return lambda frame, names: tuple([arg(frame, names) for arg in args])


def _spread(given: list[Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    for source in given:
        if type(source) is list or type(source) is tuple:
            found.extend(source)
        elif type(source) is dict:
            found.extend(dict.values(source))
        else:
            found.append(UNRESOLVED)
    return tuple(found)


def _call(expr: ex.Call) -> Evaluate:
    callee, args = evaluator(expr.callee), arguments(expr)
    positional, offset = len(expr.args) - len(expr.names), expr.offset
    if expr.spread:
        positional = -1

    def value(frame: FrameType, names: Names) -> Any:
        function = callee(frame, names)
        if function is FRESH:
            return _of_new_function(expr.callee)
        if function is EXTERNAL:
            return EXTERNAL
        try:
            return result_of(function, lambda: args(frame, names), positional, frame)
        except Computed as computed:
            return recorded(frame, offset, computed.function)

    return value


def _of_new_function(callee: ex.Expr) -> Any:
    """The result of a comprehension or generator expression, or of a method of a private built-in object."""
    if isinstance(callee, ex.Function):
        known = callee.code.co_name in COMPREHENSIONS
    else:
        known = isinstance(callee, ex.Attr) and callee.name not in _GIVES_ELEMENTS
    if not known:
        raise Unresolved
    return FRESH


COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
_GIVES_ELEMENTS = frozenset(
    {"pop", "popleft", "popitem", "get", "setdefault", "result", "__getitem__", "__next__", "send"}
)
"""Methods of a private object that give something that need not be private."""


_COMPILERS: dict[type, Callable[[Any], Evaluate]] = {
    ex.Fresh: _fresh, ex.Function: _fresh, ex.Const: _const, ex.Local: _local, ex.Deref: _local, ex.Global: _global,
    ex.Name: _name, ex.Module: _module, ex.Attr: _attr, ex.Super: _super, ex.Item: _item, ex.Slice: _slice,
    ex.Tuple: _tuple, ex.Binary: _binary, ex.Iter: _iter, ex.Call: _call,
}  # fmt: skip
