"""The tables of what the engine costs, from median seconds. Knows nothing of how they were measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.record import figure, table

THREADS = (2, 10, 100)
POINTS = (10, 100, 1_000, 10_000)
CONFLICT, NO_CONFLICT = "in conflict", "without conflict"
IN_ORDER, WALK = "one after the other", "random walk"
TURNS = 1_000
"""Yield points of the schedule in which the threads take turns."""

SET_UP, IN_TURNS, HAND_OVERS = ("set-up",), ("in turns",), ("hand-overs",)

Figures = Mapping[tuple[Any, ...], float]
"""Median seconds by what was measured; `("hand-overs",)` is a number."""


def sections(figures: Figures) -> list[str]:
    """The sections whose figures are there."""
    known = set(figures)
    return [f"## {title}\n\n{render(figures)}" for title, needed, render in _SECTIONS if needed <= known]


def per_point(figures: Figures, kind: str) -> float:
    """Seconds of one more yield point: the slope between the shortest and the longest schedule."""
    few, many = POINTS[0], POINTS[-1]
    return (figures["points", kind, many] - figures["points", kind, few]) / (many - few)


def per_hand_over(figures: Figures) -> float:
    """Seconds of one more hand-over: taking turns against one after the other, at the same yield points."""
    return (figures[IN_TURNS] - figures["points", CONFLICT, TURNS]) / figures[HAND_OVERS]


def _single(figures: Figures) -> str:
    rows = [
        ["yield point in conflict (may be preempted)", figure(1e6 * per_point(figures, CONFLICT)), "us"],
        ["yield point without conflict (never preempted)", figure(1e6 * per_point(figures, NO_CONFLICT)), "us"],
        ["hand-over between threads", figure(1e6 * per_hand_over(figures)), "us"],
        ["set-up of an exploration with its first schedule", figure(1e3 * figures[SET_UP]), "ms"],
    ]
    return table(["what", "cost", "unit"], rows)


def _points(figures: Figures) -> str:
    rows = [
        [kind, f"{points:,}", figure(1e6 * seconds), figure(1e6 * seconds / points)]
        for kind in (CONFLICT, NO_CONFLICT)
        for points in POINTS
        for seconds in [figures["points", kind, points]]
    ]
    return table(["yield points", "number", "us a schedule", "us a point"], rows)


def _threads(figures: Figures) -> str:
    rows = [
        [order, f"{threads:,}", figure(1e6 * seconds), figure(1e6 * seconds / threads)]
        for order in (IN_ORDER, WALK)
        for threads in THREADS
        for seconds in [figures["threads", order, threads]]
    ]
    return table(["order", "threads", "us a schedule", "us a thread"], rows)


_BY_POINTS: set[tuple[Any, ...]] = {("points", kind, points) for kind in (CONFLICT, NO_CONFLICT) for points in POINTS}
_BY_THREADS: set[tuple[Any, ...]] = {("threads", order, threads) for order in (IN_ORDER, WALK) for threads in THREADS}
_SECTIONS: tuple[tuple[str, set[tuple[Any, ...]], Callable[[Figures], str]], ...] = (
    ("Single costs", _BY_POINTS | {SET_UP, IN_TURNS, HAND_OVERS}, _single),
    ("Growth with yield points, two threads one after the other", _BY_POINTS, _points),
    ("Growth with threads, one increment each", _BY_THREADS, _threads),
)
"""Title, the figures that it needs, and what renders it."""
