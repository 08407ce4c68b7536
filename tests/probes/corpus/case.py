"""One object of the corpus and what a diagnosis of it must say. Knows nothing of the prober.

A source line is marked in the file that makes the object with a trailing comment ``# culprit: NAME``,
so that an edit above it does not move the expectation.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


class Fails(enum.StrEnum):
    """Where the trip to a worker goes wrong; ``NOTHING`` is a fine object."""

    DUMP = "dump"
    LOAD = "load"
    STATE = "state"
    IDENTITY = "identity"
    COST = "cost"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Expected:
    """A culprit: its path from ``obj`` as an expression, its type's name, and the marker of its source line."""

    path: str
    type: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """An object under a name, what fails, every culprit expected, and where the case comes from."""

    name: str
    fails: Fails
    make: Callable[[], object]
    expected: tuple[Expected, ...] = ()
    source: str = ""
    max_bytes: int | None = None


def marked_line(file: str, marker: str) -> int:
    """Return the number of the line of ``file`` that ends with ``# culprit: marker``."""
    for number, line in enumerate(Path(file).read_text(encoding="utf-8").splitlines(), 1):
        if line.rstrip().endswith(f"# culprit: {marker}"):
            return number
    raise LookupError(f"no line of {Path(file).name} is marked '# culprit: {marker}'")
