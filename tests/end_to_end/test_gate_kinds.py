"""What can be gated besides plain functions, each on real repositories: found when slower, passed when not."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.gate_study.__main__ import one_gate
from benchmarks.gate_study.cases import CASES
from benchmarks.gate_study.table import alarmed
from tests.end_to_end.gate_repository import WORK, Repository

pytestmark = pytest.mark.long
THROUGHPUT = ("--only", "throughput", "--seed", "1")
KINDS = {
    "work.py": WORK.format(result="7"),
    "benchmarks/test_fixture.py": """import pytest
from work import task


@pytest.fixture
def steps():
    return 2000


def test_task(benchmark, steps):
    assert benchmark(task, steps) == 7


def test_skipped(benchmark):
    pytest.skip("no such device")
""",
    "benchmarks/bench_coroutine.py": """from harness import benchmark
from work import task


@benchmark(tasks=2)
async def coroutine():
    task()
    return task()
""",
    "load.py": """from work import task


class Load:
    name = "load"
    shared = True
    environment = {"LOAD_STEPS": "40000"}

    def notes(self):
        return ()

    def items(self):
        return [1, 2, 3]

    def make(self, threads):
        import os
        return int(os.environ["LOAD_STEPS"])

    def run(self, resource, item):
        return task(resource) + item

    def check(self, item, result):
        return None if result == 7 + item else f"{result} for {item}"
""",
    "pyproject.toml": """[tool.harness.gate]
workloads = ["load:Load"]
pools = ["serial", "processes"]
seconds = 250
""",
}
ALL = ("test_task", "coroutine", "load:Load@serial", "load:Load@processes")


@pytest.fixture
def kinds(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository", KINDS | {".gitignore": "__pycache__/\n.harness/\n"})


def test_every_kind_is_found_slower(kinds: Repository) -> None:
    kinds.write("work.py", KINDS["work.py"].replace("range(steps)", "range(2 * steps)"))
    kinds.commit("slow down")
    code, text = kinds.gate(*THROUGHPUT, limit=1300)
    rows = {name: row for name in ALL for row in text.splitlines() if f" {name} " in row}
    assert code == 1, text
    assert set(rows) == set(ALL)
    assert all("REGRESSION" in row for row in rows.values()), text
    assert "test_skipped: skipped" in text and "no such device" in text


def test_a_workload_with_a_wrong_result_is_a_crash(kinds: Repository) -> None:
    kinds.write("work.py", WORK.format(result="8"))
    kinds.write("pyproject.toml", KINDS["pyproject.toml"].replace(', "processes"', ""))
    kinds.git("rm", "-q", "-r", "benchmarks")
    kinds.commit("break")
    code, text = kinds.gate(*THROUGHPUT)
    assert code == 2, text
    assert "load:Load on serial: 9 for 1" in text


def test_sides_with_environments_of_their_own(kinds: Repository) -> None:
    kinds.write("pyproject.toml", '[tool.harness.gate]\nenvironment = "own"\nsetup = "python --version"\nseconds = 5\n')
    kinds.git("rm", "-q", "-r", "benchmarks")
    kinds.write("benchmarks/bench_alone.py", """import importlib.util
from harness import benchmark


@benchmark
def alone():
    for name in ("rich", "hypothesis", "psutil"):
        assert importlib.util.find_spec(name) is None, "the gate's own packages are not the side's"
    return sum(range(1000))
""")
    kinds.commit("measure alone")
    kinds.write("README", "text\n")
    kinds.commit("document")
    code, text = kinds.gate(*THROUGHPUT, limit=700)
    assert code == 0, text
    assert "making an environment for each side" in text and "alone" in text
    kinds.write("pyproject.toml", '[tool.harness.gate]\nenvironment = "own"\nsetup = "python -c 1/0"\n')
    kinds.commit("break the setup")
    code, text = kinds.gate(*THROUGHPUT, limit=700)
    assert code == 2, text
    assert "cannot be made" in text and "ZeroDivisionError" in text


def test_base_against_base_prints_its_rate(repository: Repository) -> None:
    code, text = repository.gate("--aa", "2", "--base", "HEAD", "--seconds", "4", "--seed", "1")
    assert code == 0, text
    assert "false alarms: 0 of 2 gates of base against base; 95 % interval 0.0% to 77.6%" in text


PATIENT = """
import dataclasses, harness.gate.command as command
command.LOCAL = dataclasses.replace(command.LOCAL, scenario_seconds=60.0, scenario_limit=200.0)
"""
"""Beside heavy load: where the profile's own 2 s bring no answer to any scenario, nothing was observed (exit 4)."""


def test_the_local_profile_says_what_it_left_undone(repository: Repository) -> None:
    repository.add_counter()
    repository.write("requirements.txt", "click\n")
    repository.commit("depend")
    code, text = repository.gate("--profile", "local", before=PATIENT)
    assert code == 0, text
    assert "but not everything is decided" in text and "dependencies differ" in text
    assert repository.gate("--profile", "local", "--strict", before=PATIENT)[0] == 3


@pytest.mark.parametrize("case", [case for case in CASES if case.name in ("cpu", "chunks", "pickles")],
                         ids=lambda case: case.name)  # fmt: skip
def test_planted_changes_are_found_and_their_cause_is_named(case: object, tmp_path: Path) -> None:
    gate = one_gate(case, 0, tmp_path, seconds=1000)  # type: ignore[arg-type]
    assert alarmed(gate)
    assert [case.cause in cause for cause in gate.causes.values()] == [True]  # type: ignore[attr-defined]
