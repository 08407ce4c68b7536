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


def failing_run(folder: Path, name: str, text: str) -> str:
    """What pytest prints of a test file that fails."""
    (folder / name).write_text(text, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        env={key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))},
    )
    assert run.returncode == 1, run.stdout + run.stderr
    return run.stdout


def test_the_failure_is_shown_as_it_prints(tmp_path: Path) -> None:
    printed = failing_run(tmp_path, "test_stats.py", blocks("python")[0])
    assert blocks("")[1].strip() in printed, printed


def test_what_cannot_be_sent_is_shown_as_it_prints(tmp_path: Path) -> None:
    printed = failing_run(tmp_path, "test_service.py", blocks("python")[1])
    assert blocks("")[2].rstrip() in printed, printed
    assert blocks("")[3].rstrip() in printed, printed
