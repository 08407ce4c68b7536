"""The pages of the documentation as data: their files, the commands they show, and what these printed.

A block ` ```python file=NAME ` is a file of the reader's. A block ` ```console ` holds commands after `$ ` and, below
each, what it prints; a line `...` stands for any lines. What differs from run to run is normalised, nothing else.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FOREIGN = ("PYTEST_", "COV_", "COVERAGE_", "PYTHONPATH", "CI", "BUILD_NUMBER")
_FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file it is (or an empty string) and its text."""

    language: str
    file: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of ``page`` in order."""
    found = []
    for info, text in _FENCED.findall(page.read_text("utf-8")):
        language, _, file = info.partition(" file=")
        found.append(Block(language.strip(), file.strip(), text))
    return found


def transcripts(text: str) -> list[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


_PROGRESS = re.compile(r"^  \w+: [\d,]+ schedules, \d+ s\n", re.M)


def normalised(text: str) -> list[str]:
    """Lines without times, progress, the width of pytest's rules and trailing blanks."""
    lines = []
    text = _PROGRESS.sub("", text)
    for line in text.splitlines():
        line = re.sub(r"\bin \d+\.\d+s\b( \(\d+:\d\d:\d\d\))?", "in 0.00s", line.rstrip())  # from a minute on, both
        line = re.sub(r"^(=+|_+) (.*) \1?[=_]+$", lambda m: f"{m[1][0] * 3} {m[2]} {m[1][0] * 3}", line)
        lines.append(line)
    return [line for line in lines if line]


def shown(expected: list[str], printed: str) -> bool:
    """Whether ``printed`` is ``expected``, where a line ``...`` stands for any lines."""
    pattern = ""
    for line in normalised("\n".join(expected)):
        pattern += r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + r"\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in normalised(printed))) is not None


def run(command: str, folder: Path, **environment: str) -> str:
    """What ``command`` prints in ``folder``, with this interpreter's programs first and nothing of this pytest."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', '')}"
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**inherited, "PATH": path, "COLUMNS": "100", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    ).stdout


def follow(page: Path, folder: Path, **environment: str) -> int:
    """Do what ``page`` says in ``folder``; fails at the first output that differs. Returns the number of commands."""
    count = 0
    for block in blocks(page):
        if block.file:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
        elif block.language == "console":
            for command, expected in transcripts(block.text):
                printed = run(command, folder, **environment)
                assert shown(expected, printed), f"{page.name}: $ {command}\n{printed}"
                count += 1
        else:
            assert block.language in ("text", "sh", "json"), f"{page.name}: a {block.language} block nobody runs"
    return count
