"""Both directions for every case of the corpus: the broken variant fails as it should, the fixed twin passes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import harness
from tests.quality.corpus import CASES, THREE_PREEMPTIONS, Case
from tests.quality.exploring import explore, replay

ROOT = Path(__file__).resolve().parents[2]

INTERLEAVED_BY_WAITING = {
    "pool_waits_for_itself",
    "sleep_as_synchronisation",
    "timed_acquire_answer_ignored",
    "timed_wait_answer_ignored",
}
"""Their threads sleep, time out or wait for workers, so that the very first schedule runs others meanwhile."""

ids = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest) -> None:
    case = request.node.callspec.params.get("case") if hasattr(request.node, "callspec") else None
    if case is not None and case.needs is not None:
        pytest.importorskip(case.needs, reason=f"{case.name} needs {case.needs}")


@ids
def test_the_bug_is_found_and_replays(case: Case, tmp_path: Path) -> None:
    exploration = explore(case, case.broken)
    assert exploration.verdict is harness.Verdict.FAIL, exploration.reason
    assert exploration.failure is not None
    assert exploration.failure.kind == case.kind, exploration.failure.message
    assert case.says in exploration.failure.message
    assert "the check raised" not in exploration.failure.message
    assert exploration.schedules > 1 or case.name in INTERLEAVED_BY_WAITING, "a bug without any concurrency"
    witness = tmp_path / "witness.json"
    exploration.failure.witness.save(witness)
    assert [replay(case, witness) for _ in range(5)] == [_shown(exploration)] * 5


@ids
def test_the_fixed_twin_passes(case: Case) -> None:
    exploration = explore(case, case.fixed)
    found = exploration.failure.message if exploration.failure is not None else exploration.reason
    assert exploration.verdict is harness.Verdict.PASS, found
    assert exploration.proved == case.options.get("preemptions", 2), exploration.reason
    if len(case.fixed.threads) > 3:
        assert "proved at 3 threads with at most 2 preemptions" in exploration.reason
        assert f"sampled 200 schedules at {len(case.fixed.threads)}" in exploration.reason


@pytest.mark.long
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.options.get("preemptions", 2) < 2], ids=lambda c: c.name
)
def test_the_large_twins_pass_with_two_preemptions(case: Case) -> None:
    exploration = explore(case, case.fixed, preemptions=2)
    assert exploration.verdict is harness.Verdict.PASS, exploration.reason


def test_three_preemptions_are_never_found_with_two() -> None:
    exploration = explore(THREE_PREEMPTIONS, THREE_PREEMPTIONS.broken, preemptions=2)
    assert exploration.verdict is harness.Verdict.PASS
    assert exploration.proved == 2
    assert "2 preemptions" in exploration.reason


@pytest.mark.long
@ids
def test_every_witness_replays_here_and_a_hundred_times_elsewhere(case: Case, tmp_path: Path) -> None:
    exploration = explore(case, case.broken)
    assert exploration.failure is not None, exploration.reason
    witness = tmp_path / "witness.json"
    exploration.failure.witness.save(witness)
    assert {replay(case, witness) for _ in range(10)} == {_shown(exploration)}
    elsewhere = subprocess.run(
        [sys.executable, "-m", "tests.quality.replaying", case.name, str(witness), "100"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert elsewhere.stdout.splitlines() == [_shown(exploration)] * 100


def _shown(exploration: harness.Exploration) -> str:
    assert exploration.failure is not None
    return f"{exploration.failure.kind}: {exploration.failure.message}"
