"""Finds the benchmarks of a side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.gate.results import Found
from harness.gate.settings import Settings
from harness.gate.sides import Tree, ask_once
from harness.model import UsageError


@dataclass(frozen=True)
class Listing:
    """What a side's files define, and what went wrong in those that could not be read."""

    found: tuple[Found, ...]
    problems: dict[str, str]


def benchmark_files(root: Path, paths: tuple[str, ...]) -> list[str]:
    """Python files below the configured paths, relative to the root."""
    found: list[Path] = []
    for name in paths:
        path = root / name
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return [str(path.relative_to(root)) for path in found if "__pycache__" not in path.parts]


def _mentions(root: Path, file: str, *words: str) -> bool:
    """A cheap look, to not import what cannot hold a benchmark."""
    text = (root / file).read_text("utf-8", errors="replace")
    return all(word in text for word in words)


def _is_test(file: str) -> bool:
    stem = Path(file).stem
    return stem.startswith("test_") or stem.endswith("_test")


def listing(tree: Tree, settings: Settings) -> Listing:
    """The benchmarks in a side's tree."""
    files = benchmark_files(tree.root, settings.benchmarks)
    marked = [file for file in files if _mentions(tree.root, file, "harness", "benchmark")]
    tests = [file for file in files if _is_test(file) and _mentions(tree.root, file, "benchmark")]
    found: list[Found] = []
    problems: dict[str, str] = {}
    for kind, chosen in (("list", marked), ("collect", tests)):
        if chosen:
            answer = ask_once(tree, kind, files=chosen)
            found += [Found(**entry) for entry in answer["found"]]
            problems |= {problem["file"]: problem["error"] for problem in answer["problems"]}
    return Listing((*found, *_workloads(tree, settings)), problems)


def _workloads(tree: Tree, settings: Settings) -> list[Found]:
    if not settings.workloads:
        return []
    environments = ask_once(tree, "workloads", references=settings.workloads)["environments"]
    return [
        Found("workload", f"{reference}@{pool}", environment=tuple(sorted(environment.items())))
        for reference, environment in zip(settings.workloads, environments, strict=True)
        for pool in settings.pools
    ]


def refuse_broken_head(listed: Listing) -> None:
    """A benchmark file of head that does not import is a crash, not a missing benchmark."""
    for file, problem in listed.problems.items():
        raise UsageError(f"head's {file} cannot be imported: {problem}")
