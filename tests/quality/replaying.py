"""``python -m tests.quality.replaying CASE WITNESS TIMES``: replay a stored witness in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.quality.exploring import case_named, replay


def main(name: str, witness: str, times: str) -> None:
    """Print what each replay showed, one line each."""
    for _ in range(int(times)):
        print(replay(case_named(name), Path(witness)))


if __name__ == "__main__":
    main(*sys.argv[1:])
