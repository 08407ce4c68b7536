"""Runs every script on CPython's own primitives in a process that never imports the harness; prints JSON."""

from __future__ import annotations

import json
import sys

from .scripts import SCRIPTS


def main() -> int:
    """Print the outcomes of all scripts, by name."""
    outcomes = {name: script() for name, script in SCRIPTS.items()}
    assert not any(name.partition(".")[0] == "harness" for name in sys.modules), "the harness was imported"
    print(json.dumps(outcomes))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
