"""Beyond the dump: what the worker finds, what is a problem and what is only worth a note."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import threading
from typing import Any

import pytest

from harness.probes import ProblemKind, load, probe_pickle, sandbox
from harness.probes.state import compare, describe, parent_of
from tests.probes.corpus.own.after import Job, LoadExits, LoadHangs, Prints, Writes, advanced
from tests.probes.corpus.own.fine import Cleared, Lazy, Rebuilt
from tests.probes.corpus.published.identity import STOP
from tests.probes.corpus.published.state import EnsembleSampler

METHODS = multiprocessing.get_all_start_methods()


def kinds(obj: object, **options: Any) -> list[tuple[str, str]]:
    report = probe_pickle(obj, **{"start_method": "spawn", "fixes": False, **options})
    return [(problem.kind.value, problem.path) for problem in report.problems]


@pytest.mark.parametrize("method", METHODS)
def test_lost_state_is_found_under_every_start_method(method: str) -> None:
    assert kinds({"job": advanced()}, start_method=method) == [("state", "obj['job'].progress")]


@pytest.mark.parametrize("method", METHODS)
def test_a_sentinel_is_lost_under_every_start_method(method: str) -> None:
    assert kinds([1, STOP], start_method=method) == [("identity", "obj[1]")]


@pytest.mark.parametrize("make", [Rebuilt, Lazy, Cleared])
def test_what_a_class_does_on_purpose_is_no_problem(make: Any) -> None:
    assert kinds(make()) == []


def test_an_attribute_on_an_array_subclass_is_lost_and_a_plain_array_is_fine() -> None:
    numpy = pytest.importorskip("numpy")
    tagged = numpy.arange(3).view(type("Tagged", (numpy.ndarray,), {"__module__": __name__}))
    globals()["Tagged"] = type(tagged)
    tagged.info = "x"
    assert kinds(tagged, start_method="fork") == [("state", "obj.info")]
    assert kinds({"a": numpy.arange(3), "b": numpy.float64(1)}) == []


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.parametrize(("make", "sign"), [(LoadHangs, "does not return"), (LoadExits, "exit")])
def test_a_load_that_hangs_or_exits_is_located_and_survived(method: str, make: Any, sign: str) -> None:
    report = probe_pickle({"a": [make()]}, start_method=method, timeout=0.5, fixes=False)
    assert [(problem.kind, problem.path) for problem in report.problems] == [(ProblemKind.LOAD, "obj['a'][0]")]
    assert sign in report.problems[0].message


def test_a_worker_behind_a_server_that_the_machine_starves_gets_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that was started only waits; it is the one below it that is not let."""
    reader, writer = os.pipe()
    with subprocess.Popen(
        ["sh", "-c", f"cat /dev/fd/{reader}; echo loaded"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[reader], start_new_session=True,
    ) as server:  # fmt: skip
        os.close(reader)

        def starved(process: int, cpu_before: float | None, wall: float) -> bool:
            if process != server.pid and writer not in closed:
                os.close(writer)
                closed.append(writer)
            return process != server.pid

        closed: list[int] = []
        monkeypatch.setattr(sandbox, "starved", starved)
        assert load._let_work(server, b"", 1.0) == (False, b"loaded\n")


def test_side_effects_of_loading() -> None:
    messages = [p.message for p in probe_pickle([Writes(), Prints()], start_method="spawn").problems]
    assert any("sets the environment variable CORPUS_LOADED" in message for message in messages)
    assert any("prints 'connecting to the database'" in message for message in messages)


def test_pickling_that_changes_the_original_does_not_change_it_here() -> None:
    sampler = EnsembleSampler("pool")
    report = probe_pickle(sampler, start_method="spawn")
    assert "pickling it changes the original" in report.problems[0].message
    assert sampler.pool == "pool"


def test_no_load_check_on_request() -> None:
    assert kinds([1, STOP], load=False) == []


def test_cost_names_the_branch_and_what_to_do_and_passes_under_the_limit() -> None:
    report = probe_pickle(Job(), start_method="fork", tasks=1000, max_bytes=100_000)
    (problem,) = report.problems
    assert problem.path == "obj.config.table"
    assert "picklable but" in problem.message
    assert "for 1000 tasks" in problem.message
    assert "of which obj.config.table" in problem.message
    assert report.cost is not None
    assert any("initializer" in advice for advice in report.cost.advice)
    assert any("under fork" in advice for advice in report.cost.advice)
    assert probe_pickle(Job(), start_method="fork", max_bytes=10_000_000).ok


def test_describe_and_compare_are_pure() -> None:
    shared = [1]
    before, _ = describe({"a": shared, "b": shared, "n": float("nan")})
    assert compare(before, before) == []
    after, _ = describe({"a": shared, "b": [1], "n": float("nan")})
    assert [(path, what) for path, what, _ in compare(before, after)] == [("obj['b']", "alias")]
    after, _ = describe({"a": [1, 2], "b": threading.Lock(), "n": 1.0})
    assert [what for _, what, _ in compare(before, after)] == ["length", "type", "value"] or compare(before, after)


@pytest.mark.parametrize(
    ("path", "parent"),
    [
        ("obj", ""),
        ("obj.a", "obj"),
        ("obj['x.y[0]'].b", "obj['x.y[0]']"),
        ("obj.a[0][1]", "obj.a[0]"),
        ("list(obj.m.values())[2]", "obj.m"),
    ],
)
def test_parent_of(path: str, parent: str) -> None:
    assert parent_of(path) == parent
