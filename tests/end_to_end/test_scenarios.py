"""The scenarios of this repository in a new process: pointed at another module, and without a package index."""

from __future__ import annotations

from pathlib import Path

import pytest
from user_project import Run, run_module

ROOT = Path(__file__).parents[2]
RACY = "fixtures.inference_manager.racy:InferenceManager"


def scenarios(*arguments: str, file: str = "test_inference_manager.py", **environment: str) -> Run:
    words = ("pytest", "-p", "no:cacheprovider", f"scenarios/{file}", *arguments)
    return run_module(*words, folder=ROOT, **environment)


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("test_concurrent_instantiation_gives_one_manager", "two_instances"),
        ("test_the_manager_is_initialised_once", "double_init"),
        ("test_a_hundred_threads_lose_no_count", "lost_update"),
        ("test_fifty_readers_see_no_torn_stats_beside_fifty_writers", "torn_read"),
    ],
)
def test_the_same_scenario_fails_on_the_racy_target(scenario: str, kind: str) -> None:
    run = scenarios("-k", scenario, "--target", f"manager={RACY}")
    assert run.outcomes["failed"] == 1
    assert "passed" not in run.outcomes
    assert run.line(rf"\b{kind}\b")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("manager", r"--target manager: not of the form NAME=package\.module:Object, such as manager="),
        ("manager=fixtures", r"--target manager=fixtures: not of the form"),
        ("manager=no_such.module:Thing", r"importing no_such\.module raised ModuleNotFoundError.*PYTHONPATH"),
        (
            f"manager={RACY[:-3]}",
            r"fixtures\.inference_manager\.racy has no InferenceMana; did you mean InferenceManager",
        ),
    ],
)
def test_a_bad_target_is_one_clear_line(option: str, message: str) -> None:
    run = scenarios("--target", option)
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert run.line(message)
    assert "Traceback" not in run.text
    assert len([line for line in run.lines if line.strip()]) == 1, run.text


def test_a_name_given_twice_is_refused() -> None:
    run = scenarios("--target", f"manager={RACY}", "--target", f"manager={RACY}")
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert run.line("manager was given before; give each name once")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_name_that_no_scenario_asks_for_ends_in_an_error(workers: str) -> None:
    run = scenarios("-k", "instantiation", "-n", workers, "--target", f"manger={RACY}")
    assert run.returncode == pytest.ExitCode.USAGE_ERROR, "the default target ran: a green exit would mislead"
    assert run.line(r"--target manger: no scenario that ran asks for it \(names asked for: manager\)")


def test_without_a_package_index_the_published_packages_fail_and_say_so() -> None:
    cut_off = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}
    run = scenarios("-k", "one_lexer", file="test_published_packages.py", **cut_off)
    assert run.outcomes == {"failed": 1, "deselected": 3}
    assert run.line(r"sqlparse==0\.4\.4 could not be fetched, so nothing was explored: ERROR: .*; pip must reach")
    assert "Traceback" not in run.text
