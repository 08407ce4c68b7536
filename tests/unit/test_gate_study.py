"""The study's stored gates give its stored table again, and its figures follow from what is put in."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.gate_study import cases, record, table
from benchmarks.gate_study.record import Gate
from harness.gate.results import Pair, Status
from harness.stats.pairs import Slice


def gate(case: str, seed: int, head: float, wall: float = 0.04, cause: str = "") -> Gate:
    slices = (Slice("base", wall, 0.04, 10), Slice("head", wall * head, 0.04 * head, 10))
    return Gate(case, seed, "here", {"bench": (Pair(slices, 0.5),) * 20}, {"bench": cause})


def test_the_stored_table_follows_from_the_stored_slices() -> None:
    gates = record.load()
    assert gates, "no gate is stored: make gate-study"
    assert table.table(gates) == record.STORED.with_name("gate-study.md").read_text("utf-8")


def test_no_stored_gate_alarmed_on_identical_commits() -> None:
    identical = {case.name for case in cases.CASES if case.identical}
    gates = [gate for gate in record.load() if gate.case in identical]
    assert gates
    assert [gate.seed for gate in gates if table.alarmed(gate)] == []


def test_a_gate_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "gates.jsonl.gz"
    stored = [gate("cpu", 0, 1.2, cause="more CPU"), gate("cpu", 1, 1.0)]
    record.save(stored, path)
    assert record.load(path) == stored
    before = path.read_bytes()
    record.save(record.load(path), path)
    assert path.read_bytes() == before


def test_alarms_are_counted() -> None:
    slow, same = gate("cpu", 0, 1.3), gate("cpu", 1, 1.0)
    assert [judged.status for judged in slow.judged().values()] == [Status.REGRESSION]
    assert table.alarmed(slow) and not table.alarmed(same)
    assert table.bootstrap([same], 50) == (0, 50)
    assert table.bootstrap([slow], 50) == (50, 50)


def test_a_stored_baseline_takes_a_slow_machine_for_a_slow_commit() -> None:
    quiet, busy = gate("identical", 0, 1.0), gate("identical", 1, 1.0, wall=0.06)
    assert table.threshold_alarms([quiet, busy]) == (1, 1)
    assert table.threshold_alarms([quiet, quiet]) == (0, 1)


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)
def test_each_case_is_two_commits_of_one_benchmark_file(case: cases.Case, tmp_path: Path) -> None:
    folder = cases.make_repository(case, tmp_path / "repository")
    base = (folder / "work.py").read_text("utf-8")
    cases._git(folder, "checkout", "-q", "HEAD~1")
    assert ((folder / "work.py").read_text("utf-8") == base) is case.identical
