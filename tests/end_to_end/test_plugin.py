"""The plugin as its users meet it: pytest in a new process, in a small project of theirs."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from user_project import Project, Run

RACY = """\
class Counter:
    def __init__(self):
        self.value = 0

    def add(self):
        self.value += 1
"""

FIXED = """\
from threading import Lock


class Counter:
    def __init__(self):
        self.value = 0
        self.lock = Lock()

    def add(self):
        with self.lock:
            self.value += 1
"""

SCENARIO = """\
import pytest
from counter import Counter


@pytest.mark.concurrency
def test_no_count_is_lost(explore):
    def check(counter, results):
        assert counter.value == len(results), f"{counter.value} of {len(results)} counts arrived"

    explore(Counter, [Counter.add] * THREADS, check)
"""


def scenario(threads: int = 2) -> str:
    return SCENARIO.replace("THREADS", str(threads))


@pytest.fixture
def racy(tmp_path: Path) -> Project:
    return Project(tmp_path, {"counter.py": RACY, "test_counter.py": scenario()})


@pytest.fixture
def fixed(tmp_path: Path) -> Project:
    return Project(tmp_path, {"counter.py": FIXED, "test_counter.py": scenario()})


def test_a_failure_names_the_conflict_and_shows_the_schedule(racy: Project) -> None:
    run = racy.pytest("-m", "concurrency")
    assert run.outcomes == {"failed": 1}
    assert "1 of 2 counts arrived" in run.text
    header = run.line(r"\bT1\b.*\bT2\b")
    second_column = header.index("T2")
    accesses = [line for line in run.lines if "self.value" in line]
    assert any(line.find("self.value") < second_column for line in accesses), run.text
    assert any(line.find("self.value", second_column) >= 0 for line in accesses), run.text
    assert run.line(r"\bswitch\b")
    assert run.line(r"self\.value.*\b0\b"), "the value that was read"
    assert run.line(r"self\.value.*\b1\b"), "the value that was written"
    assert run.line(r"self\.value \+= 1"), "the source line"
    assert run.line(r"T1 add read self\.value = 0 .*T2 add wrote self\.value = 1 .*the write of T2 add is lost")


def test_the_printed_command_replays_the_failure(racy: Project) -> None:
    first = racy.pytest("-m", "concurrency")
    command = replay_command(first.text)
    again = racy.command(*command)
    assert again.outcomes == {"failed": 1}
    assert "1 of 2 counts arrived" in again.text
    assert schedule_of(again.lines) == schedule_of(first.lines)


def test_a_failure_whose_record_cannot_be_kept_is_reported_all_the_same(racy: Project) -> None:
    racy.write(".harness", "a file in the place of the folder")
    run = racy.pytest("-m", "concurrency")
    assert run.outcomes == {"failed": 1}
    assert "1 of 2 counts arrived" in run.text
    assert run.line(r"^no replay record: .*\.harness cannot be written \(.+\); make it a folder that can, and run")
    assert "Traceback" not in run.text


def test_a_replay_of_repaired_code_is_not_reported_as_the_failure(racy: Project) -> None:
    command = replay_command(racy.pytest("-m", "concurrency").text)
    racy.write("counter.py", FIXED)
    again = racy.command(*command)
    assert "1 of 2 counts arrived" not in again.text
    assert again.line("the recorded schedule was replayed and did not fail")


def test_a_replay_of_another_test_is_refused(racy: Project) -> None:
    *_, record = replay_command(racy.pytest("-m", "concurrency").text)
    racy.write("test_other.py", scenario().replace("add] * 2", "add] * 3"))
    run = racy.pytest("test_other.py", record)
    assert run.returncode != 0
    assert run.line(r"no exploration that ran is the one it records \(test_counter\.py::test_no_count_is_lost")


def replay_command(text: str) -> list[str]:
    found = re.search(r"replay: (pytest .*--concurrency-replay=\S+)$", text, re.MULTILINE)
    assert found, text
    return shlex.split(found[1])


def schedule_of(lines: list[str]) -> list[str]:
    return [line for line in lines if "self.value" in line or "switch" in line]


def test_repaired_code_passes_and_says_what_was_proved(fixed: Project) -> None:
    run = fixed.pytest("-m", "concurrency")
    assert run.outcomes == {"passed": 1}
    assert run.line(r"test_no_count_is_lost.*proved: no failure in (all [\d,]+ schedules|any schedule)")


def test_a_hundred_threads_are_proved_small_and_sampled_at_full_size(tmp_path: Path) -> None:
    project = Project(tmp_path, {"counter.py": FIXED, "test_counter.py": scenario(threads=100)})
    run = project.pytest("-m", "concurrency")
    assert run.outcomes == {"passed": 1}
    assert "proved at 3 threads with at most 2 preemptions; sampled 200 schedules at 100" in run.text


def test_a_hundred_racy_threads_fail_with_a_small_witness(tmp_path: Path) -> None:
    project = Project(tmp_path, {"counter.py": RACY, "test_counter.py": scenario(threads=100)})
    run = project.pytest("-m", "concurrency")
    assert run.outcomes == {"failed": 1}
    assert "1 of 2 counts arrived" in run.text, "two threads suffice to show it"


MIXED = """\
import pytest
from counter import Counter


@pytest.mark.concurrency
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("wanted", ["all", "one more"])
def test_count(explore, threads, wanted):
    def check(counter, results):
        assert counter.value == len(results) + (wanted == "one more")

    explore(Counter, [Counter.add] * threads, check)


def test_plain():
    assert Counter().value == 0
"""


def test_two_workers_give_the_verdict_lines_of_one(tmp_path: Path) -> None:
    project = Project(tmp_path, {"counter.py": FIXED, "test_counter.py": MIXED})
    alone, shared = project.pytest("-n", "0"), project.pytest("-n", "2")
    assert alone.outcomes == shared.outcomes == {"passed": 3, "failed": 2}
    assert verdicts(alone.lines), alone.text
    assert verdicts(shared.lines) == verdicts(alone.lines)


def verdicts(lines: list[str]) -> list[str]:
    """The one line for each scenario, without the time it took."""
    pattern = re.compile(r"test_count\[.*(proved|preemption|check)")
    return sorted(re.sub(r"[\d.]+ ?m?s\b", "TIME", line) for line in lines if pattern.search(line))


def test_the_marker_selects_scenarios(tmp_path: Path) -> None:
    project = Project(tmp_path, {"counter.py": FIXED, "test_counter.py": MIXED})
    assert project.pytest("-m", "concurrency", "-k", "all").outcomes == {"passed": 2, "deselected": 3}
    assert project.pytest("-m", "not concurrency").outcomes == {"passed": 1, "deselected": 4}
    assert "concurrency" in project.pytest("--markers").text


def test_a_scenario_that_shares_nothing_fails_as_inconclusive(tmp_path: Path) -> None:
    project = Project(
        tmp_path,
        {
            "test_apart.py": """\
                def test_nothing_is_shared(explore):
                    explore(dict, [lambda state: sum([1, 2])] * 2, lambda state: True)
                """
        },
    )
    run = project.pytest()
    assert run.outcomes == {"failed": 1}
    assert run.line(r"test_nothing_is_shared: INCONCLUSIVE: ")


def test_outcome_returns_what_explore_would_raise(tmp_path: Path) -> None:
    project = Project(
        tmp_path,
        {
            "counter.py": RACY,
            "test_counter.py": """\
                import harness
                from counter import Counter

                def test_the_bug_is_known(explore):
                    found = explore.outcome(Counter, [Counter.add] * 2, lambda counter: counter.value == 2)
                    assert found.verdict is harness.Verdict.FAIL
                    assert found.failure.kind == "check"
                """,
        },
    )
    assert project.pytest().outcomes == {"passed": 1}


def test_the_schedule_budget_bounds_the_exploration(fixed: Project) -> None:
    run = fixed.pytest("--concurrency-schedules", "3")
    assert "at most 2 preemptions" not in run.text, "three schedules cannot prove two preemptions"
    assert run.line("stopped by the budget of 3 schedules")


@pytest.mark.parametrize("option", ["--concurrency-schedules=1", "--concurrency-seconds=0.000001"])
def test_a_budget_too_small_for_any_proof_is_inconclusive(fixed: Project, option: str) -> None:
    run = fixed.pytest(option)
    assert run.outcomes == {"failed": 1}
    assert run.line(r"test_no_count_is_lost: INCONCLUSIVE: .*raise schedules=")


def test_a_hundred_threads_on_a_small_budget_claim_no_more_than_was_explored(tmp_path: Path) -> None:
    project = Project(tmp_path, {"counter.py": FIXED, "test_counter.py": scenario(threads=100)})
    run = project.pytest("--concurrency-schedules", "12")
    assert run.line("stopped by the budget of 12 schedules")
    assert "at most 2 preemptions" not in run.text


DEEP = """\
    class Relay:
        def __init__(self):
            self.a = self.b = self.broken = 0

        def climb(self):
            for level in (1, 2, 3):
                self.a = level
                if self.b != level:
                    return
            self.broken = 1

        def follow(self):
            for level in (1, 2, 3):
                if self.a != level:
                    return
                self.b = level
    """


def test_the_preemption_bound_decides_how_deep_a_proof_goes(tmp_path: Path) -> None:
    project = Project(
        tmp_path,
        {
            "relay.py": DEEP,
            "test_relay.py": """\
                from relay import Relay

                def test_never_broken(explore):
                    explore(Relay, [Relay.climb, Relay.follow], lambda relay: not relay.broken)
                """,
        },
    )
    shallow = project.pytest("--concurrency-preemptions", "1")
    assert shallow.outcomes == {"passed": 1}
    assert "at most 1 preemption" in shallow.text, "never a plain pass"
    deep = project.pytest("--concurrency-preemptions", "5")
    assert deep.outcomes == {"failed": 1}


def test_the_seed_decides_what_is_sampled(tmp_path: Path) -> None:
    project = Project(tmp_path, {"counter.py": FIXED, "test_counter.py": scenario(threads=5)})
    runs = [project.pytest("--concurrency-seed", seed) for seed in ("7", "7", "8")]
    assert [run.outcomes for run in runs] == [{"passed": 1}] * 3


def test_the_cap_in_seconds_is_said_when_it_cuts(tmp_path: Path) -> None:
    project = Project(tmp_path, {"counter.py": FIXED, "test_counter.py": scenario(threads=100)})
    run = project.pytest("--concurrency-seconds", "0.05")
    assert run.line(r"cut after 0\.05 s")
    assert "sampled 200 schedules" not in run.text


@pytest.mark.parametrize(
    "option",
    ["--concurrency-schedules=0", "--concurrency-preemptions=-1", "--concurrency-seconds=0", "--concurrency-seed=x"],
)
def test_a_wrong_option_is_refused_at_the_door(fixed: Project, option: str) -> None:
    run = fixed.pytest(option)
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert option.partition("=")[0] in run.text
    assert "Traceback" not in run.text


def test_a_replay_file_that_is_not_there_is_one_clear_line(fixed: Project) -> None:
    run = fixed.pytest("--concurrency-replay=nowhere.json")
    assert run.returncode != 0
    assert run.line(r"nowhere\.json")
    assert "Traceback" not in run.text


def test_without_the_plugin_a_scenario_fails_loudly(tmp_path: Path) -> None:
    project = Project(tmp_path, {"counter.py": FIXED, "test_counter.py": MIXED})
    run = project.pytest("-p", "no:harness")
    assert run.outcomes == {"passed": 1, "errors": 4}
    assert "fixture 'explore' not found" in run.text


def coverage_run(project: Project, **environment: str) -> Run:
    return project.command(
        "coverage", "run", "--include=counter.py", "-m", "pytest", "-m", "concurrency", **environment
    )


def test_beside_coverage_a_verdict_is_sound_or_refused(racy: Project) -> None:
    run = coverage_run(racy)
    assert run.outcomes == {"failed": 1}
    assert "1 of 2 counts arrived" in run.text or run.line(INCONCLUSIVE_BESIDE_COVERAGE)


def test_beside_coverage_repaired_code_passes_or_is_refused(fixed: Project) -> None:
    fixed.write("test_counter.py", scenario() + "    Counter().add()\n")
    run = coverage_run(fixed)
    if run.outcomes == {"passed": 1}:
        assert run.line(r"test_no_count_is_lost.*proved")
        measured = fixed.command("coverage", "report")
        assert measured.line(r"counter\.py .*100%"), "coverage must go on measuring after an exploration"
    else:
        assert run.line(INCONCLUSIVE_BESIDE_COVERAGE)


@pytest.mark.skipif(
    not (3, 12) <= sys.version_info < (3, 14),
    reason="coverage's monitoring core can silence ours on 3.12 and 3.13 only",
)
def test_beside_coverage_on_sys_monitoring_nothing_is_concluded(fixed: Project) -> None:
    run = coverage_run(fixed, COVERAGE_CORE="sysmon")
    assert run.outcomes == {"failed": 1}
    assert run.line(INCONCLUSIVE_BESIDE_COVERAGE)


INCONCLUSIVE_BESIDE_COVERAGE = r"(?i)inconclusive.*coverage.*(COVERAGE_CORE|without coverage|run)"
