"""What a probe found, as frozen data: culprits with their trail, problems after the dump, cost, fixes, verdicts.

It knows nothing of how it was found; every field is plain data that serialises to one JSON form.
"""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass, field
from typing import Any


class ProblemKind(enum.StrEnum):
    """What is wrong with an object that may well dump; equal to its plain string."""

    DUMP = "dump"
    LOAD = "load"
    STATE = "state"
    IDENTITY = "identity"
    COST = "cost"
    SIDE_EFFECT = "side_effect"
    MAIN = "main"


@dataclass(frozen=True, slots=True)
class Hop:
    """One object on the way to a culprit: where it was set, and why the pickler went on from it."""

    path: str
    type: str
    where: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Culprit:
    """An object that cannot be pickled.

    ``path`` is a Python expression from the root; ``where`` is the user's ``file:line`` that set it, or that made
    the function or class; ``advice`` says in one sentence what is meant when a known trap is recognised.
    """

    path: str
    type: str
    where: str | None
    repr: str
    error: str
    trail: tuple[Hop, ...] = ()
    captures: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that goes wrong although, or before, the object dumps."""

    kind: ProblemKind
    path: str
    message: str
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """What one branch of the object weighs when it is pickled alone."""

    path: str
    type: str
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes and seconds for one task (dump and load), the number of tasks, and the heaviest branches."""

    bytes: int
    dump_seconds: float
    load_seconds: float | None
    tasks: int
    branches: tuple[Branch, ...] = ()
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that was tried by the same probe and passed: what it does, the patch, and how it was tried."""

    title: str
    patch: str
    tried: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a pickler and a start method carry the roots; ``None`` means not tried."""

    roots: str
    pickler: str
    start_method: str
    dumps: bool | None
    loads: bool | None
    error: str = ""


@dataclass(frozen=True)
class PickleReport:
    """The whole answer about one object or one submission.

    ``ok`` is true when nothing fails and no problem was found for the pickler and start method that were asked
    for. ``str()`` is the report that a person reads; ``to_json()`` the form that programs read.
    """

    subject: str
    pickler: str
    start_method: str
    culprits: tuple[Culprit, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    cost: Cost | None = None
    fixes: tuple[Fix, ...] = ()
    nodes: int = 0
    more_culprits: int = 0
    asked_at: str | None = None
    roots: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether the trip to a worker works and loses nothing."""
        return not self.culprits and not self.problems

    @property
    def summary(self) -> str:
        """One line: PASS or FAIL, what was sent how, and the first thing that stops it."""
        how = f"{self.subject} by {self.pickler} under {self.start_method}"
        if self.ok:
            if not self.nodes:
                return f"PASS: {self.subject}: {self.start_method} pickle nothing"
            loaded = any(verdict.loads for verdict in self.verdicts)
            return f"PASS: {how}: {self.nodes} objects, {'loaded in a worker' if loaded else 'load not tried'}"
        if self.culprits:
            first, more = self.culprits[0], len(self.culprits) + self.more_culprits - 1
            what = f"{_short(first.path)} at {first.where}, {first.error}"
        else:
            problem, more = self.problems[0], len(self.problems) - 1
            what = f"{problem.kind.value} {_short(problem.path)}: {problem.message}"
        return f"FAIL: {how}: {what}{f', and {more} more' if more else ''}"

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON-ready data, with ``ok``."""
        return {"ok": self.ok, **dataclasses.asdict(self)}

    def __str__(self) -> str:
        from harness.probes.text import render

        return render(self)


def _short(path: str) -> str:
    return path if len(path) <= 120 else f"{path[:60]}...{path[-50:]}"
