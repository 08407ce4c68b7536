"""Scores a diagnosis of the corpus against what it expects. It knows reports by their public fields only."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.probes.corpus.case import Case, Expected, Fails, marked_line

_KINDS = {
    Fails.LOAD: {"load"},
    Fails.STATE: {"state", "side_effect"},
    Fails.IDENTITY: {"identity"},
    Fails.COST: {"cost"},
}


@dataclass(frozen=True, slots=True)
class Score:
    """One case judged: was the failure found, and of the expected culprits how many were named, located, with line."""

    case: str
    fails: Fails
    found: bool
    expected: int = 0
    named: int = 0
    paths: int = 0
    lines_expected: int = 0
    lines: int = 0
    detail: str = ""


def score(case: Case, obj: object, report: Any) -> Score:
    """Judge one report."""
    if case.fails is Fails.NOTHING:
        return Score(case.name, case.fails, bool(report.ok), detail="" if report.ok else _said(report))
    if case.fails is Fails.DUMP:
        return _dump_score(case, obj, report)
    kinds = _KINDS[case.fails]
    problems = [problem for problem in report.problems if problem.kind.value in kinds]
    paths = sum(any(problem.path == wanted.path for problem in problems) for wanted in case.expected)
    found = bool(problems) and not report.culprits
    return Score(case.name, case.fails, found, len(case.expected), paths, paths, detail=_said(report))


def _dump_score(case: Case, obj: object, report: Any) -> Score:
    named = paths = lines = lines_expected = 0
    for wanted in case.expected:
        same = [culprit for culprit in report.culprits if _same_object(culprit.path, wanted.path, obj)]
        paths += bool(same)
        named += bool(same) or any(
            wanted.type and culprit.type.rpartition(".")[2] == wanted.type for culprit in report.culprits
        )
        if wanted.line:
            lines_expected += 1
            lines += any(_has_line(culprit.where, case, wanted) for culprit in same)
    found = bool(report.culprits)
    return Score(case.name, case.fails, found, len(case.expected), named, paths, lines_expected, lines, _said(report))


def _same_object(path: str, wanted: str, obj: object) -> bool:
    if path == wanted:
        return True
    try:
        return eval(path, {"obj": obj}) is eval(wanted, {"obj": obj})
    except Exception:
        return False


def _has_line(where: str | None, case: Case, wanted: Expected) -> bool:
    file, _, line = (where or "").rpartition(":")
    return bool(file) and int(line) == _wanted_line(file, wanted)


def _wanted_line(file: str, wanted: Expected) -> int | None:
    for module in list(sys.modules.values()):
        known = getattr(module, "__file__", None)
        if known and known.endswith(file) and ".corpus." in module.__name__:
            try:
                return marked_line(known, wanted.line)
            except LookupError:
                return None
    return None


def _said(report: Any) -> str:
    culprits = [f"{culprit.path} [{culprit.where}]" for culprit in report.culprits[:4]]
    problems = [f"{problem.kind.value} {problem.path}: {problem.message}" for problem in report.problems[:4]]
    return "; ".join([*culprits, *problems]) or "ok"


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures of a corpus."""

    cases: int
    dump_found: tuple[int, int]
    named: tuple[int, int]
    paths: tuple[int, int]
    lines: tuple[int, int]
    load: tuple[int, int]
    state: tuple[int, int]
    identity: tuple[int, int]
    cost: tuple[int, int]
    fine: tuple[int, int]


def totals(scores: Iterable[Score]) -> Totals:
    """Add scores up; each pair is (right, all)."""
    every = list(scores)
    dumps = [s for s in every if s.fails is Fails.DUMP]

    def found(fails: Fails) -> tuple[int, int]:
        these = [s for s in every if s.fails is fails]
        return sum(s.found and s.paths == s.expected for s in these), len(these)

    fine = [s for s in every if s.fails is Fails.NOTHING]
    return Totals(
        len(every),
        (sum(s.found for s in dumps), len(dumps)),
        (sum(s.named for s in dumps), sum(s.expected for s in dumps)),
        (sum(s.paths for s in dumps), sum(s.expected for s in dumps)),
        (sum(s.lines for s in dumps), sum(s.lines_expected for s in dumps)),
        found(Fails.LOAD), found(Fails.STATE), found(Fails.IDENTITY), found(Fails.COST),
        (sum(s.found for s in fine), len(fine)),
    )  # fmt: skip
