"""The soak: what its figures say of memory that grows and of memory that does not, and two faults of it for real."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.soak import SUBJECTS, entries, growth, summary
from harness.faults.catalogue import FAULTS

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]


def walk(rise: float, seed: int) -> list[float]:
    chance = random.Random(seed)
    return [50 + rise * number + chance.gauss(0, 0.5) for number in range(1000)]


def test_memory_that_grows_is_told_from_memory_that_does_not() -> None:
    told = covered = 0
    for seed in range(20):
        level, rising = growth(walk(0.0, seed)), growth(walk(0.01, seed))
        assert level is not None
        assert rising is not None
        told += rising.low > 0
        covered += level.low <= 0 <= level.high
    assert told >= 18, "1 MB for 100 faults"
    assert covered >= 19, "an interval of 99 %"


def test_two_pages_in_five_hundred_faults_are_no_growth() -> None:
    found = growth([44.0] * 313 + [44.004] * 50 + [44.008] * 137)
    assert found is not None
    assert found.low <= 0 <= found.high


def test_few_values_have_no_slope() -> None:
    assert growth([50.0] * 140) is None


def entry(**changed: object) -> dict[str, object]:
    plain = {"subject": "global_pool", "number": 1, "plan": "kill-in-body@1#0", "fired": True, "tasks": 4, "lost": 0,
             "doubled": 0, "misdelivered": 0, "left": [], "findings": [], "run": "a", "memory": 50.0}  # fmt: skip
    return plain | changed


def test_the_summary_counts_what_was_lost_doubled_and_left() -> None:
    again = entry(doubled=1, plan="kill-after-body@1#0")
    listed = [entry(), entry(lost=2), entry(doubled=1), again, entry(left=["1 fd"])]
    (total,) = summary(listed)
    assert (total["lost"], total["doubled"], total["left behind"], total["faults"]) == (2, 1, 1, 5)
    assert total["done again after a kill after the body"] == 1


def test_every_fault_of_the_soak_exists() -> None:
    for subject in SUBJECTS.values():
        assert set(subject.faults) <= set(FAULTS)


def test_the_recorded_summary_is_that_of_the_recorded_faults() -> None:
    results = ROOT / "benchmarks" / "results"
    told = json.loads((results / "soak.json").read_text("utf-8"))["subjects"]
    assert told == json.loads(json.dumps(list(summary(entries(results / "soak.jsonl.gz")))))
    assert sum(one["faults"] for one in told) >= 1000
    for one in told:
        assert not (one["lost"] or one["doubled"] or one["misdelivered"] or one["left behind"] or one["grows"])


@pytest.mark.long
def test_a_soak_goes_on_where_it_stood(tmp_path: Path) -> None:
    out = tmp_path / "soak.jsonl"
    for faults in (2, 3):
        words = ["-m", "benchmarks.soak", "--subject", "global_pool", "--faults", str(faults), "--out", str(out)]
        done = subprocess.run([sys.executable, *words], cwd=ROOT, env=os.environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        (total,) = json.loads(done.stdout)["subjects"]
        assert (total["faults"], total["lost"], total["doubled"], total["left behind"]) == (faults, 0, 0, 0)
    assert [json.loads(line)["number"] for line in out.read_text("utf-8").splitlines()] == [1, 2, 3]
