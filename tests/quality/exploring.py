"""How a case is handed to the engine: the one place that names its arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
from tests.quality.corpus import CASES, Case, Variant


def explore(case: Case, variant: Variant, **more: Any) -> harness.Exploration:
    """Explore one variant with the options of its case; ``more`` has the last word."""
    return harness.explore(
        variant.setup,
        variant.threads,
        variant.check,
        observe=variant.observe,
        expected=variant.expected,
        **{**case.options, **more},
    )


def case_named(name: str) -> Case:
    """The case of that name; LookupError if there is none."""
    for case in CASES:
        if case.name == name:
            return case
    raise LookupError(f"no case is called {name!r}")


def replay(case: Case, witness: Path) -> str:
    """Replay a stored witness on the broken variant: what it showed, as one line, or why it showed nothing."""
    exploration = explore(case, case.broken, replay=witness)
    if exploration.verdict is harness.Verdict.FAIL and exploration.failure is not None:
        return f"{exploration.failure.kind}: {exploration.failure.message}"
    return f"{exploration.verdict}: {exploration.reason}"
