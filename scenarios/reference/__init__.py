"""What the reference modules must show: every form with its scenario, the verdict it must get and the verdict it got.

A folder of `scenarios/` that holds a `registry.py` with a tuple `FORMS` takes part; nothing else lists the modules.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import Chaos, Exploration, Verdict, Violation

FOLDER = Path(__file__).resolve().parent.parent

Explore = Any
"""`explore.outcome`-like: takes the arguments of :func:`harness.explore` and returns what was concluded."""

Scenario = Callable[[Explore], "Exploration | Chaos | str"]


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a reference module under one scenario.

    `run` explores and returns the exploration; or it works on real threads and processes, raises
    :class:`harness.Violation` for what it found and otherwise says, in a line, what it has measured. `kind` is
    the kind of failure that a broken form must show, and empty for a form that must pass.
    """

    module: str
    form: str
    scenario: str
    run: Scenario
    kind: str = ""
    tested_in: str = ""
    """The file whose own tests run this form already; empty: `test_reference_modules` does."""

    @property
    def expected(self) -> str:
        return "FAIL" if self.kind else "PASS"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one form got: a verdict, the kind of failure (empty without one) and the reason in one line."""

    verdict: str
    kind: str
    reason: str

    def fits(self, form: Form) -> bool:
        return (self.verdict, self.kind) == (form.expected, form.kind)


def forms(folder: Path = FOLDER) -> tuple[Form, ...]:
    """The forms of every registry below `folder`, by module folder; a registry without forms is an error."""
    found: list[Form] = []
    for registry in sorted(folder.glob("*/registry.py")):
        name = f"{folder.name}.{registry.parent.name}.registry"
        listed = getattr(importlib.import_module(name), "FORMS", ())
        if not listed:
            raise LookupError(f"{registry} lists no form: give it a tuple FORMS of scenarios.reference.Form")
        found += listed
    return tuple(found)


def judge(form: Form, explore: Explore) -> Outcome:
    """Run one form; whatever is neither a finding nor evidence is inconclusive and never a pass."""
    try:
        result = form.run(explore)
    except Violation as violation:
        return Outcome("FAIL", violation.kind.value, str(violation))
    if isinstance(result, (Exploration, Chaos)):
        failure = result.failure
        verdict: Verdict = result.verdict
        return Outcome(
            verdict.name, failure.kind.value if failure else "", failure.message if failure else result.reason
        )
    if not result:
        return Outcome("INCONCLUSIVE", "", "the scenario did not say what it has measured")
    return Outcome("PASS", "", result)


def table(rows: list[tuple[Form, Outcome]]) -> str:
    """The outcomes as a Markdown table."""
    heading = ("module", "form", "scenario", "expected", "verdict", "kind")
    return aligned(
        heading, [(f.module, f.form, f.scenario, f.expected, outcome.verdict, outcome.kind) for f, outcome in rows]
    )


def aligned(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up."""
    widths = [max(len(row[column]) for row in (heading, *rows)) for column in range(len(heading))]

    def lines() -> Iterator[str]:
        for row in (heading, tuple("-" * width for width in widths), *rows):
            yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"

    return "\n".join(lines())
