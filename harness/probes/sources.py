"""What a source file binds and where: attributes, keys, names, functions and classes, from its syntax tree.

Pure: text in, places out. It does not know about objects.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Binding:
    """One place that gives a name, attribute or key its value; ``base`` is ``x`` in ``x.attribute = value``."""

    line: int
    scope: str
    value: ast.expr | None
    base: str = ""

    @property
    def elements(self) -> tuple[ast.expr, ...]:
        """The item expressions, when the value is a list, tuple or set display."""
        if isinstance(self.value, ast.List | ast.Tuple | ast.Set):
            return tuple(self.value.elts)
        return ()


@dataclass
class SourceMap:
    """The bindings of one file; scopes are qualified names as in ``__qualname__`` (empty for the module)."""

    attributes: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    names: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    functions: dict[tuple[str, int], int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    nodes: dict[tuple[str, int], ast.AST] = field(default_factory=dict)


def read_source(text: str) -> SourceMap:
    """Return the bindings of a source text.

    Raises:
        SyntaxError: the text is no Python of this version.
    """
    found = SourceMap()
    _Reader(found).visit(ast.parse(text))
    return found


class _Reader(ast.NodeVisitor):
    def __init__(self, found: SourceMap) -> None:
        self._found = found
        self._scope: list[str] = []
        self._class_scope: list[str] = []

    @property
    def scope(self) -> str:
        return ".".join(self._scope)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        self._found.functions[node.name, first] = node.lineno
        self._found.nodes[node.name, first] = node
        self._found.names[node.name].append(Binding(node.lineno, self.scope, None))
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            self._found.names[argument.arg].append(Binding(argument.lineno, self._inner(node.name), None))
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._enter(node.name, [*node.args.defaults, *(d for d in node.args.kw_defaults if d), *node.body], True)

    def _inner(self, name: str) -> str:
        return ".".join([*self._scope, name, "<locals>"])

    def _enter(self, name: str, body: list[ast.expr] | list[ast.stmt] | list[ast.AST], local: bool) -> None:
        added = [name, "<locals>"] if local else [name]
        self._scope += added
        for node in body:
            self.visit(node)
        del self._scope[-len(added) :]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._found.functions["<lambda>", node.lineno] = node.lineno
        self._found.nodes["<lambda>", node.lineno] = node
        self._enter("<lambda>", [node.body], True)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        qualname = ".".join([*self._scope, node.name])
        self._found.classes[qualname] = node.lineno
        self._found.names[node.name].append(Binding(node.lineno, self.scope, None))
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        self._enter(node.name, node.body, False)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._bind(target, node.value)
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._bind(node.target, node.value)
        if node.value is not None:
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._bind(node.target, node.value)
        self.visit(node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._bind(node.target, node.value)
        self.visit(node.value)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            if item.optional_vars is not None:
                self._bind(item.optional_vars, item.context_expr)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self._bind(node.target, None)
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant):
                self._found.keys[repr(key.value)].append(Binding(key.lineno, self.scope, value))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        for word in node.keywords:
            if word.arg is not None:
                self._found.keys[repr(word.arg)].append(Binding(word.value.lineno, self.scope, word.value))
        if isinstance(node.func, ast.Name) and node.func.id == "setattr" and len(node.args) == 3:
            name = node.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                self._found.attributes[name.value].append(Binding(node.lineno, self.scope, node.args[2]))
        self.generic_visit(node)

    def _bind(self, target: ast.expr, value: ast.expr | None) -> None:
        for leaf, given in _leaves(target, value):
            binding = Binding(leaf.lineno, self.scope, given)
            if isinstance(leaf, ast.Attribute):
                base = leaf.value.id if isinstance(leaf.value, ast.Name) else ""
                self._found.attributes[leaf.attr].append(Binding(leaf.lineno, self.scope, given, base))
            elif isinstance(leaf, ast.Name):
                self._found.names[leaf.id].append(binding)
            elif isinstance(leaf, ast.Subscript) and isinstance(leaf.slice, ast.Constant):
                self._found.keys[repr(leaf.slice.value)].append(binding)


def _leaves(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    if isinstance(target, ast.Tuple | ast.List):
        values: list[ast.expr | None] = [None] * len(target.elts)
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            values = list(value.elts)
        for part, given in zip(target.elts, values, strict=True):
            yield from _leaves(part, given)
    elif isinstance(target, ast.Starred):
        yield from _leaves(target.value, None)
    else:
        yield target, value
