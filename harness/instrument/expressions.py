"""The expression that produced an operand, as the source would write it. Knows neither bytecode nor values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

MAX_TEXT = 80
MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Expr:
    """Any expression; this class itself is never made."""

    @property
    def text(self) -> str:
        """The expression for people; unknown parts are `?`."""
        return "?"

    def parts(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""
        return ()


@dataclass(frozen=True, slots=True)
class Opaque(Expr):
    """A value whose origin is not known."""


@dataclass(frozen=True, slots=True)
class Null(Expr):
    """The interpreter's empty slot beside a callable."""


@dataclass(frozen=True, slots=True)
class Fresh(Expr):
    """A new object that only the operand stack holds, or an immutable result."""

    shown: str = "?"

    @property
    def text(self) -> str:
        return self.shown


@dataclass(frozen=True, slots=True, eq=False)
class Const(Expr):
    """A constant of the code object; equal only where it is the same object."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)

    @property
    def text(self) -> str:
        if isinstance(self.value, type):
            return self.value.__name__
        shown = repr(self.value) if isinstance(self.value, str | int | float | bytes | None | tuple) else "?"
        return shown if len(shown) <= 30 else shown[:27] + "..."


@dataclass(frozen=True, slots=True)
class Local(Expr):
    """A fast local variable."""

    name: str

    @property
    def text(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Deref(Local):
    """A variable in a closure cell."""


@dataclass(frozen=True, slots=True)
class Global(Local):
    """A global or built-in name."""


@dataclass(frozen=True, slots=True)
class Name(Local):
    """A name of a module or class body, which falls back to globals and built-ins."""


@dataclass(frozen=True, slots=True)
class Module(Expr):
    """The result of an import: the module itself, or its top-level package."""

    name: str
    level: int
    leaf: bool

    @property
    def text(self) -> str:
        return "." * self.level + self.name


@dataclass(frozen=True, slots=True)
class Function(Expr):
    """A function object just made from a code object."""

    code: CodeType

    @property
    def text(self) -> str:
        return self.code.co_name


@dataclass(frozen=True, slots=True)
class Attr(Expr):
    """An attribute of what an expression yields; like the others with an offset, what one instruction gave."""

    owner: Expr
    name: str
    offset: int = -1

    @property
    def text(self) -> str:
        return f"{self.owner.text}.{self.name}"

    def parts(self) -> tuple[Expr, ...]:
        return (self.owner,)


@dataclass(frozen=True, slots=True)
class Super(Expr):
    """An attribute looked up after a class in the method resolution order of an instance."""

    cls: Expr
    instance: Expr
    name: str

    @property
    def text(self) -> str:
        return f"super().{self.name}"

    def parts(self) -> tuple[Expr, ...]:
        return (self.cls, self.instance)


@dataclass(frozen=True, slots=True)
class Item(Expr):
    """An item of a container."""

    owner: Expr
    key: Expr
    offset: int = -1

    @property
    def text(self) -> str:
        return f"{self.owner.text}[{self.key.text}]"

    def parts(self) -> tuple[Expr, ...]:
        return (self.owner, self.key)


@dataclass(frozen=True, slots=True)
class Slice(Expr):
    """A slice used as a key."""

    bounds: tuple[Expr, ...]

    @property
    def text(self) -> str:
        return ":".join("" if bound.text == "None" else bound.text for bound in self.bounds)

    def parts(self) -> tuple[Expr, ...]:
        return self.bounds


@dataclass(frozen=True, slots=True)
class Tuple(Expr):
    """A tuple display."""

    items: tuple[Expr, ...]

    @property
    def text(self) -> str:
        return "(" + ", ".join(item.text for item in self.items) + ("," if len(self.items) == 1 else "") + ")"

    def parts(self) -> tuple[Expr, ...]:
        return self.items


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """An arithmetic operation; ``operator`` ends in `=` when it is done in place."""

    operator: str
    left: Expr
    right: Expr

    @property
    def text(self) -> str:
        return f"{self.left.text} {self.operator} {self.right.text}"

    def parts(self) -> tuple[Expr, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """The result of a call; the last ``len(names)`` arguments were given by keyword."""

    callee: Expr
    args: tuple[Expr, ...]
    names: tuple[str, ...] = ()
    spread: bool = False
    offset: int = -1

    @property
    def text(self) -> str:
        if self.spread:
            return f"{self.callee.text}(*...)"
        split = len(self.args) - len(self.names)
        shown = [arg.text for arg in self.args[:split]]
        shown += [f"{name}={arg.text}" for name, arg in zip(self.names, self.args[split:], strict=True)]
        return f"{self.callee.text}({', '.join(shown)})"

    def parts(self) -> tuple[Expr, ...]:
        return (self.callee, *self.args)


@dataclass(frozen=True, slots=True)
class Iter(Expr):
    """An iterator over what an expression yields."""

    source: Expr

    @property
    def text(self) -> str:
        return self.source.text

    def parts(self) -> tuple[Expr, ...]:
        return (self.source,)


OPAQUE = Opaque()
NULL = Null()
FRESH_VALUE = Fresh()


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all it is made of."""
    yield expr
    for part in expr.parts():
        yield from walk(part)


def mentions(expr: Expr, found: Callable[[Expr], bool]) -> bool:
    """Whether ``found`` holds for the expression or a part of it."""
    return found(expr) or any(mentions(part, found) for part in expr.parts())


def depth(expr: Expr) -> int:
    """How many expressions are nested in each other."""
    return 1 + max((depth(part) for part in expr.parts()), default=0)


def bounded(expr: Expr) -> Expr:
    """The expression, or an opaque one where it is nested too deep to be of use."""
    return expr if depth(expr) <= MAX_DEPTH else OPAQUE


def shortened(text: str) -> str:
    """A label of at most ``MAX_TEXT`` characters."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."
