"""Lock sensitivity: explores a scenario again without each lock it takes; one that still passes misses it."""

from __future__ import annotations

import linecache
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.exploration.result import Exploration
from harness.instrument.scope import HARNESS, STDLIB, site_folders
from harness.model import HarnessError, Verdict, one_line
from harness.runtime.active import Mutation, slot
from harness.runtime.creation import OLDER
from harness.runtime.mutations import mutated

CHANGES = {"no-op": "made a no-op", "notify": "with notify for notify_all", "spurious": "woken spuriously"}
ACCEPTS = {"no-op": "lock not needed", "notify": "notify_all not needed"}
"""The words after ``# harness:`` with which a line accepts a change; a wait that is no loop cannot be accepted."""
NO_REASON = "the comment there gives no reason, so it is not accepted"
OLD_LOCK = "a lock that was made before the harness was loaded was not tried: import its module later"


@dataclass(frozen=True, slots=True)
class Probe:
    """One change to one primitive, and what the exploration of the scenario under it concluded."""

    mutation: Mutation
    covered: bool
    accepted: str = ""
    reason: str = ""
    alone: bool = True
    """Whether no other primitive of the line has to be told apart from it."""

    @property
    def key(self) -> str:
        """The primitive and what was done to it: the same for every scenario of the run."""
        file, line, column, primitive, change = self.mutation
        return f"{file}:{line}:{column}:{primitive}:{change}"

    @property
    def place(self) -> str:
        """The primitive and what was done to it, in words."""
        file, line, column, primitive, change = self.mutation
        where = f"line {line}" if self.alone else f"line {line}, column {column}"
        return f"{os.path.relpath(file)}, {where} ({primitive} {CHANGES[change]})"

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do: noticed, or accepted with a reason."""
        return self.covered or bool(self.accepted)

    def __str__(self) -> str:
        if self.mutation[:4] == OLDER:
            return OLD_LOCK
        place = self.place
        if self.covered:
            return f"lock covered: {place}"
        if self.accepted:
            return f"lock not needed: {place}: {self.accepted}"
        if self.mutation[4] == "spurious":
            return f"wait not in a loop: {place}: {self.reason}"
        return f"lock not covered: {place}: {self.reason}"


def probe_locks(
    explore: Callable[[], Exploration], taken: Iterable[Mutation], covered: set[Mutation] | None = None
) -> list[Probe]:
    """Explore again under each change to the primitives ``taken`` that the project's own code made.

    A wait that is woken spuriously is the other way round: correct code does not notice. ``covered`` are changes that
    earlier scenarios of the run have noticed: they are left out, and what is noticed now is added.
    """
    noticed = covered if covered is not None else set()
    foreign = (HARNESS, STDLIB, *site_folders())
    wanted = sorted(mutation for mutation in taken if not mutation[0].startswith(foreign) and mutation not in noticed)
    lines = Counter((file, line, primitive, change) for file, line, _, primitive, change in wanted)
    found = []
    for mutation in wanted:
        file, line, _, primitive, change = mutation
        if mutation[:4] == OLDER:
            found.append(Probe(mutation, True))
            continue
        alone = lines[file, line, primitive, change] == 1
        accepted, complaint = acceptance(file, line, ACCEPTS.get(change, ""))
        if accepted:
            found.append(Probe(mutation, False, accepted, alone=alone))
            continue
        verdict, reason = _under(mutation, explore)
        ok = verdict is (Verdict.PASS if change == "spurious" else Verdict.FAIL)
        if ok and change != "spurious":
            noticed.add(mutation)
        found.append(Probe(mutation, ok, "", f"{reason}; {complaint}" if complaint else reason, alone))
    return found


def _under(mutation: Mutation, explore: Callable[[], Exploration]) -> tuple[Verdict, str]:
    with mutated(mutation):
        try:
            result = explore()
        except HarnessError as error:
            return Verdict.INCONCLUSIVE, f"INCONCLUSIVE: {one_line(error)}"
    return result.verdict, f"{result.verdict.name}: {result.reason}"


def acceptance(file: str, line: int, words: str) -> tuple[str, str]:
    """The reason in a comment ``# harness: <words>: <reason>`` at a line, and a complaint where it has no reason."""
    found = re.search(rf"#\s*harness:\s*{words}\b:?([^#]*)", linecache.getline(file, line)) if words else None
    reason = found[1].strip() if found else ""
    return reason, NO_REASON if found and not reason else ""


def taken_locks() -> set[Mutation]:
    """What scenario threads took since the last call."""
    taken, slot.taken = slot.taken, set()
    return taken


Noted = tuple[str, bool, str]
"""Of a probe: its key, whether it is settled, and its line."""
EXPLORED: Noted = ("", True, "")
"""What a scenario notes that was explored, whether or not it took a lock."""


def uncovered(probes: Iterable[Noted]) -> list[str]:
    """A line for each primitive that no scenario of the run covers."""
    listed = sorted(probes)
    settled = {key for key, ok, _ in listed if ok}
    # A wait without a loop is a defect wherever it shows.
    missed = {key: text for key, ok, text in reversed(listed) if not ok}
    return sorted(text for key, text in missed.items() if key not in settled or key.endswith(":spurious"))


def tried(probes: Iterable[Noted]) -> set[str]:
    """The keys of the changes that were made or accepted."""
    return {key for key, _, text in probes if key and text != OLD_LOCK}


def leaves_open(probes: Iterable[Noted]) -> bool:
    """Whether a lock is not covered, or scenarios were explored and none showed any."""
    listed = list(probes)
    return bool(uncovered(listed) or (listed and not tried(listed)))


def summary(probes: Iterable[Noted]) -> list[str]:
    """The lines of a report: what is not covered, what is accepted, and the share that is covered."""
    listed = list(probes)
    missed, old = uncovered(listed), sorted({text for _, _, text in listed if text == OLD_LOCK})
    count = len(tried(listed))
    if not count:
        what = "no lock of the project was taken in a scenario that passed" if listed else "no scenario was explored"
        return [*old, f"{what}: nothing was tried"]
    accepted = sorted({text for _, ok, text in listed if ok and text.startswith("lock not needed")})
    return [*missed, *accepted, *old, f"{count - len(missed)} of {count} changes to locks noticed or accepted"]
