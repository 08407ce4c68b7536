"""Accesses to variables by name compiled to functions of a frame: globals, module and class bodies, closure cells."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FrameType

from harness.instrument import expressions as ex
from harness.instrument.locations import (
    CELLS,
    NOTHING,
    READ,
    Touches,
)
from harness.instrument.stack import Access

Touching = Callable[[FrameType], Touches]


def global_touching(mode: int) -> Callable[[CodeType, Access], Touching]:
    """Accesses to globals; built-ins are not shared state."""

    def compile_(code: CodeType, access: Access) -> Touching:
        (variable,) = access.operands
        assert isinstance(variable, ex.Local)
        name = variable.name

        def touch(frame: FrameType) -> Touches:
            spaces = frame.f_globals
            if mode == READ and name not in spaces and name in frame.f_builtins:
                return NOTHING
            return ((spaces, name, mode),)

        return touch

    return compile_


def name_touching(mode: int) -> Callable[[CodeType, Access], Touching]:
    """Accesses to names of a module body; those of a class body are private until the class is made."""
    general = global_touching(mode)

    def compile_(code: CodeType, access: Access) -> Touching:
        (variable,) = access.operands
        assert isinstance(variable, ex.Local)
        name, outer = variable.name, general(code, access)

        def touch(frame: FrameType) -> Touches:
            names = frame.f_locals
            if names is frame.f_globals:
                return outer(frame)
            if mode == READ and not (type(names) is dict and name in names):
                return outer(frame)
            return NOTHING

        return touch

    return compile_


def cell_touching(mode: int) -> Callable[[CodeType, Access], Touching]:
    """Accesses to closure cells, which cannot be told apart from a frame: file and variable name stand for them."""

    def compile_(code: CodeType, access: Access) -> Touching:
        (variable,) = access.operands
        assert isinstance(variable, ex.Local)
        found = ((CELLS, (code.co_filename, variable.name), mode),)
        return lambda frame: found

    return compile_
