"""What executed schedules show beyond their verdict: shared state, where two of them part, what failed on purpose.

It executes nothing.
"""

from __future__ import annotations

from typing import Any

from harness.exploration.places import Places
from harness.exploration.session import Executed
from harness.model import Finding
from harness.runtime.outcome import Outcome
from harness.schedule import Witness


def told(finding: Finding, witness: Witness, outcome: Outcome) -> Finding:
    """The finding with what had to happen besides the switches of threads."""
    message = finding.message
    if witness.faults:
        count = len(witness.faults)
        message += f" ({count} injected fault{'' if count == 1 else 's'}: {', '.join(witness.faults)})"
    if outcome.early:
        message += " (a time-out fired early: timeouts='any')"
    return Finding(finding.kind, message)


def shares(outcome: Outcome) -> bool:
    """Whether two threads touched one object that is more than a module's globals read by both."""
    first: dict[int, int] = {}
    written: set[Any] = set()
    readers: dict[Any, int] = {}
    for thread, site, number, key, mode in outcome.log:
        location = (number, key)
        if mode & 2:
            written.add(location)
        if first.setdefault(number, thread) != thread and not _global_read(site):
            return True
        if readers.setdefault(location, thread) != thread and location in written:
            return True
    return False


def _global_read(site: Any) -> bool:
    return bool(getattr(site, "is_global", False))


def first_difference(first: Executed, second: Executed, places: Places) -> str:
    """Where two executions of the same schedule part, in words; empty if nowhere.

    Which of several like objects was touched does not count: the library itself sorts futures by address.
    """
    one, two = first.outcome.log, second.outcome.log
    for (thread, site, _, key, _), (thread2, site2, _, key2, _) in zip(one, two, strict=False):
        if (thread, key) != (thread2, key2) or site is not site2:
            a, b = places.of(site), places.of(site2)
            return f"one run reached {a.access} at line {a.line}, the next {b.access} at line {b.line}"
    if len(one) != len(two):
        return f"one run made {len(one):,} shared accesses, the next {len(two):,}"
    return ""
