"""`harness chaos`, the fixture `chaos`, the marker and the configuration, as their users meet them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness import survives
from harness.faults.catalogue import FAULTS
from tests.faults import pools

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.once

PROJECT = {
    "pytest.ini": "[pytest]\naddopts = -p no:cacheprovider\n",
    "app.py": "from concurrent.futures import ThreadPoolExecutor\n\n\ndef threads():\n    return ThreadPoolExecutor(2)\n",  # noqa: E501
    "test_app.py": """\
import pytest

from app import threads


@pytest.mark.concurrency
@pytest.mark.faults("hang-sleep@2", where="thread", tasks=3, patience=0.8)
def test_threads(chaos):
    chaos(threads)
""",
    "pyproject.toml": """\
[tool.harness.targets.threads]
make = "app:threads"
kinds = ["survives"]
faults = ["disk-full@2"]
where = "thread"
delivery = "exactly-once"
tasks = 3
""",
}

GARBAGE = "--chaos-plan: a plan is written fault@task#seed, such as kill-in-body@3#0, not 'garb age'"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def ran(folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, timeout=200, check=False
    )
    return done.returncode, done.stdout + done.stderr


def harness(folder: Path, *words: str) -> tuple[int, str]:
    code = "import sys; from harness.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, timeout=200, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_marker_s_plans_are_planted_and_the_command_line_replaces_them(project: Path) -> None:
    code, text = ran(project, "pytest", "-m", "concurrency", "test_app.py")
    assert code == 1
    assert "unresolved: 1 of 3 tasks never end: their callers wait for ever: t2" in text
    assert "replay: harness chaos app:threads --plan 'hang-sleep@2#0'" in text
    code, text = ran(project, "pytest", "-m", "concurrency", "test_app.py", "--chaos-plan", "disk-full@1")
    assert code == 0, text
    assert "test_app.py::test_threads: PASS: survives 1 plan with 3 tasks: disk-full@1#0" in text


def test_a_configured_target(project: Path) -> None:
    code, text = ran(project, "pytest", "-m", "concurrency", "pyproject.toml")
    assert code == 0, text
    assert "pyproject.toml::threads::survives: PASS: survives 1 plan with 3 tasks: disk-full@2#0" in text


@pytest.mark.parametrize(
    ("marker", "call", "said"),
    [
        ("'kill-in-bdy@3'", "threads", "there is no fault 'kill-in-bdy'; did you mean kill-in-body?"),
        ("'io-error@1', delivry='at-most-once'", "threads", "no option 'delivry'; did you mean delivery?"),
        ("faults=['io-error@1']", "threads", "no option 'faults'; the options are delivery, submit, "),
        ("'io-error@1', tasks='5'", "threads", "tasks must be a whole number of at least 1, not '5'"),
        ("'io-error@1'", "threads, deadline=-1", "deadline must be a number of at least 1, not -1"),
    ],
)
def test_a_mistake_in_a_test_is_one_line(project: Path, marker: str, call: str, said: str) -> None:
    path = project / "test_app.py"
    text = f"@pytest.mark.faults({marker})\ndef test_threads(chaos):\n    chaos({call})\n"
    path.write_text(f"import pytest\n\nfrom app import threads\n\n\n{text}", "utf-8")
    code, text = ran(project, "pytest", "test_app.py")
    assert (code, said in text, "Traceback" in text, "survives.py" in text) == (1, True, False, False), text
    assert "\ntest_app.py:8\n\n" in text


def test_a_wrong_plan_of_the_command_line_is_refused_before_any_test(project: Path) -> None:
    code, text = ran(project, "pytest", "test_app.py", "--chaos-plan", "disk-full@1", "--chaos-plan", "garb age")
    assert (code, text.strip()) == (4, f"ERROR: {GARBAGE}")


def test_a_mistake_in_the_configuration_is_one_line(project: Path) -> None:
    path = project / "pyproject.toml"
    path.write_text(path.read_text("utf-8").replace("disk-full@2", "disk-fool@2"), "utf-8")
    code, text = ran(project, "pytest", "-m", "concurrency", "pyproject.toml")
    assert code == 1
    assert "did you mean disk-full?" in text
    assert "Traceback" not in text


def test_the_result_as_json(project: Path) -> None:
    words = ["chaos", "app:threads", "--plan", "disk-full@2", "--tasks", "3", "--json"]
    code, text = harness(project, *words)
    assert code == 0, text
    data = json.loads(text)
    assert data["verdict"] == "pass"
    assert data["cases"][0]["plan"] == {"fault": "disk-full", "task": 2, "seed": 0}
    assert data["cases"][0]["seen"]["failed"] == ["t2"]


def test_a_fault_without_a_task_strikes_the_third_or_the_last(project: Path) -> None:
    words = ["chaos", "app:threads", "--fault", "hang-sleep", "--fault", "no-thread", "--patience", "0.8"]
    code, text = harness(project, *words, "--tasks", "2", "--where", "thread", "--json")
    assert code == 1, text
    data = json.loads(text)
    assert [(case["plan"]["fault"], case["plan"]["task"]) for case in data["cases"]] == [
        ("hang-sleep", 2), ("no-thread", 1),
    ]  # fmt: skip
    assert "--plan 'hang-sleep@2#0'" in data["replay"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chaos"], "name a TARGET"),
        (["chaos", "app:missing"], "cannot be imported"),
        (["chaos", "app:threads", "--plan", "kil-in-body@3"], "did you mean kill-in-body?"),
        (["chaos", "--table", "--fault", "blocked-loop", "--pool", "fork"], "none of these faults applies"),
        (["chaos", "app:threads", "--plan", "slow-task@1", "--submit", "nope"], "has no method 'nope'"),
        (["chaos", "pool:nonsense"], "there is no pool type 'nonsense'"),
        (["chaos", "app:threads", "--table"], "a TARGET cannot be given with --table"),
        (["chaos", "--table", "--plan", "kill-in-body@3"], "--plan cannot be given with --table"),
        (["chaos", "app:threads", "--pool", "fork"], "--pool cannot be given with a TARGET"),
        (["chaos", "app:threads", "--jobs", "3"], "--jobs cannot be given with a TARGET"),
        (["chaos", "app:threads", "--markdown"], "--markdown cannot be given with a TARGET"),
        (["chaos", "--list", "--tasks", "8"], "--tasks cannot be given with --list"),
    ],
)
def test_a_wrong_command_says_so_and_exits_with_2(project: Path, words: list[str], said: str) -> None:
    code, text = harness(project, *words)
    assert (code, said in text, "Traceback" in text) == (2, True, False), text


def test_the_list_names_every_fault(project: Path) -> None:
    code, text = harness(project, "chaos", "--list")
    assert code == 0
    assert [line.split()[0] for line in text.splitlines()] == list(FAULTS)


@pytest.mark.long
def test_the_printed_command_gives_the_same_failure_20_times() -> None:
    result = survives(pools.spawned, ["kill-in-body@3#5"], delivery="at-least-once", tasks=4)
    assert result.failure is not None
    words = shlex.split(result.replay)
    assert words[0] == "harness"
    for _ in range(20):
        code, text = harness(ROOT, *words[1:])
        assert code == 1
        assert text.splitlines()[0] == f"{result.failure.kind}: {result.failure.message}"
        assert "t3  started, HIT by kill-in-body" in text
