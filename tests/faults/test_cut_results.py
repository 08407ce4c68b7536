"""A worker that is killed while it writes its result: the released pool hangs, the repaired one survives."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from fixtures.global_pool.supervisor import Supervisor
from harness import Chaos, Kind, Verdict, survives
from scenarios.global_pool import under_chaos
from scenarios.reference.child import in_new_process
from tests.faults import pools

CUT = ("kill-in-result@3#1",)


def kinds(result: Chaos) -> list[Kind]:
    return [finding.kind for case in result.cases for finding in case.findings]


def plant(target: Any, plans: Any = CUT, submit: str = "submit_safe", **options: Any) -> Chaos:
    return survives(target, plans, submit=submit, delivery="at-least-once", tasks=6, **options)


@pytest.mark.parametrize("target", [under_chaos.repaired_forked, under_chaos.repaired_by_server])
def test_the_repaired_pool_survives_by_every_start_method(target: Any) -> None:
    result = plant(target, check=under_chaos.rebuilt_at_most_once)
    assert result.verdict is Verdict.PASS, result


@pytest.mark.long
@pytest.mark.parametrize("target", [under_chaos.released_forked, under_chaos.released_by_server])
def test_the_released_pool_hangs_by_every_start_method(target: Any) -> None:
    result = plant(target, patience=0.8)
    assert kinds(result) == [Kind.UNRESOLVED, Kind.UNUSABLE_POOL, Kind.UNRESOLVED, Kind.LEFT_BEHIND], result
    assert result.cases[0].findings[2].message == "the call that closes the pool does not return"


@pytest.mark.parametrize(
    ("target", "options"),
    [
        (pools.BesideAFork, {"submit": "submit"}),
        (under_chaos.repaired_pool, {"body": pools.megabytes}),
        (under_chaos.repaired_pool, {"body": pools.with_a_child, "plans": ["kill-after-body@3"]}),
    ],
    ids=["a process beside it has its pipes", "long messages", "a child has the sentinel of the dead"],
)
def test_the_repaired_pool_survives_where_more_is_open(target: Any, options: dict[str, Any]) -> None:
    result = plant(target, **options)
    assert result.verdict is Verdict.PASS, result


@pytest.mark.long
def test_the_released_pool_does_not_notice_a_death_when_a_child_has_the_sentinel() -> None:
    result = plant(under_chaos.released_pool, ["kill-after-body@3"], body=pools.with_a_child, patience=0.8)
    assert kinds(result)[0] is Kind.UNRESOLVED, result


@pytest.mark.parametrize(
    ("scenario", "method"),
    [
        ("both_die", "forkserver"),
        ("dies_again", "spawn"),
        ("never_stops_dying", "fork"),
        ("closed_meanwhile", "spawn"),
        ("never_closed", "spawn"),
        ("leaving_is_not_dying", "spawn"),
    ],
)
def test_what_befalls_the_pool_meanwhile(scenario: str, method: str, tmp_path: Path) -> None:
    assert in_new_process(f"tests.faults.cut_results:{scenario}", method, str(tmp_path), seconds=120)


def test_an_executor_of_unknown_make_is_refused() -> None:
    with ProcessPoolExecutor(1) as executor:
        executor._executor_manager_thread = threading.Thread()  # type: ignore[assignment]
        with pytest.raises(RuntimeError, match="cannot be supervised: 'Thread' object has no attribute 'processes'"):
            Supervisor().watch(executor)
        executor._executor_manager_thread = None


def test_a_watch_that_cannot_be_started_is_started_with_the_next_task(monkeypatch: pytest.MonkeyPatch) -> None:
    class Manager(threading.Thread):
        processes: ClassVar[dict[int, Any]] = {}
        pending_work_items: ClassVar[dict[int, Any]] = {}
        max_tasks_per_child = None
        result_queue = SimpleNamespace(_writer=None)

    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    supervisor, released = Supervisor(), threading.Event()
    with ProcessPoolExecutor(1) as executor:
        manager = Manager(target=released.wait)
        manager.start()
        executor._executor_manager_thread = manager  # type: ignore[assignment]
        with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="can't start"):
            patched.setattr(threading.Thread, "start", refused)
            supervisor.watch(executor)
        supervisor.join()
        before = set(threading.enumerate())
        supervisor.watch(executor)
        supervisor.watch(executor)
        assert len(set(threading.enumerate()) - before) == 1
        executor._executor_manager_thread = None
        released.set()
        supervisor.join()


@pytest.mark.parametrize("make", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_there_is_nothing_to_watch_in_threads_or_before_the_first_task(make: type[Executor]) -> None:
    before = set(threading.enumerate())
    with make() as executor:
        Supervisor().watch(executor)
        assert set(threading.enumerate()) <= before
