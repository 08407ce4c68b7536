"""Runs `pytest -m concurrency` on head and reads what it found from JSON lines that a plugin of ours writes there.

The plugin (:mod:`harness.gate.recording`) runs in the process of pytest; this module never reads a verdict from text.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from harness.gate import processes
from harness.gate.results import Scenario
from harness.gate.sides import Tree, inherited

ENDED = (0, 1, 5)  # passed, failed, no test selected


@dataclass(frozen=True)
class Ran:
    """Outcomes; ``problem``: pytest itself failed; ``unfinished``: it was stopped at the limit."""

    scenarios: tuple[Scenario, ...]
    problem: str = ""
    unfinished: str = ""


def run_scenarios(
    tree: Tree, paths: tuple[str, ...], limit: float, seconds: float | None = None, junit: Path | None = None
) -> Ran:
    """The outcome of every scenario; at most ``seconds`` for each exploration and ``limit`` for all."""
    record = tree.root.parent / "scenarios.jsonl"
    words = [tree.python, "-m", "pytest", "-q", "-m", "concurrency", "-p", "harness.gate.recording",
             "-p", "no:cacheprovider", f"--gate-record={record}", f"--rootdir={tree.root}", *paths]  # fmt: skip
    if seconds is not None:
        words.append(f"--concurrency-seconds={seconds:g}")
    if junit is not None:
        words.append(f"--junitxml={junit.resolve()}")
    path = os.pathsep.join([*tree.import_paths, str(tree.link)])
    code, text = processes.run(words, tree.root, limit, {**inherited(), "PYTHONPATH": path})
    lines = record.read_text("utf-8").splitlines() if record.is_file() else []
    found = tuple(read(line) for line in lines if line.endswith("}"))
    if code is None:
        return Ran(found, unfinished=f"the scenarios were stopped after {limit:.0f} s, when {len(found)} had ended")
    if code in ENDED:
        return Ran(found)
    said = [line for line in text.strip().splitlines() if line.strip()] or ["no message"]
    errors = [line for line in said if line.startswith(("E  ", "ERROR"))] or said
    return Ran(found, problem=f"pytest ended with {code} on the scenarios: {tree.relative(errors[-1]).strip()}")


def read(line: str) -> Scenario:
    """One scenario from its JSON line."""
    data = json.loads(line)
    return Scenario(**{**data, "said": tuple(data["said"])})
