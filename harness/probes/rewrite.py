"""Rewrites a method or closure as a module-level function with explicit arguments. Pure: syntax trees in, text out.

It refuses (None) what it cannot rewrite faithfully: a body that uses ``self`` for anything but reading attributes.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new function: its source, its name, and what its first parameters stand for (``self.x`` or ``x``)."""

    source: str
    name: str
    stands_for: tuple[str, ...]


def explicit(function: Function, name: str, captured: Iterable[str], known: Iterable[str]) -> Rewritten | None:
    """Return ``function`` with captured variables, and the attributes it reads of a captured ``self``, as parameters.

    ``known`` are the names that the module gives; a name that is neither makes it refuse.
    """
    captured = list(captured)
    selves = [variable for variable in captured if variable in ("self", "cls")]
    reads = {variable: _attribute_reads(function, variable) for variable in selves}
    if any(found is None for found in reads.values()):
        return None
    plain = [variable for variable in captured if variable not in selves]
    stands_for = [f"{variable}.{attr}" for variable in selves for attr in reads[variable] or ()] + plain
    parameters = [text.rpartition(".")[2].lstrip("_") or text for text in stands_for]
    own = _parameters(function)
    if len(set(parameters)) != len(parameters) or set(parameters) & set(own):
        return None
    renamed = _Rename(selves, dict(zip(stands_for, parameters, strict=True)))
    body = [renamed.visit(statement) for statement in _body(function)]
    arguments = _without_self(function.args, selves)
    arguments.args[:0] = [ast.arg(arg=parameter) for parameter in parameters]
    new = ast.parse(f"def {name}(): ...").body[0]  # of this version: later ones have more fields
    assert isinstance(new, ast.FunctionDef)
    new.args, new.body = arguments, body
    ast.fix_missing_locations(new)
    if _unknown(new, {*known, name}):
        return None
    return Rewritten(ast.unparse(new), name, tuple(stands_for))


def _body(function: Function) -> list[ast.stmt]:
    if isinstance(function, ast.Lambda):
        return [ast.Return(value=function.body)]
    return list(function.body)


def _parameters(function: Function) -> list[str]:
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return names + [extra.arg for extra in (given.vararg, given.kwarg) if extra]


def _without_self(given: ast.arguments, selves: list[str]) -> ast.arguments:
    def bare(argument: ast.arg) -> ast.arg:
        return ast.arg(arg=argument.arg)

    return ast.arguments(
        posonlyargs=[bare(a) for a in given.posonlyargs if a.arg not in selves],
        args=[bare(a) for a in given.args if a.arg not in selves],
        vararg=bare(given.vararg) if given.vararg else None,
        kwonlyargs=[bare(a) for a in given.kwonlyargs],
        kw_defaults=list(given.kw_defaults),
        kwarg=bare(given.kwarg) if given.kwarg else None,
        defaults=list(given.defaults),
    )


def _attribute_reads(function: Function, variable: str) -> list[str] | None:
    """Return the attributes of ``variable`` that are read, in order; None when it is used in any other way."""
    reads: dict[str, None] = {}
    allowed: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == variable:
            if not isinstance(node.ctx, ast.Load):
                return None
            allowed.add(id(node.value))
            reads[node.attr] = None
        if isinstance(node, ast.Call) and _is_method_call(node, variable):
            return None
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == variable and id(node) not in allowed:
            return None
    return list(reads)


def _is_method_call(node: ast.Call, variable: str) -> bool:
    called = node.func
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == variable


class _Rename(ast.NodeTransformer):
    def __init__(self, selves: list[str], parameters: dict[str, str]) -> None:
        self._selves = selves
        self._parameters = parameters

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in self._selves:
            return ast.Name(id=self._parameters[f"{node.value.id}.{node.attr}"], ctx=ast.Load())
        self.generic_visit(node)
        return node


def _unknown(function: ast.FunctionDef, known: set[str]) -> set[str]:
    loaded: set[str] = set()
    bound = {argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return loaded - bound - known - set(dir(builtins))


def free_names(expression: ast.expr) -> set[str]:
    """Return the names that an expression reads."""
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
