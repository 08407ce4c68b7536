"""A small project of a user's in a folder, and pytest run in it in a new process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

_FOREIGN = ("PYTEST_", "COV_", "COVERAGE_", "PYTHONPATH", "CI", "BUILD_NUMBER")


@dataclass(frozen=True)
class Run:
    """What a process left: its exit code and all that it printed."""

    returncode: int
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def outcomes(self) -> dict[str, int]:
        """The counts of pytest's last line, without warnings: `{"passed": 1, "failed": 2}`."""
        summaries = [line for line in self.lines if re.search(r"\b\d+ \w+.* in [\d.]+s", line)]
        assert summaries, self.text
        counts = re.findall(r"(\d+) (passed|failed|errors?|skipped|deselected|xfailed|xpassed)", summaries[-1])
        return {"errors" if name == "error" else name: int(count) for count, name in counts}

    def line(self, pattern: str) -> str:
        """The first line in which `pattern` is found; fails with all that was printed."""
        for line in self.lines:
            if re.search(pattern, line):
                return line
        raise AssertionError(f"no line has {pattern!r} in\n{self.text}")


class Project:
    """A folder with the files of a user who installed the harness and nothing else of this repository."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.folder = folder
        self.write("pytest.ini", "[pytest]\naddopts = -p no:cacheprovider\n")
        for name, text in files.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), "utf-8")

    def pytest(self, *arguments: str, **environment: str) -> Run:
        return self.command("pytest", *arguments, **environment)

    def command(self, *words: str, **environment: str) -> Run:
        """Runs a command line that starts with `pytest` or `coverage` on this interpreter."""
        return run_module(*words, folder=self.folder, **environment)


def run_module(*words: str, folder: Path, **environment: str) -> Run:
    """`python -m WORDS` in `folder`, with nothing inherited from the pytest or coverage that runs this test."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env={**inherited, "COLUMNS": "160", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    return Run(done.returncode, done.stdout)
