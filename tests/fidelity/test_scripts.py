"""The scripts themselves: they must be repeatable, or a disagreement would mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys

from .test_agreement import ROOT, native_outcomes


def test_scripts_repeat() -> None:
    """Two native processes give the same outcomes."""
    again = subprocess.run(
        [sys.executable, "-X", "dev", "-m", "tests.fidelity.native"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(again.stdout) == native_outcomes()
