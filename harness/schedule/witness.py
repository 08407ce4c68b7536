"""The replay record: the decisions of one schedule, aligned to source places. It does not carry them out.

A decision is tied to the function's qualified name, the text of the line, the access and its ordinal in that thread,
never to a bytecode offset or a random seed: the record survives an edit elsewhere in the file and a Python upgrade.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.model import UsageError

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Place:
    """A yield point in people's terms: which access of which source line, and the how-many-eth visit by its thread."""

    function: str
    line: int
    text: str
    access: str
    nth: int = 1
    file: str = ""

    def same(self, other: Place) -> bool:
        """Whether both name the same visit, line numbers and file names aside."""
        return (self.function, self.text, self.access, self.nth) == (
            other.function,
            other.text,
            other.access,
            other.nth,
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """Control passes to ``chosen`` where ``thread`` stands at ``place``.

    ``why`` is ``start`` (the first thread of the schedule), ``preempt`` (the thread could have gone on), ``block``,
    ``end`` or ``spin`` (it could not). ``thread`` is -1 at the start. ``gil`` tells whether today's builds with a GIL
    can switch there; where they cannot, it takes a free-threaded build or another version. Where ``fault`` names one,
    it hits ``chosen`` there, and ``why`` is ``fault-at-`` and where: ``call``, ``point``, ``block``, ``end``, ``exit``.
    """

    why: str
    thread: int
    chosen: int
    place: Place | None = None
    gil: bool = True
    fault: str = ""

    @property
    def free(self) -> bool:
        """Whether some thread had to be chosen here: neither a preemption nor a fault."""
        return self.why != "preempt" and not self.fault


@dataclass(frozen=True, slots=True)
class Witness:
    """The schedule that makes a failure happen again.

    ``threads`` names the threads; ``script`` holds, for each, the index of the callable given to ``explore`` (a
    failure of a script of 100 threads may need only two of them). ``timeouts`` is the time-out policy it ran under,
    ``scenario`` names the test and which of its explorations this was, where a test made it. ``operations`` holds, for
    each thread, the operations it made, where these were generated.
    """

    decisions: tuple[Decision, ...]
    threads: tuple[str, ...]
    script: tuple[int, ...]
    kind: str = ""
    message: str = ""
    timeouts: str = "virtual"
    scenario: str = ""
    operations: tuple[tuple[str, ...], ...] = ()

    @property
    def preemptions(self) -> int:
        """How many times a thread that could have gone on was interrupted."""
        return sum(decision.why == "preempt" for decision in self.decisions)

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults that are injected, in their order."""
        return tuple(decision.fault for decision in self.decisions if decision.fault)

    @property
    def where(self) -> str:
        """``gil`` if builds with a GIL can take this schedule, else ``free-threaded``."""
        return "gil" if all(decision.gil for decision in self.decisions) else "free-threaded"

    def to_json(self) -> str:
        """The record as one JSON document."""
        data = asdict(self)
        for decision in data["decisions"]:
            if not decision["fault"]:
                del decision["fault"]
        return json.dumps({"format": FORMAT, **data}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Witness:
        """Read a record back; raises :class:`UsageError` when it is not one."""
        try:
            data: dict[str, Any] = json.loads(text)
            version = data.pop("format")
            if version != FORMAT:
                raise UsageError(
                    f"replay record of format {version}, this harness reads format {FORMAT}: explore again"
                )
            decisions = tuple(
                Decision(
                    d["why"], d["thread"], d["chosen"], Place(**d["place"]) if d["place"] else None, d["gil"],
                    d.get("fault", ""),
                )
                for d in data.pop("decisions")
            )
            operations = tuple(tuple(map(str, calls)) for calls in data.pop("operations", ()))
            return cls(
                decisions, tuple(data.pop("threads")), tuple(data.pop("script")), operations=operations, **data
            )
        except UsageError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"not a replay record ({error}): give the JSON file that a failure named") from None

    def save(self, path: str | Path) -> Path:
        """Write the record to ``path`` and return it."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.to_json(), encoding="utf-8")
        return target

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Witness:
        """Read the record at ``path``; raises :class:`UsageError` when there is none."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(
                f"cannot read the replay record {path}: {why}; give the JSON file that a failure named"
            ) from None
        try:
            return cls.from_json(text)
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None
