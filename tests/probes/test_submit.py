"""A submission, its two channels, and the facts about them that the probe is built on, shown on real pools."""

from __future__ import annotations

import contextlib
import functools
import logging
import multiprocessing
import pickle
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from fixtures.parallel_analyzer import BoundInitializer, ExplicitArguments, analysis
from harness.probes import probe_pickle, probe_submission, probe_submit
from tests.probes.sample_errors import Formatted

CLIP = analysis.Clip("a", 1.0)
Make = Callable[..., Any]


@pytest.fixture
def made() -> Iterator[Make]:
    """Makes a form of the analyzer that is closed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda form, method: stack.enter_context(contextlib.closing(form(start_method=method)))


def raise_formatted() -> None:
    raise Formatted(3, "breaks the pool")


def peer_name(connection: socket.socket) -> int:
    return connection.family.value


class Owner:
    def __init__(self) -> None:
        self.config = {"a": 1}
        self.lock = threading.Lock()

    def task(self) -> Any:
        return functools.partial(print, self.config)


def test_a_bound_initializer_fails_inside_submit_under_spawn_and_not_under_fork(made: Make) -> None:
    spawned = made(BoundInitializer, "spawn")
    with pytest.raises(TypeError, match=r"cannot pickle '_thread\.lock'") as caught:
        spawned.submit(CLIP)
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "submit" in frames
    forked = made(BoundInitializer, "fork")
    assert forked.submit(CLIP).result(30) == "tiny:a:1.0:en"


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_the_post_mortem_is_diagnosed_in_one_call_initializer_first(made: Make, method: str) -> None:
    pool = made(BoundInitializer, method)
    assert pool.executor is not None
    report = probe_submit(pool.executor, analysis.analyze, CLIP, "en")
    assert not report.ok
    assert report.culprits[0].path == "initializer.__self__.analyzer.handler.lock"
    assert all(culprit.path.startswith("initializer.") for culprit in report.culprits)
    assert report.culprits[0].where == "fixtures/parallel_analyzer/analysis.py:53"
    assert "initializer=_worker_init, initargs=(self.model_name, self.config,)" in report.fixes[0].patch


def test_the_same_pool_under_fork_is_green_with_a_warning_for_spawn(made: Make) -> None:
    pool = made(BoundInitializer, "fork")
    report = probe_submit(pool.executor, analysis.analyze, CLIP, "en")
    assert report.ok
    assert any("submit raises: initializer.__self__.analyzer.handler.lock" in note for note in report.notes)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_explicit_form_passes_everywhere(made: Make, method: str) -> None:
    pool = made(ExplicitArguments, method)
    assert probe_submit(pool.executor, analysis.analyze, CLIP, "en").ok


def test_an_executor_alone_probes_its_initializer(made: Make) -> None:
    pool = made(BoundInitializer, "spawn")
    report = probe_submit(pool.executor)
    assert report.roots == ("initializer",)
    assert not report.ok


def test_roots_are_named_as_in_the_call() -> None:
    lock = threading.Lock()
    with ProcessPoolExecutor(1) as pool:
        report = probe_submission(pool, print, (1, [lock]), {"end": {"x": threading.RLock()}}, fixes=False)
    assert [culprit.path for culprit in report.culprits] == ["args[1][0]", "kwargs['end']['x']"]


def test_a_lock_for_the_workers_belongs_into_initargs() -> None:
    """multiprocessing's own lock may travel with the worker process and not with a work item."""
    context = multiprocessing.get_context("spawn")
    lock = context.Lock()
    with ProcessPoolExecutor(1, mp_context=context, initializer=print, initargs=(lock,)) as pool:
        assert probe_submit(pool).ok
        report = probe_submit(pool, print, lock)
    assert report.culprits[0].path == "args[0]"
    assert "inheritance" in report.culprits[0].error


def test_a_work_item_fails_in_the_result_without_a_frame_of_the_user() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        future = pool.submit(print, threading.Lock())
        with pytest.raises(TypeError) as caught:
            future.result(30)
    frames = traceback.extract_tb(caught.value.__traceback__)
    mine = [frame for frame in frames if frame.filename == __file__]
    assert [frame.line for frame in mine] == ["future.result(30)"]


def test_a_partial_of_a_module_function_does_not_capture_self() -> None:
    assert probe_pickle(Owner().task(), start_method="spawn").ok
    report = probe_pickle(functools.partial(Owner().task), start_method="spawn", fixes=False)
    assert report.culprits[0].path == "obj.func.__self__.lock"


def test_a_logger_goes_by_name_and_a_handler_does_not() -> None:
    assert probe_pickle(logging.getLogger("x"), start_method="spawn").ok
    report = probe_pickle(logging.StreamHandler(), fixes=False)
    assert "obj.lock" in [culprit.path for culprit in report.culprits]


def test_a_socket_goes_to_a_pool_though_pickle_refuses_it() -> None:
    with socket.socket() as connection:
        with pytest.raises(TypeError):
            pickle.dumps(connection)
        assert probe_pickle(connection, start_method="spawn").ok
        assert not probe_pickle(connection, pickler="stdlib", fixes=False).ok
        with ProcessPoolExecutor(1) as pool:
            assert pool.submit(peer_name, connection).result(30) == connection.family.value


def test_an_exception_that_does_not_load_breaks_the_whole_pool() -> None:
    with ProcessPoolExecutor(1) as pool, pytest.raises(BrokenProcessPool):
        pool.submit(raise_formatted).result(30)
    report = probe_pickle(Formatted(3, "breaks the pool"), start_method="spawn")
    assert [problem.kind.value for problem in report.problems] == ["load"]


def test_the_same_exception_never_comes_back_from_a_multiprocessing_pool() -> None:
    script = """
import multiprocessing, os, signal
from tests.probes.test_submit import raise_formatted
pool = multiprocessing.get_context("fork").Pool(1)
assert pool.apply_async(len, ("abc",)).get(60) == 3
try:
    pool.apply_async(raise_formatted).get(2)
except multiprocessing.TimeoutError:
    print("it never comes", flush=True)
os.killpg(0, signal.SIGKILL)  # all at once: the pool replaces a worker that is killed alone
"""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=60, start_new_session=True, check=False
    )
    assert (done.stdout, done.returncode) == ("it never comes\n", -signal.SIGKILL)
    assert [problem.kind for problem in probe_pickle(Formatted(3, "x"), start_method="spawn").problems] == ["load"]


def test_a_lambda_fails_as_a_local_object_and_its_closure_is_not_looked_into() -> None:
    owner = Owner()
    with pytest.raises((AttributeError, pickle.PicklingError), match="local object"):
        pickle.dumps(lambda: owner.lock)


def test_a_thread_pool_pickles_nothing_and_says_what_is_captured() -> None:
    with ThreadPoolExecutor(1) as pool:
        report = probe_submit(pool, Owner().task)
    assert report.ok
    assert any("fn captures self" in note for note in report.notes)


def test_multiprocessing_pool_is_known() -> None:
    with multiprocessing.get_context("fork").Pool(1) as pool:
        report = probe_submission(pool, print, (threading.Lock(),), fixes=False)
    assert report.culprits[0].path == "args[0]"


def test_an_unknown_executor_and_a_function_that_is_none_give_one_line() -> None:
    class Mine(Executor):
        pass

    with pytest.raises(ValueError, match="does not know"):
        probe_submit(Mine(), print)
    with ProcessPoolExecutor(1) as pool, pytest.raises(TypeError, match="callable"):
        probe_submit(pool, 3)  # type: ignore[arg-type]


def test_loky_is_probed_with_the_by_value_pickler() -> None:
    loky = pytest.importorskip("loky")
    pool = loky.ProcessPoolExecutor(1)
    try:
        assert probe_submit(pool, lambda: 1).ok
        lock = threading.Lock()
        report = probe_submission(pool, lambda: lock, fixes=False)
    finally:
        pool.shutdown(wait=False, kill_workers=True)
    assert report.culprits[0].path == "fn.__closure__[0].cell_contents"
