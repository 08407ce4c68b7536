"""A pool comparison as tables for a terminal. It measures nothing and decides nothing."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table

from harness.pools.advice import Advice
from harness.pools.intervals import Interval
from harness.pools.results import Cell, Comparison, ranked

UNKNOWN = "unknown"


def table(comparison: Comparison, advice: Advice, width: int = 140, colour: bool = False) -> str:
    """The ranked table, the diagnosis, scaling and the advice."""
    stream = io.StringIO()
    console = Console(file=stream, width=max(100, width), force_terminal=colour, no_color=not colour, highlight=False)
    console.print(
        f"[bold]{comparison.workload}[/bold]: {duration(comparison.serial.per_item.middle)} an item, "
        f"{comparison.workers} workers on {comparison.cores} cores, {len(comparison.serial.rounds)} rounds"
    )
    for note in comparison.notes:
        console.print(f"note: {note}")
    console.print(_ranking(comparison))
    console.print(_costs(comparison))
    for line in diagnosis(comparison):
        console.print(line)
    console.print(advice.paragraph)
    return stream.getvalue()


def _ranking(comparison: Comparison) -> Table:
    shown = Table(box=None, pad_edge=False, title_justify="left")
    for name in (
        "rank",
        "pool",
        "speed-up [95 %]",
        "p50",
        "p95",
        "p99",
        "queue wait",
        "CPU/item",
        "switches/item",
        "loop lag p99",
    ):
        shown.add_column(name, justify="left" if name in ("rank", "pool") else "right", no_wrap=True)
    for place, group in enumerate(ranked(comparison), 1):
        for number, cell in enumerate(group):
            tie = f"{place}" if number == 0 else "  no difference shown"
            shown.add_row(
                tie,
                _label(cell),
                cell.speed_up.text(),
                *_latencies(cell),
                _cpu(cell),
                _switches(cell),
                UNKNOWN if cell.loop_lag is None else duration(cell.loop_lag.middle),
            )
    return shown


def _label(cell: Cell) -> str:
    return f"{cell.name}, chunks of {cell.chunk}" if cell.chunk > 1 else cell.name


def _latencies(cell: Cell) -> tuple[str, str, str, str]:
    one = cell.latency
    if one is None:
        return UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN
    return duration(one.p50.middle), duration(one.p95.middle), duration(one.p99.middle), duration(one.queue_wait.middle)


def _cpu(cell: Cell) -> str:
    return UNKNOWN if cell.cpu is None else duration(cell.cpu.middle)


def _switches(cell: Cell) -> str:
    return UNKNOWN if cell.switches is None else f"{cell.switches[0]:.1f} + {cell.switches[1]:.1f}"


def _costs(comparison: Comparison) -> Table:
    shown = Table(box=None, pad_edge=False)
    for name in (
        "pool",
        "start-up [95 %]",
        "first start",
        "resource",
        "empty task",
        "PSS",
        "USS",
        "cpu",
        "native",
        "run queue",
        "blocked",
        *(f"x{cell}" for cell in _counts(comparison)),
        "contention",
    ):
        shown.add_column(name, justify="left" if name == "pool" else "right", no_wrap=True)
    for cell in comparison.main:
        start, memory, split = cell.start, cell.memory, cell.split
        if start is None or memory is None or split is None:
            continue
        law = comparison.laws.get(cell.pool)
        by_count = {one.workers: f"{one.speed_up.middle:.2f}" for one in comparison.of(cell.pool)}
        shown.add_row(
            cell.pool,
            span(start.again),
            duration(start.first),
            duration(start.make),
            duration(start.noop),
            size(memory.pss),
            size(memory.uss),
            f"{split.cpu:.0%}",
            f"{split.native:.0%}",
            UNKNOWN if split.run_queue is None else f"{split.run_queue:.0%}",
            f"{split.blocked:.0%}",
            *(by_count.get(count, "") for count in _counts(comparison)),
            "" if law is None else f"{law.contention:.2f}",
        )
    return shown


def _counts(comparison: Comparison) -> list[int]:
    return sorted({cell.workers for cell in comparison.cells})


def diagnosis(comparison: Comparison) -> list[str]:
    """What the work is like, a line each."""
    facts = comparison.diagnosis
    lines = [
        f"GIL held {facts.gil:.2f} of the time [{facts.gil_low:.2f}, {facts.gil_high:.2f}] ({facts.gil_wakes} wake-ups)"
    ]
    if facts.unpicklable:
        lines.append(f"serialisation: impossible: {facts.unpicklable}")
    elif facts.serialise is not None:
        lines.append(f"serialisation: {size(facts.bytes)} and {duration(facts.serialise)} per task")
    lock = UNKNOWN if facts.lock_share is None else f"{facts.lock_share:.0%}"
    lines.append(
        f"two threads: {facts.split.cpu:.0%} cpu, {facts.split.native:.0%} native threads, lock wait {lock}, "
        f"{facts.split.blocked:.0%} otherwise blocked"
    )
    if facts.stages:
        lines.append("stages: " + ", ".join(f"{name} {span(time)}" for name, time in facts.stages.items()))
    return lines


def duration(seconds: float) -> str:
    """A time with the unit that suits it."""
    for unit, unit_size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= unit_size:
            return f"{seconds / unit_size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def span(interval: Interval) -> str:
    """Median and interval of a time."""
    return f"{duration(interval.middle)} [{duration(interval.low)}, {duration(interval.high)}]"


def size(count: int | None) -> str:
    """Bytes in MB."""
    if count is None:
        return UNKNOWN
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB" if count >= 1000 else f"{count} bytes"
