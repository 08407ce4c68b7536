"""The failure as people read it: the sentence that names the conflict, then one column per thread."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from harness.model import Finding
from harness.schedule import Place, Witness

WIDTH = 112
REACH = {
    "gil": "Where: every build; CPython with a GIL can switch threads at these places.",
    "free-threaded": "Where: free-threaded builds; today's CPython with a GIL does not switch at these places, "
    "and no version promises it.",
}


class Event(NamedTuple):
    """One access of the witness: who, where, read (1) or written (2) or both (3), with the values if known."""

    thread: int
    place: Place
    mode: int
    before: str
    after: str
    hot: bool

    @property
    def effect(self) -> str:
        """What the access did, in a few words."""
        name = self.place.access
        if self.mode & 2:
            return f"{name} := {self.after}" if self.after else f"writes {name}"
        if self.mode & 1:
            return f"{name} -> {self.before}" if self.before else f"reads {name}"
        return name


def conflict(finding: Finding, events: Sequence[Event], names: Sequence[str]) -> str:
    """One sentence: the pair of accesses between which another thread's write fell, if the trace shows one."""
    for position, read in enumerate(events):
        if not (read.mode & 1) or not read.hot:
            continue
        between = None
        for later in events[position + 1 :]:
            if later.place.access != read.place.access:
                continue
            if later.thread != read.thread and later.mode & 2 and between is None:
                between = later
            elif later.thread == read.thread:
                if later.mode & 1:
                    break  # It read again: the first value is not the one that it goes on with.
                if between is not None:
                    return (
                        f"{names[read.thread]} read {_value(read)} at line {read.place.line}, "
                        f"{names[between.thread]} wrote {_value(between)} at line {between.place.line}, "
                        f"then {names[later.thread]} wrote {_value(later)} at line {later.place.line}: "
                        f"the write of {names[between.thread]} is lost"
                    )
                break
    return ""


def _value(event: Event) -> str:
    value = event.after if event.mode & 2 else event.before
    return f"{event.place.access} = {value}" if value else event.place.access


def render(finding: Finding, witness: Witness, events: Sequence[Event], names: Sequence[str]) -> str:
    """The whole report, without the command that replays it."""
    lines = [f"{finding.kind}: {finding.message}"]
    sentence = conflict(finding, events, names)
    if sentence:
        lines.append(sentence + ".")
    lines.append(REACH[witness.where])
    lines.append("")
    lines += table(events, names)
    return "\n".join(lines)


def table(events: Sequence[Event], names: Sequence[str]) -> list[str]:
    """One column per thread that ran, source lines with what they did, and a mark at each switch."""
    shown = _relevant(events)
    threads = sorted({event.thread for event in shown})
    if not threads:
        return ["(no yield point was reached)"]
    width = max(24, (WIDTH - 3 * len(threads)) // len(threads))
    header = " | ".join(_fit(names[t] if t < len(names) else f"T{t + 1}", width) for t in threads)
    lines = [header.rstrip(), "-+-".join("-" * width for _ in threads)]
    previous: Event | None = None
    for event in shown:
        if previous is not None and previous.thread != event.thread:
            lines.append(_switch(previous, event, names))
        new_line = previous is None or (previous.thread, previous.place.line, previous.place.file) != (
            event.thread,
            event.place.line,
            event.place.file,
        )
        cells = [f"{event.place.line}: {event.place.text}"] if new_line else []
        cells.append(f"    {event.effect}")
        for cell in cells:
            for part in textwrap.wrap(cell, width, subsequent_indent="      ") or [cell]:
                row = [_fit(part if t == event.thread else "", width) for t in threads]
                lines.append(" | ".join(row).rstrip())
        previous = event
    return lines


def _switch(before: Event, after: Event, names: Sequence[str]) -> str:
    return f"~~~~ switch: {names[before.thread]} -> {names[after.thread]} ~~~~"


def _relevant(events: Sequence[Event], limit: int = 200) -> list[Event]:
    """The accesses at which threads conflict, and the first and last of each stretch; all, if few."""
    if len(events) <= 12:
        return list(events)
    hot = [event for event in events if event.hot]
    chosen = hot or list(events)
    return chosen if len(chosen) <= limit else [*chosen[: limit // 2], *chosen[-limit // 2 :]]


def _fit(text: str, width: int) -> str:
    return text[:width].ljust(width)
