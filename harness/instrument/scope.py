"""Which code is the target's, and whether a thread may be preempted with the frames it has on its stack."""

from __future__ import annotations

import functools
import os
import site
import sys
import sysconfig
from collections.abc import Iterable
from types import BuiltinFunctionType, CodeType, FrameType
from typing import Any

CO_GENERATOR_LIKE = 0x20 | 0x80 | 0x200
HARNESS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
STDLIB = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
ENTRIES = (
    "threading.py", "queue.py", "functools.py", "contextlib.py", "_collections_abc.py", "dataclasses.py",
    "typing.py", "abc.py", "contextvars.py", os.path.join("concurrent", "futures", ""), os.path.join("asyncio", ""),
)  # fmt: skip
"""Standard-library code that calls the target back while it holds no lock but ours."""
TRANSPARENT = frozenset(
    {"next", "getattr", "setattr", "delattr", "hasattr", "isinstance", "iter", "len", "bool", "run"}
)
"""Built-in functions that hold nothing while they call back."""


@functools.cache
def site_folders() -> tuple[str, ...]:
    """Where installed packages live, here and in virtual environments."""
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), site.getusersitepackages()}
    return tuple(os.path.join(os.path.abspath(path), "") for path in paths if path)


class Scope:
    """The files whose code is interleaved: named modules, the callables' own, and the project's.

    ``root`` is the project's folder; installed packages and virtual environments below it do not belong to it.
    """

    def __init__(self, root: str, files: Iterable[str], folders: Iterable[str] = ()) -> None:
        self.root = os.path.join(os.path.abspath(root), "")
        self.files = {os.path.abspath(name) for name in files}
        self.folders = tuple(os.path.join(os.path.abspath(name), "") for name in folders)
        self._by_file: dict[str, int] = {}
        self._by_code: dict[int, int] = {}
        self._keep: list[CodeType] = []
        self.tables: dict[int, dict[int, Any]] = {}

    FOREIGN, TARGET, ENTRY = 0, 1, 2

    def covers(self, code: CodeType) -> bool:
        """Whether ``code`` is interleaved."""
        return self.classify(code) == self.TARGET

    def covers_file(self, name: str) -> bool:
        """Whether the code of the file ``name`` is interleaved."""
        return self._classify_file(name) == self.TARGET

    def force(self, code: CodeType) -> None:
        """Let ``code`` belong to the target whatever file it is in."""
        self._by_code[id(code)] = self.TARGET
        self._keep.append(code)

    def classify(self, code: CodeType) -> int:
        """FOREIGN, TARGET, or ENTRY (foreign, but target code below it may be preempted)."""
        kind = self._by_code.get(id(code))
        if kind is None:
            name = code.co_filename
            kind = self._by_file.get(name)
            if kind is None:
                kind = self._by_file[name] = self._classify_file(name)
            self._by_code[id(code)] = kind
            self._keep.append(code)
        return kind

    def _classify_file(self, name: str) -> int:
        path = _absolute(name) if os.path.isabs(name) else os.path.abspath(name)
        if path in self.files or path.startswith(self.folders or ("\0",)):
            return self.ENTRY if path.startswith(HARNESS) else self.TARGET
        return _classify_unnamed(name, path, self.root)

    def caller(self, frame: FrameType) -> tuple[FrameType, FrameType]:
        """``frame`` and the nearest frame of the target above it (or ``frame`` itself if there is none)."""
        user: FrameType | None = frame
        while user is not None:
            if self.classify(user.f_code) == self.TARGET:
                return frame, user
            user = user.f_back
        while frame.f_back is not None and frame.f_code.co_filename.startswith(HARNESS):
            frame = frame.f_back
        return frame, frame

    def atomic(self, frame: FrameType | None) -> bool:
        """Whether foreign code, a callback from C, or a destructor on the stack forbids a preemption here."""
        inner: FrameType | None = None
        while frame is not None:
            kind = self._by_code.get(id(frame.f_code))
            if kind is None:
                kind = self.classify(frame.f_code)
            if kind == self.FOREIGN:
                return True
            if kind == self.TARGET:
                if inner is not None and self.called_from_c(frame, inner):
                    return True
                inner = frame
                if frame.f_code.co_name == "__del__":
                    return True
            else:
                inner = None
            frame = frame.f_back
        return False

    def called_from_c(self, caller: FrameType, callee: FrameType) -> bool:
        """Whether a built-in function that ``caller`` called has called ``callee`` back."""
        if callee.f_code.co_flags & CO_GENERATOR_LIKE:
            return False
        table = self.tables.get(id(caller.f_code))
        called = table.get(caller.f_lasti) if table else None
        if called is None or called.callee is None:
            return False
        function = called.callee(caller)
        if type(function) is not BuiltinFunctionType and type(function).__name__ not in _C_METHODS:
            return isinstance(function, type) and function.__module__ == "builtins" and function is not type
        return function.__name__ not in TRANSPARENT


_absolute = functools.cache(os.path.abspath)


@functools.cache
def _classify_unnamed(name: str, path: str, root: str) -> int:
    """The class of a file that no scenario names: the same in every exploration of a project."""
    if name == "<string>" or path.startswith(HARNESS):
        return Scope.ENTRY
    if path.startswith(STDLIB) and path[len(STDLIB) :].startswith(ENTRIES):
        return Scope.ENTRY
    if path.startswith(site_folders()) or {"site-packages", "dist-packages"} & set(path.split(os.sep)):
        return Scope.ENTRY
    if name.startswith("<") or path.startswith(STDLIB):
        return Scope.FOREIGN
    return Scope.TARGET if path.startswith(root) else Scope.FOREIGN


_C_METHODS = frozenset({"method_descriptor", "method-wrapper", "wrapper_descriptor", "classmethod_descriptor"})


def files_of(names: Iterable[str]) -> tuple[set[str], set[str]]:
    """Files and package folders of the dotted module ``names``, which must have been imported."""
    files, folders = set(), set()
    for name in names:
        module = sys.modules[name]
        path = getattr(module, "__file__", None)
        if path:
            files.add(path)
            if hasattr(module, "__path__"):
                folders.add(os.path.dirname(path))
    return files, folders
