"""Which worker took which task: one line in a file, written in the worker while it loads the task.

The pickle of a task brings the code that writes the line. So the worker runs the interpreter's own loop, imports
nothing of the harness, and it makes no difference how it was started.
"""

from __future__ import annotations

import contextlib
import marshal
import multiprocessing.pool
import os
import tempfile
from concurrent.futures import process
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any

from harness.doctor.descriptors import raised

TAKEN, BEGUN = "taken", "begun"
_INSTALL = """
import sys, types
module = types.ModuleType(name)
module.files = {}

def note(path, kind, number):
    import os
    try:
        file = module.files.get(path)
        if file is None:
            import fcntl, resource
            module.limit = resource.getrlimit(resource.RLIMIT_AS)[0]
            file = module.files[path] = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
""" + raised(12) + """
            module.files[path] = file
        os.write(file, b"%s %d %d %d\\n" % (kind, number, os.getpid(), module.limit))
    except Exception:
        pass

module.note = note
sys.modules[name] = module
"""
_TELL = """
(__import__('sys').modules.get(name) or exec(code, globals()) or __import__('sys').modules[name]).note(
    path, kind, number) or number
"""
# Compiled here: compiling it again in the worker would cost more than all the rest.
_CODE = marshal.dumps(compile(_INSTALL, "<which worker took the task>", "exec"))
_VALUE = marshal.dumps(compile(_TELL.strip(), "<task>", "eval"))
NAME = "_harness_tasks"


@dataclass(frozen=True)
class Took:
    """A worker took a task, or has loaded it; ``limit`` is the address space that it may use in bytes, or -1."""

    kind: str
    number: int
    pid: int
    limit: int


class _Code:
    def __init__(self, code: bytes) -> None:
        self._code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return (marshal.loads, (self._code,))


_INSTALLS, _TELLS = _Code(_CODE), _Code(_VALUE)


class _Number(int):
    """A number that notes, where it is loaded, that it was; there it is a plain one."""

    kind = TAKEN

    def __reduce__(self) -> tuple[Any, ...]:
        space = {"name": NAME, "code": _INSTALLS, "path": journal.path, "kind": self.kind.encode(), "number": int(self)}
        return (eval, (_TELLS, space))


class _Begun(_Number):
    kind = BEGUN


class Journal:
    """The file of lines, and the two places where tasks are pickled."""

    def __init__(self) -> None:
        self.path = ""
        self._made: list[str] = []
        self._undo: list[tuple[Any, Any]] = []

    def install(self) -> None:
        """Have tasks noted from now on. The file is made with the first task."""
        reducers = ForkingPickler._extra_reducers  # type: ignore[attr-defined]
        if process._CallItem not in reducers:
            ForkingPickler.register(process._CallItem, self._reduce)
        for kind in (multiprocessing.pool.ApplyResult, multiprocessing.pool.IMapIterator):
            original = kind.__init__
            self._undo.append((kind, original))
            kind.__init__ = self._numbering(original)  # type: ignore[method-assign]

    def uninstall(self) -> None:
        """Take everything back, with the file."""
        ForkingPickler._extra_reducers.pop(process._CallItem, None)  # type: ignore[attr-defined]
        for kind, original in self._undo:
            kind.__init__ = original
        self._undo.clear()
        self.remove()

    def remove(self) -> None:
        """Remove the file, if there is one."""
        if self.path:
            with contextlib.suppress(OSError):
                os.unlink(self.path)
            self.path = ""
            self._made.clear()

    def _make(self) -> None:
        """Make the file once, whichever threads ask for it. A lock could be held in a child that is forked now."""
        if not self.path:
            file, path = tempfile.mkstemp(prefix="harness-tasks-")
            os.close(file)
            self._made.append(path)
            if path != self._made[0]:
                os.unlink(path)
            self.path = self._made[0]

    def size(self) -> int:
        """Where the next line will begin."""
        with contextlib.suppress(OSError):
            return os.stat(self.path).st_size
        return 0

    def _reduce(self, item: Any) -> tuple[Any, ...]:
        """Loading the number comes first, before the function is imported; loading the state comes last."""
        call_item = process._CallItem
        try:
            self._make()
        except OSError:
            return (call_item, (item.work_id, item.fn, item.args, item.kwargs))
        return (call_item, (_Number(item.work_id), item.fn, item.args, item.kwargs), {"work_id": _Begun(item.work_id)})

    def _numbering(self, original: Any) -> Any:
        def init(result: Any, *args: Any, **kwargs: Any) -> None:
            original(result, *args, **kwargs)
            with contextlib.suppress(OSError):
                self._make()
                result._job = _Number(result._job)

        return init

    def lines(self, since: int = 0) -> list[Took]:
        """What was noted from a place on, in order; a line that is just being written is left out."""
        found = []
        with contextlib.suppress(OSError), open(self.path, "rb") as file:
            if since:
                file.seek(since - 1)
                file.readline()
            for line in file:
                if not line.endswith(b"\n"):
                    break
                kind, number, pid, limit = line.decode("ascii").split()
                found.append(Took(kind, int(number), int(pid), int(limit)))
        return found


journal = Journal()
