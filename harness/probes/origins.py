"""Where an object was made or put: from live objects and edges to ``file:line`` in the source.

It reads source files and runs no code of the user. When it cannot tell, it says None rather than guess a file.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import os
import site
import sys
import sysconfig
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.probes.paths import ATTR, ITEM
from harness.probes.sources import Binding, SourceMap, read_source
from harness.probes.state import is_a
from harness.probes.walk import Holder


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a source file; ``library`` when the file belongs to Python or an installed package."""

    file: str
    line: int

    @property
    def library(self) -> bool:
        return is_library_file(self.file)

    def __str__(self) -> str:
        return f"{show_file(self.file)}:{self.line}"


def show_file(file: str) -> str:
    """Return a file's name as a reader wants it: relative to the working directory or to its library's root."""
    for root in (os.getcwd(), *_library_roots()):
        if file.startswith(root + os.sep):
            return file[len(root) + 1 :]
    return file


@functools.cache
def _library_roots() -> tuple[str, ...]:
    roots = {sysconfig.get_paths()[name] for name in ("purelib", "platlib", "stdlib", "platstdlib")}
    roots.update(site.getsitepackages())
    roots.add(os.path.dirname(os.path.abspath(linecache.__file__)))
    return tuple(sorted((os.path.normpath(root) for root in roots), key=len, reverse=True))


def is_library_file(file: str) -> bool:
    """Say whether a file belongs to the standard library or an installed package."""
    return file.startswith("<frozen") or any(file.startswith(root + os.sep) for root in _library_roots())


@functools.lru_cache(maxsize=512)
def source_map(file: str) -> SourceMap | None:
    """Return the bindings of a file, or None when there is no readable source."""
    text = "".join(linecache.getlines(file))
    if not text:
        return None
    try:
        return read_source(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def module_file(name: str | None) -> str | None:
    """Return the source file of a loaded module."""
    file = getattr(sys.modules.get(name or ""), "__file__", None)
    return os.path.abspath(file) if isinstance(file, str) and file.endswith(".py") else None


def definition(obj: Any) -> Place | None:
    """Return the ``def``, ``lambda`` or ``class`` line of a function or class."""
    if is_a(obj, types.MethodType):
        obj = obj.__func__
    wrapped = getattr(obj, "__wrapped__", None) if type(obj).__module__ == "functools" else None
    if is_a(wrapped, types.FunctionType):
        obj = wrapped
    if is_a(obj, types.FunctionType):
        code = obj.__code__
        found = source_map(code.co_filename)
        line = found.functions.get((code.co_name, code.co_firstlineno)) if found else None
        return Place(code.co_filename, line or code.co_firstlineno)
    if is_a(obj, type):
        file = module_file(obj.__module__)
        found = source_map(file) if file else None
        line = found.classes.get(obj.__qualname__) if found else None
        return Place(file, line) if file and line else None
    return None


class Origins:
    """Answers where each step of one path was set; ``call`` is where the probe was asked."""

    def __init__(self, call: Place | None, roots: dict[str, Place | None] | None = None) -> None:
        self._call = call
        self._roots = roots or {}

    def trail(self, root: str, holders: Sequence[Holder]) -> list[Place | None]:
        """Return for each holder, root first, the place that put it there."""
        places: list[Place | None] = []
        for index, holder in enumerate(holders):
            if holder.edge is None:
                places.append(self._roots.get(root) or self._call)
            else:
                places.append(self._step(holders, index, places))
        return places

    def _step(self, holders: Sequence[Holder], index: int, places: list[Place | None]) -> Place | None:
        style, key = holders[index].edge or (ATTR, "")
        parent, child = holders[index - 1].obj, holders[index].obj
        outer = [holder.obj for holder in holders[:index]]
        if style == ATTR:
            return _attribute_place(parent, key, child, self._files(outer))
        if style == ITEM or key.startswith("list({})"):
            near = next((place for place in reversed(places) if place is not None), None)
            if is_a(parent, types.FunctionType):
                return _name_place(parent.__code__.co_filename, str(key), "", child)
            return self._item_place(key if style == ITEM else None, child, near, outer)
        return None

    def _files(self, outer: Iterable[Any]) -> list[str]:
        files = [self._call.file] if self._call else []
        for obj in outer:
            file = module_file(getattr(type(obj), "__module__", None))
            if file and not is_library_file(file):
                files.append(file)
            if is_a(obj, types.FunctionType | types.MethodType):
                files.append(obj.__code__.co_filename)
        return list(dict.fromkeys(files))

    def _item_place(self, key: Any, child: Any, near: Place | None, outer: list[Any]) -> Place | None:
        files = ([near.file] if near else []) + [file for file in self._files(outer) if not near or file != near.file]
        if isinstance(key, str):
            for file in files:
                found = source_map(file)
                bindings = found.keys.get(repr(key), []) if found else []
                best = _best(
                    [b for b in bindings if near is None or near.file != file or b.line >= near.line] or bindings, child
                )
                if best:
                    return Place(file, best.line)
        home = module_file(type(child).__module__)
        made = _module_global(child, [*files, home] if home else files)
        if made is not None:
            return made
        return _element(key, near)


def _element(key: Any, near: Place | None) -> Place | None:
    """Return the line of item ``key`` in the display that was bound at ``near``."""
    found = source_map(near.file) if near and isinstance(key, int) else None
    if near is None or found is None:
        return None
    for group in (found.attributes, found.names, found.keys):
        for bindings in group.values():
            for binding in bindings:
                if binding.line == near.line and key < len(binding.elements):
                    return Place(near.file, binding.elements[key].lineno)
    return None


def _module_global(child: Any, files: Iterable[str]) -> Place | None:
    if is_a(child, type | types.FunctionType | types.ModuleType):
        return None
    wanted = set(files)
    for name, module in list(sys.modules.items()):
        file = module_file(name)
        if file not in wanted or file is None:
            continue
        for variable, value in list(vars(module).items()):
            if value is child:
                return _name_place(file, variable, "", child)
    return None


def _name_place(file: str, name: str, scope: str, value: Any) -> Place | None:
    found = source_map(file)
    bindings = [b for b in found.names.get(name, []) if b.scope == scope] if found else []
    best = _best(bindings, value)
    return Place(file, best.line) if best else None


def _attribute_place(parent: Any, name: str, child: Any, files: Iterable[str]) -> Place | None:
    special = _special_place(parent, name, child)
    if special is not None:
        return special if special.file else None
    owner = parent if is_a(parent, type) else type(parent)
    for cls in owner.__mro__:
        file = module_file(cls.__module__)
        found = source_map(file) if file else None
        if file is None or found is None:
            continue
        written = name.removeprefix(f"_{cls.__name__.lstrip('_')}") if "__" in name else name  # undo name mangling
        inside = [b for b in found.attributes.get(written, []) if b.scope.startswith(cls.__qualname__ + ".")]
        inside += [b for b in found.names.get(name, []) if b.scope == cls.__qualname__]
        best = _best(inside, child)
        if best:
            return Place(file, best.line)
    return _set_from_outside(name, child, files)


def _set_from_outside(name: str, child: Any, files: Iterable[str]) -> Place | None:
    """Find ``x.name = ...`` or ``name=...`` outside the class; ``self.name`` there is about another class."""
    for file in dict.fromkeys((*files, *_mentioning(f".{name}", f"{name}="))):
        found = source_map(file)
        bindings = [b for b in found.attributes.get(name, []) if b.base != "self"] if found else []
        best = _best(bindings or (found.keys.get(repr(name), []) if found else []), child)
        if best:
            return Place(file, best.line)
    return None


def _mentioning(*texts: str) -> Iterator[str]:
    """Yield the user's loaded source files that contain a text: an attribute may be set far from its class."""
    for name in list(sys.modules):
        file = module_file(name)
        if file and not is_library_file(file):
            lines = linecache.getlines(file)
            if any(text in line for line in lines for text in texts):
                yield file


def _special_place(parent: Any, name: str, child: Any) -> Place | None:
    """Cells, functions and generators: the line in the function that made them."""
    if is_a(parent, functools.partial | types.MethodType):
        return definition(child) or Place("", 0)
    if is_a(parent, types.FunctionType):
        for index, cell in enumerate(parent.__closure__ or ()):
            if cell is child or (name == "__closure__" and cell is child):
                return _closure_place(parent, parent.__code__.co_freevars[index], child.cell_contents)
        return definition(parent)
    return None


def closure_place(function: types.FunctionType, variable: str, value: Any) -> Place | None:
    """Return the line that bound a variable which ``function`` closes over."""
    return _closure_place(function, variable, value)


def _closure_place(function: types.FunctionType, variable: str, value: Any) -> Place | None:
    scope = function.__qualname__
    while "<locals>" in scope:
        scope = scope.rpartition(".")[0]
        if scope.endswith("<locals>"):
            place = _name_place(function.__code__.co_filename, variable, scope, value)
            if place is not None:
                return place
    return definition(function)


def _best(bindings: Sequence[Binding], value: Any) -> Binding | None:
    """Return the binding whose right-hand side fits the value best; of equals, the first."""
    return max(bindings, key=lambda binding: _fit(binding.value, value), default=None)


def _fit(expression: ast.expr | None, value: Any) -> int:
    if expression is None:
        return 0
    if isinstance(expression, ast.Constant):
        return 5 if expression.value == value and type(expression.value) is type(value) else -5
    text = ast.unparse(expression).lower()
    named = type(value).__name__.strip("_").lower()
    score = 3 if named and named in text else 0
    if isinstance(expression, ast.Call | ast.GeneratorExp | ast.Lambda | ast.ListComp | ast.DictComp):
        score += 2
    return score + _display_fit(expression, value)


def _display_fit(expression: ast.expr, value: Any) -> int:
    fits = {ast.List: list, ast.Dict: dict, ast.Tuple: tuple, ast.Set: set, ast.GeneratorExp: types.GeneratorType}
    wanted = fits.get(type(expression))
    if wanted is None:
        return 0
    return 3 if is_a(value, wanted) else -3


def caller(*, past_libraries: bool = False, depth_limit: int = 60) -> tuple[Place | None, types.FrameType | None]:
    """Return the nearest calling line outside the harness, and outside any library if asked."""
    frame = inspect.currentframe()
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # the whole harness
    for _ in range(depth_limit):
        if frame is None:
            return None, None
        file = os.path.abspath(frame.f_code.co_filename)
        skipped = file.startswith(here + os.sep) or os.path.basename(file) == "contextlib.py"
        if not skipped and not (past_libraries and is_library_file(file)):
            return Place(file, frame.f_lineno), frame
        frame = frame.f_back
    return None, None


def local_place(frame: types.FrameType | None, obj: Any) -> Place | None:
    """Return the line that bound a local variable of ``frame`` to ``obj``."""
    if frame is None:
        return None
    code = frame.f_code
    file = os.path.abspath(code.co_filename)
    for name, value in list(frame.f_locals.items()):
        if value is obj:
            scope = "" if code.co_name == "<module>" else f"{code.co_qualname}.<locals>"
            return _name_place(file, name, scope, obj)
    return None
