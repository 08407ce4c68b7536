"""Where the program made a primitive: the place in its own code. It knows nothing of what primitives do."""

from __future__ import annotations

import ast
import dis
import functools
import linecache
import os
import re
import sys
import threading
from types import CodeType, FrameType

from harness.runtime.active import Site

COMPOSED = {f"{name}.__init__": name for name in ("Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier")}
GATES = {"Semaphore": "acquire", "BoundedSemaphore": "acquire", "Event": "wait", "Barrier": "wait"}
"""Primitives around a lock, and the method of each that waits."""
OLDER: Site = ("", 0, 0, "Lock")
"""Of a primitive that existed before the factories were replaced: its place is not known."""
THREADING = threading.__file__
_OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_LOCKS = os.path.join(_OURS, "runtime", "locks.py")
_FACTORY = re.compile(r"_(?:_dataclass)?_?dflt_(\w+?)(?:__)?|__attr_factory_(\w+)")
_columns: dict[tuple[int, int], tuple[CodeType, int]] = {}
_fields: dict[tuple[int, int, int], tuple[CodeType, type, Site | None]] = {}


def creation_site(frame: FrameType | None, kind: str = "Lock") -> Site | None:
    """Where the program made a primitive: through the constructors of `threading`; None for the library's own ones.

    For a field that a generated constructor fills (dataclasses, attrs) it is where the class defines the field.
    """
    while frame is not None:
        code = frame.f_code
        name = code.co_filename
        if name in (_LOCKS, THREADING):
            if code.co_qualname == "RLock.__init__" and name == _LOCKS:
                kind = "RLock"
            elif code.co_qualname in COMPOSED:
                kind = COMPOSED[code.co_qualname]
            else:
                return None
        elif name.startswith(_OURS):
            return None
        elif name.startswith("<"):
            place = _field_of(frame)
            if place is not None:
                return (*place[:3], kind)
        else:
            return (name, frame.f_lineno, _column(code, frame.f_lasti), kind)
        frame = frame.f_back
    return None


def waits_for(kind: str, frame: FrameType | None) -> bool:
    """Whether ``frame`` takes the lock inside one of the `GATES` in order to wait, and not to set, release or reset."""
    while frame is not None and frame.f_code.co_filename in (_LOCKS, THREADING):
        if frame.f_code.co_filename == THREADING and not frame.f_code.co_qualname.startswith("Condition."):
            return frame.f_code.co_name == GATES[kind]
        frame = frame.f_back
    return False


def _column(code: CodeType, instruction: int) -> int:
    """The column, from 1, of the expression at an instruction: two locks may be made on one line."""
    known = _columns.get((id(code), instruction))
    if known is None:
        positions = list(code.co_positions())
        column = positions[instruction // 2][2] if instruction // 2 < len(positions) else None
        known = _columns[id(code), instruction] = (code, (column or 0) + 1)
    return known[1]


def _field_of(frame: FrameType) -> Site | None:
    """The definition of the field for which a generated ``__init__`` calls a default factory; None for other code."""
    if frame.f_code.co_name != "__init__":
        return None
    made = type(frame.f_locals.get("self"))
    key = (id(frame.f_code), frame.f_lasti, id(made))
    if key not in _fields:
        name = _factory_called(frame.f_code, frame.f_lasti)
        places = (_definition(base, name) for base in made.__mro__) if name else iter(())
        _fields[key] = (frame.f_code, made, next((place for place in places if place is not None), None))
    return _fields[key][2]


def _factory_called(code: CodeType, instruction: int) -> str:
    """The field whose factory the call at ``instruction`` calls: the last one that was loaded before it."""
    found = ""
    for step in dis.get_instructions(code):
        if step.offset > instruction:
            break
        match = _FACTORY.fullmatch(step.argval) if isinstance(step.argval, str) else None
        if match:
            found = match[1] or match[2]
    return found


def _definition(cls: type, field: str) -> Site | None:
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    return _fields_in(file).get((cls.__qualname__, field)) if file else None


@functools.cache
def _fields_in(file: str) -> dict[tuple[str, str], Site]:
    """Where the classes of a file assign or annotate names in their bodies, by qualified name of the class."""
    found: dict[tuple[str, str], Site] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                for statement in child.body:
                    targets = statement.targets if isinstance(statement, ast.Assign) else []
                    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
                    for target in targets:
                        if isinstance(target, ast.Name):
                            place = (file, statement.lineno, statement.col_offset + 1, "")
                            found[prefix + child.name, target.id] = place
                visit(child, f"{prefix}{child.name}.")
            elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                visit(child, f"{prefix}{child.name}.<locals>.")
            else:
                visit(child, prefix)

    try:
        visit(ast.parse("".join(linecache.getlines(file))), "")
    except SyntaxError:
        return {}
    return found
