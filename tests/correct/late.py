"""Explores the programs in a process that imported them before the harness; prints one JSON line for each.

Their locks are CPython's own then: the harness must replace them where they live, and put them back.
`python -m tests.correct.late NAME ...`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from .footprint import Footprint
from .programs import PROGRAMS


def main(names: Sequence[str]) -> int:
    """Explore the named programs, or all."""
    before = Footprint.settled()

    import harness

    for program in PROGRAMS:
        if names and program.name not in names:
            continue
        exploration = harness.explore(
            program.setup,
            program.threads,
            program.check,
            observe=program.observe,
            **{"schedules": 25, **program.options},
        )
        line = {
            "name": program.name,
            "verdict": exploration.verdict.name,
            "reason": exploration.reason,
            "left": before.differences(),
        }
        print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
