"""Names of shared locations: an object and a key. Knows neither code nor frames."""

from __future__ import annotations

from types import EllipsisType, FunctionType, NotImplementedType
from typing import Any, Final

READ: Final = 1
WRITE: Final = 2
BOTH: Final = 3

Touch = tuple[Any, Any, int]
"""The object whose identity counts, the key within it, and READ, WRITE or BOTH."""
Touches = tuple[Touch, ...]


class Mark:
    """A constant that is only equal to itself."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


WHOLE: Final = Mark("WHOLE")
"""The key that stands for a whole object: its length, its order, a key that cannot be told."""
EXTERNAL: Final = Mark("EXTERNAL")
"""The object that stands for all state outside the process: files, sockets, data bases."""
CELLS: Final = Mark("CELLS")
"""The object that stands for all closure cells; the key is (file, variable)."""
ABSENT: Final = Mark("ABSENT")
"""No value is there, or it cannot be read without running the user's code."""
UNRESOLVED: Final = Mark("UNRESOLVED")
"""A value that exists but could not be found."""
FRESH: Final = Mark("FRESH")
"""A value that only the evaluating frame holds, or that cannot change."""

NOTHING: Final[Touches] = ()
UNKNOWN: Final[Touches] = ((None, "?", BOTH),)
OUTSIDE: Final[Touches] = ((EXTERNAL, WHOLE, BOTH),)


def kinds(*types: type) -> frozenset[int]:
    """Types by identity: looking a class up in a set of classes would run its metaclass's `__hash__`."""
    return frozenset(map(id, types))


ATOMS: Final = kinds(
    int, float, complex, bool, str, bytes, type(None), EllipsisType, NotImplementedType, range, slice, Mark
)  # fmt: skip
"""Types whose values neither change nor refer to anything that can."""
_HASHED_SAFELY: Final = kinds(int, float, complex, bool, str, bytes, type(None), type, FunctionType)


class Unresolved(LookupError):
    """An expression cannot be evaluated without running code."""


class Computed(Unresolved):
    """The value is what a Python function returned, which may have been recorded."""

    def __init__(self, function: FunctionType) -> None:
        super().__init__()
        self.function = function


def plain(key: Any) -> Any:
    """The key itself if hashing and comparing it run no user code, else WHOLE."""
    kind = type(key)
    if id(kind) in _HASHED_SAFELY:
        return key
    if kind is tuple and len(key) <= 16 and all(plain(part) is not WHOLE for part in key):
        return key
    return WHOLE
