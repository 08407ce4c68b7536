"""Lock sensitivity: explores a scenario again without each lock it takes; one that still passes misses it."""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.exploration.result import Exploration
from harness.instrument.scope import HARNESS, STDLIB, site_folders
from harness.model import Verdict
from harness.runtime.active import Mutation, slot
from harness.runtime.mutations import mutated

ACCEPTED = re.compile(r"#\s*harness: lock not needed:\s*(\S.*)")
CHANGES = {"no-op": "made a no-op", "notify": "with notify for notify_all", "spurious": "woken spuriously"}


@dataclass(frozen=True, slots=True)
class Probe:
    """One change to one primitive, and what the exploration of the scenario under it concluded."""

    file: str
    line: int
    primitive: str
    change: str
    covered: bool
    accepted: str = ""
    reason: str = ""

    @property
    def place(self) -> str:
        """The primitive and what was done to it, in words."""
        return f"{os.path.relpath(self.file)}, line {self.line} ({self.primitive} {CHANGES[self.change]})"

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do: noticed, or accepted with a reason."""
        return self.covered or bool(self.accepted)

    def __str__(self) -> str:
        place = self.place
        if self.covered:
            return f"lock covered: {place}"
        if self.accepted:
            return f"lock not needed: {place}: {self.accepted}"
        if self.change == "spurious":
            return f"wait not in a loop: {place}: {self.reason}"
        return f"lock not covered: {place}: {self.reason}"


def probe_locks(explore: Callable[[], Exploration], taken: Iterable[Mutation]) -> list[Probe]:
    """Explore again under each change to the primitives ``taken`` that the project's own code made.

    A wait that is woken spuriously is the other way round: correct code does not notice.
    """
    found = []
    for mutation in sorted(taken):
        file, line, kind, change = mutation
        if file.startswith((HARNESS, STDLIB, *site_folders())):
            continue
        comment = ACCEPTED.search(linecache.getline(file, line))
        accepted = comment.group(1).strip() if comment else ""
        if accepted:
            found.append(Probe(file, line, kind, change, False, accepted))
            continue
        with mutated(mutation):
            result = explore()
        covered = result.verdict is (Verdict.PASS if change == "spurious" else Verdict.FAIL)
        found.append(Probe(file, line, kind, change, covered, "", str(result)))
    return found


def taken_locks() -> set[Mutation]:
    """What scenario threads took since the last call."""
    taken, slot.taken = slot.taken, set()
    return taken


Noted = tuple[str, bool, str]
"""Of a probe: its place, whether it is settled, and its line."""


def uncovered(probes: Iterable[Noted]) -> list[str]:
    """The lines of the probes whose primitive no scenario of the run covers."""
    listed = list(probes)
    settled = {place for place, ok, _ in listed if ok}
    # A wait without a loop is a defect wherever it shows.
    return sorted({text for place, ok, text in listed if not ok and (place not in settled or "spurious" in place)})


def summary(probes: Iterable[Noted]) -> list[str]:
    """The lines of a report: what is not covered, what is accepted, and the share that is covered."""
    listed = list(probes)
    places = {place for place, _, _ in listed}
    if not places:
        return ["no lock of the project was taken in a scenario that passed: nothing was tried"]
    missed = uncovered(listed)
    accepted = sorted({text for _, ok, text in listed if ok and text.startswith("lock not needed")})
    return [*missed, *accepted, f"{len(places) - len(missed)} of {len(places)} changes to locks noticed or accepted"]
