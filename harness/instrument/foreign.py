"""What Python code that is not instrumented may touch: the standard library's, installed packages', our own."""

from __future__ import annotations

import gc
import os
from array import array
from collections import deque
from collections.abc import Callable, Iterable
from types import CodeType, FrameType, FunctionType
from typing import Any

from harness.instrument.attributes import set_python_call
from harness.instrument.families import MUTABLE, Family, behind, class_behind, family_of, loaded, module_of, root_of
from harness.instrument.layouts import layout_of
from harness.instrument.locations import (
    ATOMS,
    BOTH,
    FRESH,
    NOTHING,
    OUTSIDE,
    READ,
    UNKNOWN,
    UNRESOLVED,
    WHOLE,
    Touch,
    Touches,
)

HARNESS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
STDLIB = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
COOPERATIVE = (
    "threading.py", "_threading_local.py", "queue.py", "contextlib.py", "functools.py", "_collections_abc.py", "abc.py",
    "typing.py", "enum.py", "contextvars.py", "re.py", "sre_", "datetime.py", "_pydatetime.py", "types.py", "uuid.py",
    "warnings.py", "numbers.py", "decimal.py", "fractions.py", "struct.py", "time.py",
    os.path.join("concurrent", "futures", ""), os.path.join("re", ""),
)  # fmt: skip
"""Standard-library code that makes its own yield points (it uses our locks) or keeps no state for its callers."""
OUTWARD = (
    "os.py", "posixpath.py", "genericpath.py", "ntpath.py", "io.py", "pathlib.py", "shutil.py", "tempfile.py",
    "subprocess.py", "socket.py", "ssl.py", "glob.py", "fileinput.py", "gzip.py", "bz2.py", "lzma.py", "zipfile.py",
    "tarfile.py", "shelve.py", "smtplib.py", "codecs.py", "platform.py", "_strptime.py",
    *(os.path.join(name, "") for name in (
        "pathlib", "sqlite3", "logging", "http", "urllib", "dbm", "multiprocessing", "zipfile", "email", "importlib",
        "ctypes",
    )),
)  # fmt: skip
"""Standard-library code whose shared state is outside the process, or a log."""
READING = (
    "copy.py", "pprint.py", "reprlib.py", "statistics.py", "dataclasses.py", "string.py", "textwrap.py", "base64.py",
    "difflib.py", "csv.py", "pickle.py", "traceback.py", "hashlib.py", "operator.py", "fnmatch.py", "keyword.py",
    os.path.join("json", ""), os.path.join("html", ""), os.path.join("string", ""),
)  # fmt: skip
"""Standard-library code that does not change its arguments."""
STATELESS = (*COOPERATIVE, "random.py", "string.py", "operator.py", os.path.join("string", ""))
"""Home of classes whose instances need no attention when they are arguments."""
MAX_WALK = 200
_ITERABLE = (list, deque, set, frozenset, tuple, array)
_code_of = FunctionType.__dict__["__code__"].__get__
_stdlib_of: dict[str, str | None] = {}


def _outside_project(code: CodeType) -> bool:
    name = code.co_filename
    return not name.startswith((HARNESS, STDLIB, "<"))


class _Scope:
    covers: Callable[[CodeType], bool] = staticmethod(_outside_project)
    call: Callable[[Any, Callable[[], tuple[Any, ...]]], Touches]


_stand_ins: dict[int, CodeType] = {}


def stands_in(function: Any) -> None:
    """From now on calls of ``function`` touch what calls of its ``__wrapped__`` do."""
    _stand_ins[id(function.__code__)] = function.__code__


def caller_of(frame: FrameType) -> FrameType | None:
    """The frame that called ``frame``, past those that stand in for a function."""
    above = frame.f_back
    while above is not None and id(above.f_code) in _stand_ins:
        above = above.f_back
    return above


def actual(function: Any) -> Any:
    """What a call of ``function`` reaches behind those that stand in for it."""
    while type(function) is FunctionType and id(_code_of(function)) in _stand_ins:
        function = function.__dict__["__wrapped__"]
    return function


def set_call(call: Callable[[Any, Callable[[], tuple[Any, ...]]], Touches]) -> None:
    """Say how the touches of any call are found."""
    _Scope.call = staticmethod(call)


def set_scope(covers: Callable[[CodeType], bool]) -> None:
    """Say which code is instrumented: its accesses are its own yield points."""
    _Scope.covers = staticmethod(covers)


def covered(code: CodeType) -> bool:
    """Whether ``code`` makes its own yield points."""
    return _Scope.covers(code)


def is_ours(code: CodeType) -> bool:
    """Whether code belongs to the harness or to the library's own synchronisation."""
    if code.co_filename.startswith(HARNESS):
        return True
    path = _within_stdlib(code.co_filename)
    return path is not None and path.startswith(("threading.py", "queue.py", os.path.join("concurrent", "futures", "")))


def _within_stdlib(filename: str) -> str | None:
    """The path below the standard library's folder, or None."""
    if filename not in _stdlib_of:
        path = os.path.abspath(filename)
        inside = path.startswith(STDLIB) and "site-packages" not in path
        _stdlib_of[filename] = path[len(STDLIB) :] if inside else None
        if filename.startswith("<frozen "):
            _stdlib_of[filename] = filename[8:-1].replace(".", os.sep) + ".py"
    return _stdlib_of[filename]


def python_call(function: FunctionType, args: Callable[[], tuple[Any, ...]]) -> Touches:
    """What calling a Python function touches beyond the yield points of its own code."""
    code: CodeType = _code_of(function)
    if _Scope.covers(code):
        return NOTHING
    if id(code) in _stand_ins:
        return _Scope.call(actual(function), args)
    return code_call(code, args)


set_python_call(python_call)


def code_call(code: CodeType, args: Callable[[], tuple[Any, ...]]) -> Touches:
    """`python_call` for code that is not instrumented."""
    name = code.co_filename
    if name.startswith(HARNESS):
        return NOTHING
    if name == "<string>":
        return _generated(code, args())
    path = _within_stdlib(name)
    if path is not None:
        if path.startswith("_collections_abc"):
            return reachable(args()[1:])
        if path.startswith(COOPERATIVE):
            return NOTHING
        if path.startswith(OUTWARD):
            return (*OUTSIDE, *reachable(args(), outward=True))
        if path.startswith(READING):
            return reachable(args(), mode=READ)
    return reachable(args())


def _generated(code: CodeType, args: tuple[Any, ...]) -> Touches:
    """Methods made by `dataclasses` and `collections.namedtuple`: they go through the fields of their arguments."""
    if code.co_name in ("__init__", "__new__", "__create_fn__"):
        return NOTHING
    touches = [(arg, WHOLE, READ) for arg in args if family_of(type(arg)) is Family.OBJECT]
    return (*touches, *reachable(arg for arg in args if family_of(type(arg)) is not Family.OBJECT))


def reachable(args: Iterable[Any], *, mode: int = BOTH, outward: bool = False) -> Touches:
    """All objects that are reachable from arguments; UNKNOWN when they are many or not known.

    ``outward``: objects of other classes are taken for handles of what is outside the process.
    """
    touches: list[Touch] = []
    seen: set[int] = set()
    work = list(args)
    while work:
        thing = work.pop()
        kind = type(thing)
        if id(kind) in ATOMS:
            if thing is UNRESOLVED:
                return UNKNOWN
            continue
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if len(seen) > MAX_WALK:
            return UNKNOWN
        family = family_of(kind)
        if family in MUTABLE:
            touches.append((root_of(thing), WHOLE, mode))
            work.extend(_contents(thing, family))
        elif family is Family.FROZEN:
            work.extend(_contents(thing, family))
        elif family in (Family.VIEW, Family.ITERATOR):
            touches.append((thing, WHOLE, BOTH))
            work.extend(behind(thing))
        elif family is Family.PROXY:
            touches.append((class_behind(thing), WHOLE, READ))
        elif family is Family.OUTSIDE:
            touches.extend(OUTSIDE)
        elif family is Family.GENERATOR:
            if not covered_generator(thing):
                return UNKNOWN
        elif not (family in (Family.CLASS, Family.QUIET, Family.ATOM) or _harmless(kind) or outward):
            touches.append((thing, WHOLE, mode))
            work.extend(gc.get_referents(thing))
    return tuple(touches)


def _contents(thing: Any, family: Family) -> list[Any]:
    if family is Family.MAPPING:
        small = dict.__len__(thing) <= MAX_WALK
        return [*dict.keys(thing), *dict.values(thing)] if small else [UNRESOLVED]
    layout = layout_of(type(thing))
    for base in _ITERABLE:
        if layout.builtin(base):
            return list(base.__iter__(thing)) if base.__len__(thing) <= MAX_WALK else [UNRESOLVED]
    return []


def _harmless(kind: type) -> bool:
    """Objects of ours, of `threading` and the like: they make their own yield points."""
    home = loaded(module_of(kind))
    name = (home.__file__ if home is not None else None) or ""
    if name.startswith(HARNESS):
        return True
    path = _within_stdlib(name) if name else None
    return path is not None and path.startswith(STATELESS)


def covered_generator(generator: Any) -> bool:
    """Whether the code behind a generator is instrumented."""
    kind = type(generator)
    for name in ("gi_code", "cr_code", "ag_code"):
        descriptor = kind.__dict__.get(name)
        if descriptor is not None:
            return covered(descriptor.__get__(generator)) or _own_points(descriptor.__get__(generator))
    return False


def _own_points(code: CodeType) -> bool:
    return code_call(code, lambda: (FRESH,)) == NOTHING
