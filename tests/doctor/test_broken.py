"""A broken pool is told in words: who died of what in which task, and what became of the others."""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
import multiprocessing.pool
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future, ProcessPoolExecutor, process
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import pytest

from harness import BrokenPool, explain_broken_pool, watch_pools
from harness.doctor import broken as watched
from harness.doctor import deaths
from harness.doctor.broken import BROKEN, Break, Recorder, call_of, cannot_load, lost_task, recorder
from harness.doctor.deaths import memory_evidence
from harness.doctor.taking import BEGUN, TAKEN, Journal, Took, journal
from tests.doctor import pool_work
from tests.end_to_end.user_project import Project

TASKS = 10
METHODS = ["fork", "forkserver", pytest.param("spawn", marks=pytest.mark.long)]


def broken(method: str, how: str, initializer: Any = None) -> tuple[BrokenPool, list[Future[Any]]]:
    """What is told of a pool of which task 3 does `how`, and the futures of the tasks that were submitted."""
    futures: list[Future[Any]] = []
    with watch_pools():
        with pytest.raises(BrokenProcessPool) as raised:
            with ProcessPoolExecutor(2, multiprocessing.get_context(method), initializer=initializer) as pool:
                for number in range(TASKS):
                    bad = number == 3 and how == "load"
                    futures.append(pool.submit(pool_work.work, pool_work.Unloadable() if bad else number, how))
                for future in futures:
                    future.result()
        found = explain_broken_pool(raised.value)
    assert found is not None
    return found, futures


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("how", ["SIGKILL", "SIGSEGV", "exit"])
def test_a_death_is_told_with_its_task(method: str, how: str) -> None:
    found, futures = broken(method, how)
    told = {"exit": "ended with exit code 7"}.get(how, f"killed by {how}")
    assert [death.how for death in found.deaths] == [told]
    assert [(task.number, task.pid) for task in found.culprits] == [(3, found.deaths[0].pid)]
    assert f"while it ran task 3: work(3, '{how}')" in str(found)
    numbers = [task.number for task in (*found.may_have_run, *found.never_started)]
    assert sorted(numbers) == [n for n, future in enumerate(futures) if future.exception() is not None]
    assert found.finished == len(futures) - len(numbers)
    assert 3 in [task.number for task in found.may_have_run]
    # One each of two workers, and the three of the call queue, which the other may take until it is ended.
    assert len(found.may_have_run) <= 5


@pytest.mark.parametrize("method", METHODS)
def test_an_exception_that_cannot_be_loaded(method: str) -> None:
    found, _ = broken(method, "exception")
    assert found.deaths == ()
    assert found.cannot_load.startswith("exception Refused cannot be loaded: argument why missing")
    assert str(found).startswith("no process died: exception Refused cannot be loaded")
    assert 3 in [task.number for task in found.culprits]


@pytest.mark.parametrize("method", METHODS)
def test_arguments_that_cannot_be_loaded(method: str, capfd: pytest.CaptureFixture[str]) -> None:
    found, _ = broken(method, "load")
    assert "while it loaded task 3: work(Unloadable, 3" in str(found) or "work(Unloadable, 'load')" in str(found)
    assert found.deaths[0].exitcode == 1


def test_an_initializer_that_fails(capfd: pytest.CaptureFixture[str]) -> None:
    found, _ = broken("fork", "", pool_work.fail)
    assert "before it took a task: its initializer failed" in str(found)
    assert (found.finished, found.may_have_run) == (0, ())


def test_an_allocation_that_fails_under_a_limit() -> None:
    found, _ = broken("forkserver", "no memory", pool_work.out_of_space)
    assert found.deaths[0].how == "killed by SIGSEGV"
    assert "limited to 512 MiB" in found.deaths[0].memory


@pytest.mark.parametrize("method", METHODS)
def test_a_worker_with_few_descriptors_loses_none(method: str) -> None:
    """A limit of 256, the default of macOS, is below the number that the journal has elsewhere."""
    context = multiprocessing.get_context(method)
    with watch_pools():
        with pytest.raises(BrokenProcessPool) as raised:
            with ProcessPoolExecutor(1, context, initializer=pool_work.few_descriptors) as pool:
                counts = [pool.submit(pool_work.open_descriptors).result() for _ in range(300)]
                pool.submit(pool_work.open_descriptors, True).result()
        found = explain_broken_pool(raised.value)
    assert len(set(counts)) == 1
    assert found is not None
    assert "while it ran task 300: open_descriptors(True)" in str(found)


def test_the_kernel_killed_for_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert deaths.out_of_memory_count() >= 0
    monkeypatch.setattr(deaths, "out_of_memory_count", lambda: 7)  # that of the whole machine may change meanwhile
    assert "out of memory: meanwhile the kernel killed 1" in memory_evidence(2**22 + 1, -9, 6, -1)
    assert "somebody sent the signal" in memory_evidence(2**22 + 1, -9, 7, -1)
    assert memory_evidence(2**22 + 1, -11, 7, -1) == ""


def test_no_task_comes_between_the_look_and_the_break(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool refuses tasks from the look on: one that it still took would be in neither list."""
    looked, tried, own = threading.Event(), threading.Event(), Recorder()
    terminate = process._ExecutorManagerThread.terminate_broken

    def terminate_later(thread: Any, cause: Any) -> None:
        looked.set()
        tried.wait(60)
        terminate(thread, cause)

    monkeypatch.setattr(process._ExecutorManagerThread, "terminate_broken", own._looking(terminate_later))
    with watch_pools():
        with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            future = pool.submit(pool_work.work, 3, "exit")
            try:
                assert looked.wait(60)
                with pytest.raises(BrokenProcessPool, match=BROKEN):
                    pool.submit(abs, 1)
            finally:
                tried.set()
            assert isinstance(future.exception(60), BrokenProcessPool)
            assert pool._broken == BROKEN  # type: ignore[attr-defined]
        found = own.explain(own.breaks[0])
    assert (found.finished, [task.number for task in found.may_have_run], found.never_started) == (0, [0], ())


class LateWorker:
    """A worker whose exit code is there at the second look only."""

    def __init__(self) -> None:
        self._codes = iter([None])

    @property
    def exitcode(self) -> int | None:
        return next(self._codes, -9)


def test_an_exit_code_that_comes_as_the_deadline_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "REAPING", 0.001)  # shorter than the sleep between two looks
    assert watched._dead({4: LateWorker()}) == {4: -9}


def noted(*tasks: tuple[int, int]) -> list[Took]:
    """The journal's lines of tasks that were begun: number and process of each."""
    return [Took(kind, number, pid, -1) for number, pid in tasks for kind in (TAKEN, BEGUN)]


def test_a_result_that_cannot_be_loaded_may_be_of_any_task_that_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Process 5 sent the bad result of task 3 and took no other since; 4 has sent a good one, which nobody has read."""
    monkeypatch.setattr(journal, "lines", lambda since=0: noted((3, 5), (2, 4), (4, 4)))
    calls = {number: f"work({number})" for number in range(2, 6)}
    seen = Break(0, lambda: None, calls, (), frozenset({4, 5}), 2, {}, "KeyError: 'x'", settled=True)
    found = recorder.explain(seen)
    assert [task.number for task in found.culprits] == [2, 3, 4]  # first the one that has surely been sent
    assert "the task       2 work(2) on process 4 or 3 work(3) on process 5 or 4 work(4)" in str(found)


def test_a_process_with_the_number_of_an_older_one() -> None:
    """The journal is kept for as long as pools are watched, and numbers of processes are used again."""
    with watch_pools():
        with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            assert pool.submit(abs, -1).result() == 1
        before = journal.lines()
        size = journal.size()
        with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            assert pool.submit(pool_work.work, 3, "exit").exception() is not None
        seen = recorder.breaks[-1]
        assert seen.since == size > 0
        assert journal.lines(size) == journal.lines()[len(before) :]
        assert journal.lines(size - 1) == journal.lines(size)  # from within a line, which is left out
        # As if the worker were one of the same number that comes now.
        later = dataclasses.replace(seen, since=journal.size())
        assert [len(recorder.explain(found).may_have_run) for found in (seen, later)] == [1, 0]


def test_an_error_behind_the_error_and_a_pool_that_is_broken_already() -> None:
    with watch_pools(), ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        with pytest.raises(RuntimeError) as raised:
            try:
                pool.submit(pool_work.work, 3, "exit").result()
            except BrokenProcessPool as error:
                raise RuntimeError("the service is down") from error
        with pytest.raises(BrokenProcessPool) as refused:
            pool.submit(abs, 1)
        first, second = explain_broken_pool(raised.value), explain_broken_pool(refused.value)
        assert first is not None and first is second
        assert explain_broken_pool(ValueError()) is None


def test_a_refusal_that_is_asked_about_after_the_pool_has_been_shut_down() -> None:
    """As where a test fails in its `with`: the pool that refused has forgotten its manager by then."""
    with watch_pools():
        with pytest.raises(BrokenProcessPool) as refused:
            with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
                assert pool.submit(pool_work.work, 3, "exit").exception() is not None
                pool.submit(abs, 1)
        found = explain_broken_pool(refused.value)
    assert found is not None
    assert "while it ran task 0: work(3, 'exit')" in str(found)


LEFT_AS_IT_WAS = """
import multiprocessing.pool
from concurrent.futures import process
from multiprocessing.reduction import ForkingPickler
from harness import watch_pools

def now():
    pool, result = multiprocessing.pool.Pool, multiprocessing.pool.ApplyResult
    manager = process._ExecutorManagerThread
    return (manager.terminate_broken, manager.__init__, pool._join_exited_workers, result.__init__,
            process._CallItem in ForkingPickler._extra_reducers)

before = now()
with watch_pools(), watch_pools():
    inside = now()
print(now() == before, inside == before, before[-1], inside[-1], now()[-1])
"""


def test_what_is_watched_is_left_as_it_was() -> None:
    done = subprocess.run([sys.executable, "-c", LEFT_AS_IT_WAS], stdout=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "True False False True False\n")


class DyingWorker:
    """A worker of a ``multiprocessing.Pool`` that lives at the first look and has been killed at every later one."""

    pid = 4

    def __init__(self) -> None:
        self._codes = iter([None])

    @property
    def exitcode(self) -> int | None:
        return next(self._codes, -9)

    def join(self) -> None:
        pass


class Awaited:
    """The result of a task of a ``multiprocessing.Pool``."""

    def __init__(self, job: int) -> None:
        self._job = job


def test_a_worker_that_dies_while_the_pool_looks_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    join: Any = multiprocessing.pool.Pool
    lines = noted((11, 4))
    monkeypatch.setattr(journal, "lines", lambda since=0: lines)
    with watch_pools():
        workers = [DyingWorker()]
        while workers:
            join._join_exited_workers(workers)
        assert "was killed by SIGKILL while it had the task" in lost_task(Awaited(11))
        lines += noted((12, 4))  # of a later worker, which has the number and lives
        assert "was killed by SIGKILL while it had the task" in lost_task(Awaited(11))
        assert lost_task(Awaited(12)) == ""


def test_a_line_that_is_just_being_written() -> None:
    notes = Journal()
    notes._make()
    try:
        Path(notes.path).write_bytes(b"taken 1 4 -1\nbegun 1")
        assert notes.lines() == [Took(TAKEN, 1, 4, -1)]
    finally:
        notes.remove()


def test_two_threads_that_make_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes, make = Journal(), tempfile.mkstemp
    late = [lambda: None, notes._make]  # the second thread comes while the first makes its file

    def mkstemp(**options: Any) -> tuple[int, str]:
        late.pop()()
        return make(dir=tmp_path, **options)

    monkeypatch.setattr(tempfile, "mkstemp", mkstemp)
    notes._make()
    assert [str(path) for path in tmp_path.iterdir()] == [notes.path]
    notes.remove()
    assert list(tmp_path.iterdir()) == []


class Breaking:
    """A future; while it is looked at, another pool breaks."""

    @property
    def _exception(self) -> None:
        recorder.breaks.append(Break(0, lambda: None, {}, (), frozenset(), 0, {}, ""))


def test_a_pool_that_breaks_while_another_is_explained() -> None:
    future: Any = Breaking()
    with watch_pools():
        for _ in range(2):
            recorder.breaks.append(Break(0, lambda: None, {}, (future,), frozenset(), 0, {}, ""))
        assert explain_broken_pool(BrokenProcessPool()) is None


def test_a_task_arrives_as_it_was() -> None:
    with watch_pools():
        item = process._CallItem(0, abs, (-1,), {"a": 1})
        there = ForkingPickler.loads(ForkingPickler.dumps(item))
        assert type(there) is process._CallItem
        assert (type(there.work_id), vars(there)) == (int, vars(item))


def test_the_words() -> None:
    two = "TypeError: Refused.__init__() missing 2 required positional arguments: 'code' and 'why'"
    assert cannot_load(f"Traceback\n  File\n{two}\n").startswith(
        "exception Refused cannot be loaded: arguments code and why missing"
    )
    assert cannot_load("Traceback\nKeyError: 'x'\n") == "a result cannot be loaded: KeyError: 'x'"
    chunk = functools.partial(process._process_chunk, abs)
    assert call_of(chunk, ([(1,), (2,)],)) == "2 x abs"
    assert call_of(chunk, ([(1,)],)) == "abs(1)"
    assert call_of(print, (1, "a" * 99, object())) == "print(1, 'aaaaaaaaaaaa...aaaaaaaaaaaaa', object)"


class Nameless:
    """A function of a user's that cannot even be asked for its name."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_the_words_for_partials_and_for_what_cannot_be_shown() -> None:
    chunk = functools.partial(functools.partial(process._process_chunk, abs), [(1,)])
    assert call_of(chunk, ()) == "abs(1)"
    assert call_of(functools.partial(print, 1), (2,)) == "print(1, 2)"
    several = functools.partial(process._process_chunk, functools.partial(pow, 2))
    assert call_of(several, ([(1,), (2,)],)) == "2 x pow"
    assert call_of(several, ([(3,)],)) == "pow(2, 3)"
    assert call_of(several, ()) == "a call of partial that cannot be shown"
    assert call_of(Nameless(), ()) == "a call of Nameless that cannot be shown"


class Handing(ProcessPoolExecutor):
    """An executor of a user's that hands each task on as a partial."""

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(functools.partial(function, *args, **kwargs))


@pytest.mark.parametrize("chunk", [0, 1, 2], ids=["submit", "map", "map in chunks"])
def test_a_task_that_is_handed_on_as_a_partial(chunk: int) -> None:
    with watch_pools():
        with pytest.raises(BrokenProcessPool) as raised, Handing(1, multiprocessing.get_context("fork")) as pool:
            if chunk:
                list(pool.map(pool_work.work, range(4), ["exit"] * 4, chunksize=chunk))
            else:
                pool.submit(pool_work.work, 3, how="exit").result()
        found = explain_broken_pool(raised.value)
    assert found is not None
    assert [task.call for task in found.culprits] == [("work(3)", "work(3, 'exit')", "2 x work")[chunk]]


TESTS = """
    import multiprocessing, os
    from concurrent.futures import ProcessPoolExecutor
    import pytest

    def label(number):
        if number == 2:
            os.kill(os.getpid(), 9)
        return number

    def test_labels():
        with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            assert list(pool.map(label, range(5))) == [0, 1, 2, 3, 4]

    @pytest.mark.hang_after(5)
    def test_pool_of_multiprocessing():
        with multiprocessing.get_context("fork").Pool(1) as pool:
            pool.map(label, range(5), 1)

    def test_another():
        pass
"""


@pytest.mark.parametrize("options", [(), ("-n2",)], ids=["alone", "xdist"])
def test_the_report_of_a_test(tmp_path: Path, options: tuple[str, ...]) -> None:
    project = Project(tmp_path, {"test_labels.py": TESTS})
    run = project.pytest("--timeout=60", *options)
    assert run.outcomes == {"failed": 2, "passed": 1}
    run.line("^-+ broken pool -+$")
    run.line(r"process \d+ was killed by SIGKILL while it ran task 2: label\(2\)")
    # This pool replaces the worker in silence, and the test would wait for ever.
    run.line(r"a task of a multiprocessing.Pool: process \d+ was killed by SIGKILL while it had the task")
    if not options:
        project.write("pytest.ini", "[pytest]\nexplain_broken_pools = false\n")
        assert "killed by" not in project.pytest("-k", "test_labels").text
