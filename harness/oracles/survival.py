"""Judges the ledger of a pool under a fault: what became of every task, and whether that is what was promised.

Delivery in the usual sense: `at-most-once` (no task is begun twice; one may be lost, if its caller is told),
`at-least-once` (every task is done; one may be done twice), `exactly-once` (done once, whatever was begun).
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.model import Finding, Kind

ANY = "*"
"""In a `raised` record: the task cannot end well, and any error that its caller gets is its own."""


class Delivery(enum.StrEnum):
    """What a pool promises of each task."""

    AT_MOST_ONCE = "at-most-once"
    AT_LEAST_ONCE = "at-least-once"
    EXACTLY_ONCE = "exactly-once"


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened: to which task, in which process (`pid`, and `birth` in ticks), `at` what second.

    Events of a task: submitted, taken (`number`: the how-many-eth task of the pool), started, finished (`text`: the
    digest of its result), raised, and what its caller got: result (digest), error or broken (`text`: the error).
    Others: fault, gave-up (the caller waited in vain), capacity (`number` of workers of those asked for in `text`),
    closed, close-failed (`text`: the error) or cannot-close, wrong and left (`text`: what) and end.
    """

    event: str
    task: str
    pid: int
    birth: int
    at: float
    number: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Survival:
    """What a ledger shows. Lists of tasks are in the order of submission."""

    submitted: tuple[str, ...]
    unresolved: tuple[str, ...]
    """Their callers wait for ever."""
    lost: tuple[str, ...]
    """Their callers got neither their result nor an error of their own; includes the unresolved."""
    failed: tuple[str, ...]
    """They ended with an error of their own."""
    rerun: tuple[str, ...]
    """Their bodies were begun more than once."""
    doubled: tuple[str, ...]
    """Their bodies were completed more than once, or though they were refused; or their callers were answered twice."""
    misdelivered: tuple[str, ...]
    """Their callers got a result that is not theirs."""
    capacity: int
    """Workers that work again."""
    workers: int
    """Workers that worked before."""
    recovery: float | None
    """Seconds from the fault to the next result; None: there was none, or nothing told the caller of the fault."""
    left: tuple[str, ...]
    wrong: tuple[str, ...]
    """What a check of the user's found in the pool."""
    closed: bool
    """Whether the call that closes the pool came to an end."""
    closing: tuple[str, ...]
    """What that call raised."""
    fired: bool
    ended: bool
    victim: str
    """The task that the fault hit, or an empty string."""

    @property
    def resolved(self) -> int:
        return len(self.submitted) - len(self.unresolved)


ANSWERS = ("result", "error", "broken", "refused")


def survival(records: Iterable[Record]) -> Survival:
    """Read a ledger. Only tasks named t... count; w... warmed the pool up and p... asked whether it works again."""
    told = list(records)
    tasks = [record for record in told if record.task.startswith("t")]
    submitted = tuple(dict.fromkeys(record.task for record in tasks if record.event == "submitted"))
    begun, done = _count(tasks, "started"), _count(tasks, "finished")
    answered = Counter(record.task for record in tasks if record.event in ANSWERS)
    digests = {(record.task, record.text) for record in tasks if record.event == "finished"}
    raised = {(record.task, record.text) for record in tasks if record.event == "raised"}
    refused = {record.task for record in tasks if record.event == "refused"}
    own = {r.task for r in tasks if r.event in ("error", "broken", "refused") and _owed(r, raised)}
    results = {(r.task, r.text) for r in tasks if r.event == "result"}
    right = {task for task, text in results if (task, text) in digests or (task, ANY) in raised}
    wrong = {task for task, _ in results} - right
    faults = [record for record in told if record.event == "fault"]
    victim = next((record.task for record in faults if record.task), "")
    capacity = [record for record in told if record.event == "capacity"]
    workers = int(capacity[-1].text) if capacity else max((r.number for r in told if r.event == "case"), default=0)

    def those(found: Iterable[str]) -> tuple[str, ...]:
        return tuple(task for task in submitted if task in found)

    return Survival(
        submitted,
        those([task for task in submitted if not answered[task]]),
        those([task for task in submitted if task not in right | own | wrong]),
        those(own - right),
        those([task for task in submitted if begun[task] > 1]),
        those([task for task in submitted if done[task] > 1 or answered[task] > 1 or (task in refused and done[task])]),
        those(wrong),
        capacity[-1].number if capacity else 0,
        workers,
        _recovery(told, faults) if victim in answered or not victim else None,
        tuple(record.text for record in told if record.event == "left"),
        tuple(record.text for record in told if record.event == "wrong"),
        not any(record.event == "cannot-close" for record in told),
        tuple(record.text for record in told if record.event == "close-failed"),
        bool(faults),
        any(record.event == "end" for record in told),
        victim,
    )


def _count(records: Sequence[Record], event: str) -> Counter[str]:
    return Counter(record.task for record in records if record.event == event)


def _owed(error: Record, raised: set[tuple[str, str]]) -> bool:
    """Whether an error is the task's own: of the type that it raised, or naming it, or any where any will do."""
    kind = error.text.partition(":")[0]
    names = {name for task, name in raised if task == error.task}
    return ANY in names or (error.event == "error" and any(name == kind or f"{name}:" in error.text for name in names))


def _recovery(told: Sequence[Record], faults: Sequence[Record]) -> float | None:
    if not faults:
        return None
    after = [r.at for r in told if r.event == "result" and r.at > faults[0].at and r.task]
    return min(after) - faults[0].at if after else None


def judge(seen: Survival, delivery: Delivery, *, usable: bool = True) -> tuple[Finding, ...]:
    """What breaks the promise, the worst first. `usable`: the pool, or what replaced it, must work as before."""
    found: list[Finding] = []

    def find(kind: Kind, tasks: Sequence[str], what: str) -> None:
        if tasks:
            found.append(Finding(kind, f"{len(tasks)} of {len(seen.submitted)} tasks {what}: {', '.join(tasks)}"))

    find(Kind.UNRESOLVED, seen.unresolved, "never end: their callers wait for ever")
    find(Kind.MISDELIVERED, seen.misdelivered, "gave their callers the result of another")
    if delivery is not Delivery.AT_MOST_ONCE:
        find(Kind.LOST_TASK, [task for task in seen.lost if task not in seen.unresolved],
             "are lost: their callers got no result and no error of theirs")  # fmt: skip
    if delivery is Delivery.AT_MOST_ONCE:
        find(Kind.DOUBLED_TASK, list(dict.fromkeys([*seen.rerun, *seen.doubled])), "were run twice")
    elif delivery is Delivery.EXACTLY_ONCE:
        find(Kind.DOUBLED_TASK, seen.doubled, "were done twice")
    if usable and seen.capacity < seen.workers:
        found.append(
            Finding(Kind.UNUSABLE_POOL, f"afterwards {seen.capacity} of {seen.workers} workers take tasks")
        )
    found += [Finding(Kind.CHECK, wrong) for wrong in seen.wrong]
    if not seen.closed:
        found.append(Finding(Kind.UNRESOLVED, "the call that closes the pool does not return"))
    found += [Finding(Kind.EXCEPTION, f"the call that closes the pool raises {error}") for error in seen.closing]
    if seen.left:
        found.append(Finding(Kind.LEFT_BEHIND, f"after the pool was closed there are left: {', '.join(seen.left)}"))
    return tuple(found)
