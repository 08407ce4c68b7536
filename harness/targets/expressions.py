"""Expressions of a configuration, such as ``infer('a')``: checked when read, evaluated on a target or on a value."""

from __future__ import annotations

import ast
import builtins
import difflib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from harness.model import UsageError

Lookup = Callable[[Any, str], Any]


class Expression:
    """A Python expression whose free names are looked up on one object; called with that object."""

    def __init__(self, text: str, source: str, lookup: Lookup, whole: str) -> None:
        self.text = text
        self.source = source
        self._lookup = lookup
        self._function = _compiled(text, source, whole)

    @property
    def __name__(self) -> str:
        return self.text

    def __call__(self, thing: Any) -> Any:
        """The value of the expression on ``thing``."""
        try:
            return self._function(thing, self._lookup)
        except Unknown as error:
            raise UsageError(f"{self.source}: {self.text!r}: {error}") from None

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


class Unknown(Exception):
    """A name that is found nowhere."""


def operation(text: str, source: str) -> Expression:
    """An operation on a target: a name is its attribute, else its module's, else built in; ``target`` is itself."""
    return Expression(text, source, _on_target, "target")


def condition(text: str, source: str) -> Expression:
    """A condition on a value: a name is a key of it, else an attribute, else built in; ``value`` is itself."""
    return Expression(text, source, _on_value, "value")


def _compiled(text: str, source: str, whole: str) -> Callable[[Any, Lookup], Any]:
    if not text.strip():
        raise UsageError(f"{source}: the expression is empty; write one such as infer('a')")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise UsageError(
            f"{source}: {text!r} is no Python expression: {error.msg} at column {error.offset}; "
            "write one such as infer('a')"
        ) from None
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    body = _Free(bound | {whole}).visit(tree).body
    arguments = ast.arguments([], [ast.arg(whole), ast.arg("__lookup")], None, [], [], None, [])
    made = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
    # "<string>" is transparent to the interleaver: the target's code below it may be preempted.
    function: Callable[[Any, Lookup], Any] = eval(compile(made, "<string>", "eval"), {"__whole": whole})
    return function


class _Free(ast.NodeTransformer):
    def __init__(self, bound: set[str]) -> None:
        self._bound = bound
        self._whole = "target" if "target" in bound else "value"

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self._bound:
            return node
        whole = ast.Name(self._whole, ast.Load())
        return ast.Call(ast.Name("__lookup", ast.Load()), [whole, ast.Constant(node.id)], [])


_MISSING = object()


def _on_target(target: Any, name: str) -> Any:
    found = getattr(target, name, _MISSING)
    if found is not _MISSING:
        return found
    module = sys.modules.get(type(target).__module__)
    for place in (vars(module) if module else {}, vars(builtins)):
        if name in place:
            return place[name]
    raise Unknown(f"{type(target).__name__} has no {name}{_near(name, dir(target))}")


def _on_value(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
        known: list[str] = [str(key) for key in value]
    else:
        found = getattr(value, name, _MISSING)
        if found is not _MISSING:
            return found
        known = [entry for entry in dir(value) if not entry.startswith("_")]
    if name in vars(builtins):
        return vars(builtins)[name]
    raise Unknown(f"the observed value has no {name}{_near(name, known) or '; it has ' + ', '.join(known[:12])}")


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
