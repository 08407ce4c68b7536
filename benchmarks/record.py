"""Markdown tables of what was measured, and the files that keep them. Knows nothing of how it was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table, aligned so that it reads well in a terminal too: text on the left, figures on the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = [("-" * width if not place else "-" * (width - 1) + ":") for place, width in enumerate(widths)]
    return "\n".join(_line(cells, widths) for cells in (header, rule, *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if place else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def figure(value: float) -> str:
    """Three significant digits, with thousands separated."""
    if value >= 100:
        digits = len(str(int(value)))
        return f"{round(value, 3 - digits):,.0f}"
    return f"{value:.3g}"


def circumstances() -> str:
    """What a reader must know to compare: the command, the interpreter, and how busy the machine was."""
    minor = ".".join(platform.python_version_tuple()[:2])
    return (
        f"`make benchmark PYTHON=python{minor}`, {platform.python_implementation()} {platform.python_version()}, "
        f"{platform.system()}, {os.cpu_count()} CPUs, load average at the start {os.getloadavg()[0]:.1f}."
    )


@dataclass
class Document:
    """One file of results: sections in the order in which they were measured."""

    name: str
    title: str
    preface: str
    circumstances: str = field(default_factory=circumstances)
    sections: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n\n".join([f"# {self.title}", self.circumstances, self.preface, *self.sections]) + "\n"

    def save(self) -> Path:
        """Write the file that the README points to."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.md"
        path.write_text(str(self), encoding="utf-8")
        return path
