"""`survives` on real pools: it fails for what is broken, each with its own kind, and passes for what is not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness import Chaos, ConcurrencyFailure, InconclusiveError, Kind, UsageError, Verdict, survives
from harness.kinds.survives import plans_of
from tests.faults import pools

PATIENCE = 0.8


def seen(result: Chaos) -> Any:
    (case,) = result.cases
    assert case.result is not None, case.reason
    return case.result.seen


def test_a_kill_loses_every_task_that_a_process_pool_has_not_answered() -> None:
    result = survives(pools.spawned, ["kill-in-body@3"], delivery="at-least-once")
    assert result.verdict is Verdict.FAIL
    assert result.failure is not None
    assert result.failure.kind is Kind.LOST_TASK
    assert seen(result).lost == ("t3", "t4", "t5", "t6", "t7", "t8")
    assert (seen(result).resolved, seen(result).capacity, seen(result).left) == (8, 0, ())
    report = str(result)
    assert "t3  started, HIT by kill-in-body, caller got BrokenProcessPool" in report
    assert "t8  never began" in report or "t8  caller got BrokenProcessPool" in report
    command = "harness chaos tests.faults.pools:spawned --plan 'kill-in-body@3#0' --delivery at-least-once"
    assert f"replay: {command}" in report


def test_a_task_that_hangs_keeps_its_caller_waiting_and_its_worker_busy() -> None:
    result = survives(pools.threads, ["hang-sleep@2"], where="thread", tasks=4, patience=PATIENCE)
    assert [found.kind for found in result.cases[0].findings] == [
        Kind.UNRESOLVED, Kind.UNUSABLE_POOL, Kind.UNRESOLVED, Kind.LEFT_BEHIND
    ]  # fmt: skip
    assert seen(result).unresolved == ("t2",)
    assert (seen(result).capacity, seen(result).left) == (1, ("1 thread",))


@pytest.mark.parametrize("plan", ["disk-full@2", "io-error@2", "slow-task@1", "clock-back@2", "gc-pressure@3"])
def test_threads_survive_what_only_concerns_one_task(plan: str) -> None:
    result = survives(pools.threads, [plan], where="thread", delivery="exactly-once", tasks=4, patience=PATIENCE)
    assert result.verdict is Verdict.PASS, result
    assert len(seen(result).failed) == int(plan.startswith(("disk", "io")))


@pytest.mark.parametrize(
    ("make", "kind", "delivery"),
    [
        (pools.Twice, Kind.DOUBLED_TASK, "at-most-once"),
        (pools.Twice, Kind.DOUBLED_TASK, "exactly-once"),
        (pools.Mixed, Kind.MISDELIVERED, "at-least-once"),
        (pools.Forgetful, Kind.MISDELIVERED, "at-least-once"),
        (pools.Leaking, Kind.LEFT_BEHIND, "at-least-once"),
        (pools.Segment, Kind.LEFT_BEHIND, "at-least-once"),
        (pools.Stray, Kind.LEFT_BEHIND, "at-least-once"),
        (pools.NeverEnds, Kind.UNRESOLVED, "at-least-once"),
    ],
)
def test_each_broken_promise_has_its_kind(make: Callable[[], Any], kind: Kind, delivery: str) -> None:
    result = survives(make, ["slow-task@2"], where="thread", delivery=delivery, tasks=4, patience=PATIENCE)
    assert result.failure is not None, result
    assert result.failure.kind is kind
    with pytest.raises(ConcurrencyFailure, match=kind.value):
        result.raise_if_failed()


@pytest.mark.parametrize("make", [pools.threads, pools.Counted, pools.Unlinked])
def test_each_repaired_twin_keeps_every_promise(make: Callable[[], Any]) -> None:
    result = survives(make, ["disk-full@2"], where="thread", delivery="exactly-once", tasks=4, patience=PATIENCE)
    assert result.verdict is Verdict.PASS, result


def test_a_pool_whose_end_waits_for_ever_after_the_fault_fails() -> None:
    result = survives(pools.Counting, ["disk-full@2"], where="thread", tasks=4, patience=PATIENCE)
    (finding,) = result.cases[0].findings
    assert (finding.kind, finding.message) == (Kind.UNRESOLVED, "the call that closes the pool does not return")


def test_what_the_end_of_a_pool_raises_is_a_finding() -> None:
    result = survives(pools.CannotFlush, ["kill-in-body@2"], tasks=3, delivery="at-most-once")
    messages = [found.message for found in result.cases[0].findings if found.kind is Kind.EXCEPTION]
    assert messages == ["the call that closes the pool raises RuntimeError: cannot flush the results"]


@pytest.mark.once
def test_a_child_that_left_the_session_of_its_case_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(pools.MARK, str(tmp_path))
    survives(pools.Stray, ["slow-task@2"], where="thread", tasks=4, patience=PATIENCE)
    assert not [process for process in psutil.process_iter() if str(tmp_path) in " ".join(_command(process))]


@pytest.mark.once
def test_an_initializer_that_cannot_be_given_is_no_fault_that_struck() -> None:
    result = survives(pools.spawned, ["failing-initializer@1"], tasks=3)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "takes no argument `initializer`" in result.reason


@pytest.mark.once
def test_a_thread_that_the_pool_does_not_start_is_not_refused_to_others() -> None:
    result = survives(pools.prestarted, ["no-thread@1"], where="thread", tasks=3, patience=PATIENCE)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "the fault never struck" in result.reason


@pytest.mark.once
@pytest.mark.parametrize("body", [pools.picture, pools.words, pools.long_array])
def test_a_result_is_known_by_what_it_is_made_of(body: Callable[[int], Any]) -> None:
    pytest.importorskip("numpy")
    result = survives(pools.spawned, ["slow-task@2"], delivery="exactly-once", body=body, tasks=4)
    assert result.verdict is Verdict.PASS, result
    result = survives(pools.Mixed, ["slow-task@2"], where="thread", body=body, tasks=4, patience=PATIENCE)
    assert result.failure is not None, result
    assert result.failure.kind is Kind.MISDELIVERED


def test_a_pool_that_makes_something_else_of_results_delivers_them() -> None:
    result = survives(pools.Marked, ["slow-task@2"], where="thread", delivery="exactly-once", tasks=4)
    assert result.verdict is Verdict.PASS, result


def test_tasks_that_are_run_twice_are_no_failure_where_that_was_promised() -> None:
    result = survives(pools.Twice, ["slow-task@2"], where="thread", delivery="at-least-once", tasks=4)
    assert result.verdict is Verdict.PASS, result


def test_a_pool_that_refuses_a_task_and_runs_it() -> None:
    """What CPython does when the first thread cannot be started: the task is in the queue already."""
    result = survives(pools.threads, ["no-thread@1"], where="thread", delivery="exactly-once", tasks=4)
    assert (seen(result).lost, seen(result).doubled) == (("t1",), ("t1",))


@pytest.mark.once
@pytest.mark.parametrize(
    ("make", "plan", "options", "said"),
    [
        (pools.threads, "kill-in-body@2", {}, "run in the process that submits"),
        (pools.one_thread, "slow-task@2", {"where": "thread"}, "1 of 2 tasks at the same time"),
        (pools.fails_to_be_made, "slow-task@2", {"where": "thread"}, "ValueError: no pool today"),
        (pools.spawned, "slow-task@2", {"body": pools.raising}, "fault ended with ValueError: no answer to "),
        (pools.Refuses, "slow-task@2", {"where": "thread"}, "fault was refused with ValueError: not today"),
        (pools.threads, "slow-task@2", {"where": "thread", "body": pools.sleeping}, "0 of 2 tasks without a fault"),
    ],
)
def test_what_shows_nothing_is_inconclusive(make: Any, plan: str, options: dict[str, Any], said: str) -> None:
    result = survives(make, [plan], tasks=4, patience=PATIENCE, **options)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert said in result.reason
    with pytest.raises(InconclusiveError):
        result.raise_if_failed()


@pytest.mark.parametrize("tasks", [1, 2, 8])
def test_every_usual_plan_hits_a_task_that_there_is(tasks: int) -> None:
    usual = plans_of(None, "process", tasks)
    assert plans_of(usual, "process", tasks) == usual
    assert {plan.task for plan in usual} == {min(tasks, 3)}


def test_no_plans_prove_nothing() -> None:
    assert survives(pools.threads, []).verdict is Verdict.INCONCLUSIVE


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"target": lambda: None}, "cannot be imported by another process"),
        ({"target": "tests.faults.pools:missing"}, "AttributeError"),
        ({"faults": ["kill-in-body@9"]}, "there are only 8 tasks"),
        ({"faults": ["blocked-loop@1"]}, "say where: loop"),
        ({"faults": "kill-in-body@1"}, "must be a list"),
        ({"delivery": "twice"}, "delivery must be one of at-most-once"),
        ({"where": "moon"}, "where must be one of process"),
        ({"workers": 0}, "workers must be a whole number of at least 1"),
        ({"workers": 1.5}, "workers must be a whole number of at least 1, not 1.5"),
        ({"tasks": "5"}, "tasks must be a whole number of at least 1, not '5'"),
        ({"tasks": True}, "tasks must be a whole number of at least 1, not True"),
        ({"patience": float("nan")}, "patience must be a number of at least 0.1, not nan"),
        ({"deadline": "soon"}, "deadline must be a number of at least 1, not 'soon'"),
        ({"deadline": -1}, "deadline must be a number of at least 1, not -1"),
        ({"submit": 5}, "submit must be the name of a method, not 5"),
        ({"faults": 5}, "faults must be a list, such as ['kill-in-body@3'], not 5"),
        ({"faults": [["io-error@3"]]}, "a plan is text such as 'kill-in-body@3', not ['io-error@3']"),
        ({"target": "pool:nonsense"}, "there is no pool type 'nonsense'; the pool types are thread, "),
        ({"body": "pool:thread"}, "body 'pool:thread' cannot be imported"),
        ({"faults": ["slow-task@2"], "submit": "nope"}, "a ThreadPoolExecutor, has no method 'nope'"),
        ({"faults": ["slow-task@2"], "close": "nope"}, "a ThreadPoolExecutor, has no method 'nope'"),
        (
            {"faults": ["slow-task@2"], "where": "thread", "check": pools.says_true},
            "the check tests.faults.pools:says_true returned True: it must return what is wrong as text",
        ),
    ],
)
def test_a_mistake_is_one_line(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        survives(**{"target": pools.threads, **arguments})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_of_a_case_outlives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    result = survives(pools.spawned, ["hang-stopped@1"], tasks=3, patience=PATIENCE)
    assert result.failure is not None
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
    assert not [process for process in psutil.process_iter() if str(tmp_path) in " ".join(_command(process))]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.once
def test_a_case_ends_with_whoever_started_it(tmp_path: Path) -> None:
    call = "survives('tests.faults.pools:threads', ['hang-sleep@1'], where='thread', patience=60)"
    code = f"from harness import survives; {call}"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    runner = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2], env=environment)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("chaos-*/mark-hold")) and time.monotonic() < deadline:
        time.sleep(0.1)
    children = psutil.Process(runner.pid).children()
    runner.kill()
    runner.wait()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert children
    assert alive == []
    assert list(tmp_path.iterdir()) == []


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def test_a_worker_does_not_import_the_harness_s_engine() -> None:
    code = "import sys, harness.faults.injected; print(*(m for m in sys.modules if m.startswith('harness.')))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    packages = {module.split(".")[1] for module in printed.stdout.split()}
    assert packages == {"faults", "model", "oracles", "procfs"}
