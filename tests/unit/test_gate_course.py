"""The cause of a regression rests on all pairs where one pair tells too little. The pairs are made up here."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from harness.gate import course, records
from harness.gate.observe import Observed
from harness.gate.results import Found, Judged, Pair, Status
from harness.gate.sides import Tree
from harness.stats.decision import Outcome, Rule
from harness.stats.pairs import Slice

FOUND = Found("marked", "bench.py::work", "bench.py", 7)
QUIET = {"messages": 0.0, "bytes": 0.0, "gil": 0.0, "started": 0.0, "lock": 0.0, "busy": 1.0, "threads": 1,
         "lock_file": "", "lock_line": 0}  # fmt: skip
EVEN = {"base": 0.2, "head": 0.2}
SMALL = {"base": 50_000_000, "head": 50_000_000}


def pair(cpu: float = 1.5, startup: dict[str, float] = EVEN, pss: dict[str, int] = SMALL) -> Pair:
    """One in which head's wall time is half as long again."""
    slices = (Slice("base", 0.04, 0.04, 10), Slice("head", 0.06, 0.04 * cpu, 10))
    return Pair(slices, 0.5, startup, pss)


def regressed(pairs: list[Pair], monkeypatch: pytest.MonkeyPatch) -> Judged:
    """What is said of a benchmark that gives these pairs; the last of them is diagnosed, and nothing is seen in it."""
    left = iter(pairs)

    def observe_pair(*_: object, diagnose: bool = False) -> Observed:
        said = dict.fromkeys(("base", "head"), {"fingerprint": "", "foreign": []})
        if diagnose:
            return Observed(pairs[-1], said, said, {"base": QUIET, "head": QUIET})
        return Observed(next(left), said, said, {})

    monkeypatch.setattr(course, "observe_pair", observe_pair)
    trees = {name: Tree(name, Path(name), Path("link")) for name in ("base", "head")}
    bench = course.Bench(trees, Rule.standard(1), 2, random.Random(0), records.Writer(None), lambda _: None)
    running = course.Course(bench, FOUND)
    while running.decided is None:
        running.step()
    assert running.decided.status is Status.REGRESSION
    return running.decided


def test_one_pause_while_a_process_starts_is_no_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    paused = pair(startup={"base": 0.2, "head": 5.0}, pss={"base": 50_000_000, "head": 500_000_000})
    assert regressed([pair()] * 20 + [paused], monkeypatch).cause == "more CPU"


def test_what_all_pairs_show_is_a_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = pair(startup={"base": 0.2, "head": 0.9}, pss={"base": 50_000_000, "head": 90_000_000})
    said = regressed([slow] * 20 + [pair()], monkeypatch).cause
    assert "start-up: ready after 0.90 s, before 0.20 s" in said
    assert "memory: PSS 50 MB became 90 MB" in said


def test_one_odd_pair_does_not_hide_that_it_is_more_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall time decides first then, and the CPU time is short of a sign."""
    judged = regressed([pair(cpu=0.9), *[pair()] * 20], monkeypatch)
    assert judged.channels["cost"].outcome is Outcome.INCONCLUSIVE
    assert judged.cause == "more CPU"


def test_lost_parallelism_is_not_more_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert regressed([pair(cpu=1.0)] * 20, monkeypatch).cause == ""


def test_where_memory_cannot_be_read_nothing_is_said_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert regressed([pair(startup={}, pss={})] * 20, monkeypatch).cause == "more CPU"
