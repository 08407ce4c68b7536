"""Pool comparisons as one self-contained page: inline style, SVG drawn here, no script and nothing from the network."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from harness.pools.advice import Advice
from harness.pools.intervals import quantile
from harness.pools.results import Cell, Comparison, ranked, to_json
from harness.report.html import require_jinja2
from harness.report.pools_text import diagnosis, duration, size, span

WIDTH, ROW, LEFT, RIGHT = 640, 30, 228, 70
COLOURS = ("#2a6f97", "#c1666b", "#6a994e", "#b08900", "#7251b5", "#3d8b8b", "#8a5a44", "#555b6e")


@dataclass(frozen=True)
class Plot:
    """A drawn plot: title, SVG and the sentence that says how to read it."""

    title: str
    svg: str
    reading: str


def page(found: Sequence[tuple[Comparison, Advice]]) -> str:
    """The page of these comparisons. Raises :class:`UsageError` without jinja2 (extra ``html``)."""
    jinja2 = require_jinja2()
    text = files("harness.report").joinpath("pools.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    sections = [
        {"comparison": one, "advice": advice, "plots": plots(one), "groups": ranked(one), "facts": diagnosis(one)}
        for one, advice in found
    ]
    data = json.loads(to_json([{"comparison": one, "advice": advice} for one, advice in found]))
    # "<" would let a string in the data end the script element that holds it.
    encoded = json.dumps(data).replace("<", "\\u003c")
    template = environment.from_string(text)
    rendered: str = template.render(sections=sections, data=encoded, duration=duration, span=span, size=size)
    return rendered


def plots(comparison: Comparison) -> list[Plot]:
    """All plots of one comparison."""
    drawn = [
        _speed_ups(comparison),
        _latencies(comparison),
        _scaling(comparison),
        _memory(comparison),
        _split(comparison),
    ]
    return [plot for plot in drawn if plot is not None]


def _speed_ups(comparison: Comparison) -> Plot:
    cells = [cell for group in ranked(comparison) for cell in group]
    top = max(max(cell.speed_up.high for cell in cells), 1.0) * 1.05
    parts = [_line(_x(1, top), 10, _x(1, top), len(cells) * ROW + 14, "#999", dashed=True)]
    for number, cell in enumerate(cells):
        y = 16 + number * ROW
        parts.append(_text(LEFT - 8, y + 13, cell.name, "end"))
        parts.append(_rect(LEFT, y, _x(cell.speed_up.middle, top) - LEFT, 18, COLOURS[0], cell.speed_up.text()))
        low, high = _x(cell.speed_up.low, top), _x(cell.speed_up.high, top)
        parts.append(_line(low, y + 9, high, y + 9, "#111"))
        parts += [_line(end, y + 4, end, y + 14, "#111") for end in (low, high)]
        parts.append(_text(WIDTH - 4, y + 13, f"{cell.speed_up.middle:.2f}", "end"))
    return Plot(
        "Speed-up over serial",
        _svg(parts, len(cells) * ROW + 22),
        "Bar: median of the rounds. Whisker: its 95 % interval. Dashed: serial.",
    )


def _latencies(comparison: Comparison) -> Plot | None:
    cells = [cell for cell in comparison.main if cell.latency is not None]
    values = [value for cell in cells if cell.latency for value in cell.latency.samples if value > 0]
    if not values:
        return None
    low, high = math.log10(min(values)), math.log10(max(values))
    span_of = max(high - low, 0.3)
    parts: list[str] = []

    def place(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(value) - low) / span_of

    for number, cell in enumerate(cells):
        assert cell.latency is not None
        y = 16 + number * ROW
        samples = cell.latency.samples
        parts.append(_text(LEFT - 8, y + 13, cell.name, "end"))
        ends = [place(quantile(samples, share)) for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
        parts.append(_line(ends[0], y + 9, ends[4], y + 9, "#555"))
        parts.append(
            _rect(ends[1], y, max(2.0, ends[3] - ends[1]), 18, COLOURS[1], f"p50 {duration(quantile(samples, 0.5))}")
        )
        parts.append(_line(ends[2], y, ends[2], y + 18, "#111"))
        parts += [f'<circle cx="{place(quantile(samples, 0.99)):.1f}" cy="{y + 9}" r="3" fill="#111"/>']
    bottom = len(cells) * ROW + 24
    ticks = [10**exponent * step for exponent in range(math.floor(low), math.ceil(high) + 1) for step in (1, 3)]
    for tick in ticks:
        if low <= math.log10(tick) <= low + span_of:
            parts.append(_text(place(tick), bottom, duration(tick), "middle"))
            parts.append(_line(place(tick), 10, place(tick), bottom - 12, "#ddd"))
    return Plot(
        "Latency, one task per worker in flight",
        _svg(parts, bottom + 8),
        "Box: middle half. Line: 5 to 95 %. Dot: 99 %. Logarithmic.",
    )


def _scaling(comparison: Comparison) -> Plot | None:
    names = [name for name in comparison.laws if name != "serial"]
    counts = sorted({cell.workers for cell in comparison.cells})
    if not names or len(counts) < 2:
        return None
    serial = comparison.serial.per_item.middle
    height, most = 240, max(counts)
    top = max([cell.speed_up.high for cell in comparison.cells] + [1.0]) * 1.05
    across, up = (WIDTH - 60 - 200) / (most - 0.5), height - 40

    def at(workers: float, value: float) -> tuple[float, float]:
        return 60 + (workers - 0.5) * across, height - 24 - up * min(value, top) / top

    parts = [_line(60, height - 24, WIDTH - 200, height - 24, "#555"), _line(60, 10, 60, height - 24, "#555")]
    parts += [_text(at(count, 0)[0], height - 8, str(count), "middle") for count in counts]
    step = max(1, math.ceil(top / 5))
    parts += [_text(52, at(1, value)[1] + 4, str(value), "end") for value in range(0, math.floor(top) + 1, step)]
    for number, name in enumerate(names):
        colour, law = COLOURS[number % len(COLOURS)], comparison.laws[name]
        steps = [0.5 + (most - 0.5) * k / 40 for k in range(41)]
        curve = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(n, law.at(n) * serial) for n in steps if n >= 1))
        parts.append(f'<polyline points="{curve}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for cell in comparison.of(name):
            x, y = at(cell.workers, cell.speed_up.middle)
            parts.append(_line(x, at(1, cell.speed_up.low)[1], x, at(1, cell.speed_up.high)[1], colour))
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        parts.append(_rect(WIDTH - 190, 12 + number * 22, 12, 12, colour, name))
        parts.append(_text(WIDTH - 172, 23 + number * 22, name, "start"))
    laws = "; ".join(
        f"{name}: contention {comparison.laws[name].contention:.2f}, cross-talk {comparison.laws[name].crosstalk:.3f}"
        for name in names
    )
    return Plot(
        "Speed-up by number of workers",
        _svg(parts, height),
        f"Points: measured, with intervals. Lines: universal scalability law. {laws}.",
    )


def _memory(comparison: Comparison) -> Plot | None:
    cells = [cell for cell in comparison.main if cell.memory is not None and (cell.memory.pss or cell.memory.uss)]
    if not cells:
        return None
    top = max(max(cell.memory.pss or 0, cell.memory.uss or 0) for cell in cells if cell.memory) * 1.05
    parts: list[str] = []
    for number, cell in enumerate(cells):
        assert cell.memory is not None
        y = 16 + number * ROW
        pss, uss = cell.memory.pss or 0, cell.memory.uss or 0
        parts.append(_text(LEFT - 8, y + 13, cell.name, "end"))
        parts.append(_rect(LEFT, y, _x(pss, top) - LEFT, 18, "#a9c6b0", f"PSS {size(cell.memory.pss)}"))
        parts.append(_rect(LEFT, y + 5, _x(uss, top) - LEFT, 8, COLOURS[2], f"USS {size(cell.memory.uss)}"))
        parts.append(_text(WIDTH - 4, y + 13, size(cell.memory.pss or cell.memory.uss), "end"))
    return Plot(
        "Memory of the tree of processes",
        _svg(parts, len(cells) * ROW + 22),
        "Light: proportional (PSS). Dark: unique (USS).",
    )


def _split(comparison: Comparison) -> Plot | None:
    cells = [cell for cell in comparison.main if cell.split is not None]
    if not cells:
        return None
    parts: list[str] = []
    names = (("cpu", COLOURS[0]), ("native threads", COLOURS[5]), ("run queue", COLOURS[3]), ("blocked", "#bbb"))
    for number, cell in enumerate(cells):
        y = 16 + number * ROW
        parts.append(_text(LEFT - 8, y + 13, cell.name, "end"))
        x = float(LEFT)
        for (name, colour), share in zip(names, _shares(cell), strict=True):
            wide = (WIDTH - LEFT - RIGHT) * share
            parts.append(_rect(x, y, wide, 18, colour, f"{name} {share:.0%}"))
            x += wide
    y = len(cells) * ROW + 18
    for number, (name, colour) in enumerate(names):
        parts.append(_rect(10 + number * 160, y, 12, 12, colour, name))
        parts.append(_text(28 + number * 160, y + 11, name, "start"))
    return Plot(
        "Where the workers' time goes",
        _svg(parts, y + 24),
        "Wall time inside tasks; blocked holds waits for the GIL, locks and I/O.",
    )


def _shares(cell: Cell) -> tuple[float, float, float, float]:
    split = cell.split
    assert split is not None
    shares = (split.cpu, split.native, split.run_queue or 0.0, split.blocked + (split.locked or 0.0))
    total = sum(shares) or 1.0
    return shares[0] / total, shares[1] / total, shares[2] / total, shares[3] / total


def _x(value: float, top: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * value / top


def _svg(parts: Sequence[str], height: float) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dash}/>'


def _rect(x: float, y: float, width: float, height: float, colour: str, title: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{height}" fill="{colour}">'
        f"<title>{_escaped(title)}</title></rect>"
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_escaped(text)}</text>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
