"""What the README shows is what its test prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def blocks(language: str) -> list[str]:
    """The fenced blocks of the README in ``language``."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)
    return [text for name, text in fenced if name == language]


def test_the_failure_is_shown_as_it_prints(tmp_path: Path) -> None:
    (tmp_path / "test_stats.py").write_text(blocks("python")[0], encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "concurrency", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        env={key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))},
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert blocks("")[1].strip() in run.stdout, run.stdout
