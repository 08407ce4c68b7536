"""The whole corpus, scored: each case alone, and the rates that the probe promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.probes import probe_pickle
from tests.probes.corpus.case import Case, Fails
from tests.probes.corpus.own import CASES as OWN
from tests.probes.corpus.published import CASES as PUBLISHED
from tests.probes.corpus.score import Score, score, totals

# The corpus holds open files, sockets and databases on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

SCRIPTS = Path(__file__).parent / "corpus" / "scripts"
ROOT = Path(__file__).parents[2]
GUARD = ("main", "")
PARTS = {"published": PUBLISHED, "own": OWN}


def scored(case: Case) -> Score:
    """Probe one case as the table does."""
    obj = case.make()
    report = probe_pickle(
        obj, start_method="spawn", max_bytes=case.max_bytes, timeout=1.0, fixes=False, everywhere=False
    )
    return score(case, obj, report)


def test_size_and_share_of_published_cases() -> None:
    size = len(PUBLISHED) + len(OWN) + len(list(SCRIPTS.glob("*.py")))
    assert size >= 80
    assert len(PUBLISHED) * 3 >= size
    names = [case.name for case in (*PUBLISHED, *OWN)]
    assert len(set(names)) == len(names)
    assert all(case.source for case in PUBLISHED)


@pytest.mark.parametrize("part", ["published", "own"])
def test_rates(part: str) -> None:
    scores = [scored(case) for case in PARTS[part]]
    found = totals(scores)
    assert found.dump_found[0] == found.dump_found[1]
    assert found.named[0] >= 0.97 * found.named[1]
    assert found.paths[0] >= 0.95 * found.paths[1]
    assert found.lines[0] >= 0.90 * found.lines[1]
    assert found.load[0] == found.load[1]
    assert found.state[0] == found.state[1]
    assert found.identity[0] == found.identity[1]
    assert found.cost[0] == found.cost[1]
    assert [(s.case, s.detail) for s in scores if s.fails is Fails.NOTHING and not s.found] == [], "false alarms"


@pytest.mark.parametrize(
    ("script", "method", "expected"),
    [
        ("guarded", "spawn", None),
        ("guarded", "fork", None),
        ("guarded", "forkserver", None),
        ("unguarded", "spawn", GUARD),
        ("unguarded", "forkserver", GUARD),
        ("unguarded", "fork", None),
        ("unguarded_pool", "spawn", GUARD),
        ("under_guard", "spawn", ("load", "obj")),
        ("under_guard", "fork", None),
        ("main_lock", "spawn", ("culprit", "obj.lock")),
        ("main_sentinel", "spawn", ("identity", "obj['limit']")),
    ],
)
def test_objects_of_main(script: str, method: str, expected: tuple[str, str] | None) -> None:
    command = [sys.executable, str(SCRIPTS / f"{script}.py"), method]
    done = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    report = json.loads(done.stdout)
    found = [("culprit", culprit["path"]) for culprit in report["culprits"]]
    found += [(problem["kind"], problem["path"]) for problem in report["problems"]]
    assert found == ([] if expected is None else [expected])
    assert report["ok"] is (expected is None)
