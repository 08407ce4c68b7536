"""Operation programs and the histories of their execution, as data in logical time. It runs and judges nothing."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.model import UsageError


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of a program: a method's name and its arguments."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        shown = [repr(value) for value in self.args] + [f"{name}={value!r}" for name, value in self.kwargs]
        return f"{self.name}({', '.join(shown)})"

    @classmethod
    def parse(cls, text: str) -> Call:
        """The call that ``text`` writes, as in ``put('a', timeout=1)``; raises :class:`UsageError`."""
        try:
            node = ast.parse(text.strip(), mode="eval").body
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                raise ValueError("not a call")
            named = [(keyword.arg or "", ast.literal_eval(keyword.value)) for keyword in node.keywords]
            if any(not name for name, _ in named):
                raise ValueError("** is not allowed")
            return cls(node.func.id, tuple(ast.literal_eval(argument) for argument in node.args), tuple(named))
        except (SyntaxError, ValueError) as error:
            raise UsageError(
                f"{text!r} is no operation ({error}): write a method with literal arguments, like put('a', 1)"
            ) from None


FINAL = "observe()"
"""The name of the operation that observes the object after all others."""
Program = tuple[tuple[Call, ...], ...]
"""For each thread the operations that it makes one after another."""


def shown_program(program: Program) -> str:
    """A program in one line."""
    return " | ".join(f"T{number}: {'; '.join(map(str, calls))}" for number, calls in enumerate(program, 1))


@dataclass(frozen=True, slots=True)
class Result:
    """What an operation answered: ``value`` compares by content, ``text`` is for people."""

    value: Any
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """An executed operation: number ``index`` of ``thread``, the logical times of its call and return, its result.

    A pending operation never returned: ``returned`` and ``result`` are None. ``key`` names the independent part of
    the object that it works on, where there are such parts.
    """

    thread: int
    index: int
    name: str
    call: int
    returned: int | None
    result: Result | None
    key: Hashable = None

    @property
    def label(self) -> str:
        """The operation with its thread."""
        return f"the final {FINAL}" if self.name == FINAL else f"T{self.thread + 1} {self.name}"

    def precedes(self, other: Operation) -> bool:
        """Whether it had returned before ``other`` was called."""
        return self.returned is not None and self.returned < other.call

    def overlaps(self, other: Operation) -> bool:
        """Whether neither precedes the other, in different threads."""
        return self.thread != other.thread and not self.precedes(other) and not other.precedes(self)


History = tuple[Operation, ...]


def overlapping(history: Sequence[Operation]) -> bool:
    """Whether two operations of different threads overlap."""
    return any(a.overlaps(b) for position, a in enumerate(history) for b in history[position + 1 :])


def columns(history: Sequence[Operation], width: int = 34) -> list[str]:
    """The history as a table: logical time, and one column per thread with its calls and returns."""
    threads = sorted({operation.thread for operation in history})
    rows: list[tuple[int, int, str]] = []
    for operation in history:
        rows.append((operation.call, operation.thread, f"call {operation.name}"))
        if operation.returned is not None and operation.result is not None:
            rows.append((operation.returned, operation.thread, f"  {operation.result.text}"))
    cells = [[text if thread == column else "" for column in threads] for _, thread, text in sorted(rows)]
    for operation in history:
        if operation.returned is None:
            cells.append(["  never returns" if operation.thread == c else "" for c in threads])
    last = {operation.thread for operation in history if operation.name == FINAL}
    titles = ["end" if thread in last else f"T{thread + 1}" for thread in threads]
    widths = [min(max(len(row[c]) for row in [titles, *cells]), width) for c in range(len(threads))]
    lines = ["time | " + " | ".join(t.ljust(w) for t, w in zip(titles, widths, strict=True))]
    lines.append("-----+-" + "-+-".join("-" * w for w in widths))
    for number, row in enumerate(cells, 1):
        time = str(number) if number <= len(rows) else ""
        shown = (cell if len(cell) <= w else cell[: w - 3] + "..." for cell, w in zip(row, widths, strict=True))
        lines.append(f"{time:>4} | " + " | ".join(cell.ljust(w) for cell, w in zip(shown, widths, strict=True)))
    return [line.rstrip() for line in lines]
