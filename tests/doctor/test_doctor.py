"""A hang ends: the test fails and says why, the guilty process is ended and no other, the next test runs."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from harness.doctor.children import SOURCE, _arm, _written, stacks
from harness.doctor.watch import Watchdog
from tests.doctor.hanging import TESTS
from tests.end_to_end.user_project import Project, Run

SHAPES = ("test_exit_inside_with", "test_blocked_in_c", "test_queue_feeder", "test_interpreter_exit")
TOO_LONG = "--timeout=60"  # pytest-timeout, which ends the whole run if the doctor does not end the hang


def said_of(run: Run, test: str) -> str:
    """The report of one test."""
    found = re.search(rf"^_+ .*{test} _+$(.*?)(?=^_{{3,}} |^={{3,}} )", run.text, re.M | re.S)
    assert found, run.text
    return found[1]


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("fork", ()),
        ("spawn", ("-n2",)),
        pytest.param("spawn", (), marks=pytest.mark.long),
        pytest.param("forkserver", (), marks=pytest.mark.long),
        pytest.param("fork", ("-n2",), marks=pytest.mark.long),
    ],
)
def test_four_shapes_of_hanging_pools(tmp_path: Path, method: str, options: tuple[str, ...]) -> None:
    run = Project(tmp_path, {"test_pools.py": TESTS}).pytest(TOO_LONG, "-rEF", *options, METHOD=method)
    assert run.returncode == 1
    # The test that only leaves a hung pool has passed when it ended: its error comes with the end of the run.
    assert run.outcomes == {"failed": 3, "passed": 6, "errors": 1}
    for shape in SHAPES:
        run.line(rf"(FAILED|ERROR) .*{shape} - ")
    assert "the guilty line" in said_of(run, "test_exit_inside_with")
    # Elsewhere the second worker is not started before it is needed.
    assert ("idle      waits for work" in said_of(run, "test_exit_inside_with")) is (method == "fork")
    assert "the blocked line" in said_of(run, "test_blocked_in_c")
    assert "signals blocked" in said_of(run, "test_blocked_in_c")
    assert "read what it put into a multiprocessing.Queue" in said_of(run, "test_queue_feeder")
    assert "the guilty line" in said_of(run, "test_interpreter_exit")
    for shape in SHAPES:
        ended = re.findall(r"^ended +process (\d+)$", said_of(run, shape), re.M)
        assert len(ended) == 1, shape
        assert not psutil.pid_exists(int(ended[0]))


NO_PROCESS = """
    import asyncio, queue, threading
    from concurrent.futures import Future, ThreadPoolExecutor
    import pytest

    LOCK = threading.Lock()

    @pytest.mark.hang_after(2)
    def test_deadlock():
        LOCK.acquire()
        LOCK.acquire()

    @pytest.mark.hang_after(2)
    def test_holder():
        taken, go = threading.Event(), threading.Event()
        lock = threading.Lock()
        def hold():
            with lock:
                taken.set()
                go.wait(20)
        thread = threading.Thread(target=hold, name="holder")
        thread.start()
        taken.wait()
        try:
            with lock:
                pass
        finally:
            go.set()
            thread.join()

    @pytest.mark.hang_after(2)
    def test_future():
        Future().result()

    @pytest.mark.hang_after(2)
    def test_thread_pool():
        go = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            try:
                pool.submit(go.wait, 20).result()
            finally:
                go.set()

    @pytest.mark.hang_after(2)
    def test_queue():
        queue.Queue().get()

    @pytest.mark.hang_after(2)
    def test_loop():
        asyncio.run(asyncio.sleep(20))

    @pytest.mark.hang_after(2)
    def test_loops_in_python():
        while True:
            try:
                pass
            except Exception:
                pass

    @pytest.fixture
    def slow():
        yield
        threading.Event().wait()

    @pytest.mark.hang_after(2)
    def test_teardown(slow):
        pass

    @pytest.mark.hang_after(30)
    def test_in_time():
        pass

    def test_without():
        pass
"""


def test_hangs_without_a_process(tmp_path: Path) -> None:
    run = Project(tmp_path, {"test_threads.py": NO_PROCESS}).pytest(TOO_LONG, "-rEF", "-W", "error")
    assert run.outcomes == {"failed": 7, "passed": 3, "errors": 1}
    assert "waits for a lock that MainThread took at test_threads.py:10" in said_of(run, "test_deadlock")
    assert "waits for a lock that holder took at test_threads.py:18" in said_of(run, "test_holder")
    assert "thread holder\n  at        test_threads.py:20" in said_of(run, "test_holder")
    assert "waits for the result of a future that nobody works on" in said_of(run, "test_future")
    assert "a task that runs on thread ThreadPoolExecutor-" in said_of(run, "test_thread_pool")
    assert "a Queue: nobody puts or gets anything" in said_of(run, "test_queue")
    assert "the tasks of an event loop" in said_of(run, "test_loop")
    assert "(teardown) did not end within 2 s" in said_of(run, "test_teardown")


FEW_DESCRIPTORS = """
    import multiprocessing, resource, time
    import pytest

    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))

    def sleep_on():
        time.sleep(300)  # the guilty line

    @pytest.mark.hang_after(3)
    def test_child():
        child = multiprocessing.get_context("fork").Process(target=sleep_on)
        child.start()
        child.join()
"""


def test_a_child_with_few_descriptors_tells_where_it_stands(tmp_path: Path) -> None:
    run = Project(tmp_path, {"test_few.py": FEW_DESCRIPTORS}).pytest(TOO_LONG)
    assert run.outcomes == {"failed": 1}
    assert re.search("at .*the guilty line", said_of(run, "test_child"))


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("", False),
        ("Timeout (0:00:01)!\nThread 0x00007f (most recent call first):\n", False),
        ('Thread 0x00007f (most recent call first):\n  File "pool.py", line 3 in _bootstrap\n\n', False),
        ('Thread 0x00007f (most recent call first):\n  File "it.py", line 3 in <module>', False),
        ('Thread 0x00007f (most recent call first):\n  File "it.py", line 3 in <module>\n', True),
        ('Thread 0x00007f (most recent call first):\n  File "it.py", line 3 in run\n  ...\n', True),
    ],
)
def test_a_half_written_stack_is_waited_for(tmp_path: Path, text: str, complete: bool) -> None:
    (tmp_path / str(os.getpid())).write_text(text)
    assert _written(str(tmp_path), os.getpid()) is complete


def pause(folder: str) -> None:
    _arm(folder, time.monotonic() + 0.1)
    signal.pause()


def test_a_whole_stack_is_known_and_nobody_waits_for_one_who_has_ended(tmp_path: Path) -> None:
    child = multiprocessing.get_context("fork").Process(target=pause, args=(str(tmp_path),))
    child.start()
    file = tmp_path / str(child.pid)
    until = time.monotonic() + 60
    assert child.pid is not None
    while not (file.exists() and _written(str(tmp_path), child.pid)):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert child.is_alive()
    assert stacks(str(tmp_path), child.pid)[-1][0].function == "pause"
    file.write_text("")
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert _written(str(tmp_path), child.pid)
    child.join()


def test_a_process_does_not_tell_the_stacks_of_an_older_one_with_its_number(tmp_path: Path) -> None:
    code = f"""{SOURCE}
import os, time
file = os.path.join({str(tmp_path)!r}, str(os.getpid()))
open(file, "w").write("of another")
arm({str(tmp_path)!r}, time.monotonic() + 3600)
print(os.path.getsize(file))
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60) == "0\n"


FORKS = """
    import os, threading
    import pytest
    from harness.doctor import watch

    LOOKING = threading.Event()
    DIAGNOSE = watch.diagnose

    def diagnose(*args, **named):
        # The deadline has come; from here on the main thread forks, and waits for this thread to end.
        LOOKING.set()
        while not DOCTOR[-1]._stopped:
            pass
        watch.diagnose = DIAGNOSE
        return DIAGNOSE(*args, **named)

    DOCTOR = []

    @pytest.mark.hang_after(2)
    def test_forks_at_its_deadline(monkeypatch):
        from harness.doctor import _pytest
        DOCTOR.append(_pytest._forking[0])
        monkeypatch.setattr(watch, "diagnose", diagnose)
        LOOKING.wait()
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        threading.Event().wait()

    def test_runs():
        pass
"""


def test_a_deadline_amid_a_fork(tmp_path: Path) -> None:
    run = Project(tmp_path, {"test_forks.py": FORKS}).pytest(TOO_LONG, "-rEF")
    assert run.outcomes == {"failed": 1, "passed": 1}
    assert "did not end within 2 s" in said_of(run, "test_forks_at_its_deadline")
    assert "Exception ignored" not in run.text


def test_a_doctor_whose_thread_has_ended_begins_anew(tmp_path: Path) -> None:
    said: list[str] = []
    doctor = Watchdog(str(tmp_path), said.append)
    ended = threading.Thread()
    ended.start()
    ended.join()
    doctor._thread = ended
    with doctor.watch("this", 0.1, set()) as watched:
        time.sleep(60)
    doctor.stop()
    assert "this did not end within 0.1 s" in watched.report


LEFT = """
    import multiprocessing, threading
    import pytest

    KEPT = []

    @pytest.mark.hang_after(2)
    def test_feeder_of_its_own():
        items = multiprocessing.Queue()
        items.put(b"x" * 1_000_000)
        KEPT.append(items)

    def test_runs():
        pass
"""


def test_a_queue_of_its_own_that_nobody_reads(tmp_path: Path) -> None:
    run = Project(tmp_path, {"test_left.py": LEFT}).pytest(TOO_LONG, "-rE")
    assert (run.returncode, run.outcomes) == (1, {"passed": 2, "errors": 1})
    assert "its pipe is full" in said_of(run, "test_feeder_of_its_own")


LEFT_THREAD = """
    import threading
    import pytest

    @pytest.mark.hang_after(2)
    def test_thread():
        threading.Thread(target=threading.Event().wait, name="endless").start()

    def test_runs():
        pass
"""


def test_a_thread_that_never_ends(tmp_path: Path) -> None:
    run = Project(tmp_path, {"test_left.py": LEFT_THREAD}).pytest(TOO_LONG, "-rE")
    assert (run.returncode, run.outcomes) == (1, {"passed": 2, "errors": 1})
    assert "thread endless" in said_of(run, "test_thread")
    run.line("the interpreter is ended without waiting for threads that hang")


TAKES_ITS_TIME = """
    import atexit, threading, time
    import pytest

    @pytest.mark.hang_after(0.5)
    def test_in_time():
        atexit.register(time.sleep, 2)

    def ends_by_itself():
        while not threading._SHUTTING_DOWN:
            time.sleep(0.01)
        time.sleep(1)
        print("it has ended")

    def test_a_thread_that_ends_by_itself():
        threading.Thread(target=ends_by_itself).start()
"""


def test_an_end_that_takes_longer_than_a_test_may(tmp_path: Path) -> None:
    run = Project(tmp_path, {"test_end.py": TAKES_ITS_TIME}).pytest(TOO_LONG)
    assert (run.returncode, run.outcomes) == (0, {"passed": 2}), run.text
    run.line("^it has ended$")


NEVER_FREED = """
    import multiprocessing, time
    from concurrent.futures import ProcessPoolExecutor
    import pytest
    from harness.doctor import watch

    watch.LAST_RESORT = 0.5

    @pytest.mark.hang_after(5)
    def test_swallows_everything():
        with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            assert pool.submit(abs, -1).result() == 1
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
"""


@pytest.mark.once
def test_an_interpreter_that_is_ended_leaves_no_files(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    run = Project(tmp_path, {"test_never.py": NEVER_FREED}).pytest(TOO_LONG, "-s", TMPDIR=str(folder))
    assert run.returncode == 1
    run.line("could not be freed; the interpreter is ended with exit code 1")
    assert [path.name for path in folder.iterdir()] == []


FINE = """
    import multiprocessing, os, signal, threading
    from concurrent.futures import ProcessPoolExecutor
    import pytest

    POOL = []

    @pytest.mark.parametrize("again", range(3))
    def test_pools_that_end(again):
        with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
            assert list(pool.map(abs, [-1, -2])) == [1, 2]

    def test_a_pool_for_later():
        POOL.append(ProcessPoolExecutor(1, multiprocessing.get_context("fork")))
        assert POOL[0].submit(abs, -3).result() == 3

    def test_the_same_pool():
        assert POOL[0].submit(abs, -4).result() == 4

    def test_no_hook_is_in_the_way():
        assert threading.Lock.__module__.startswith("harness")
"""


def test_what_does_not_hang_is_left_alone(tmp_path: Path) -> None:
    """No warning either: of a fork beside another thread, which 3.12 and later warn of."""
    run = Project(tmp_path, {"test_fine.py": FINE}).pytest("--hang-after=20", "-W", "error")
    assert (run.returncode, run.outcomes) == (0, {"passed": 6})
    assert "hung" not in run.text


@pytest.mark.parametrize("wrong", ["-1", pytest.param("nan", marks=pytest.mark.long)])
def test_a_wrong_deadline_is_one_line(tmp_path: Path, wrong: str) -> None:
    project = Project(tmp_path, {"test_it.py": "def test_it(): pass\n"})
    run = project.pytest(f"--hang-after={wrong}")
    assert run.returncode == 4
    run.line("ERROR: --hang-after: must be a number of seconds")
    project.write("pytest.ini", f"[pytest]\nhang_after = {wrong}\n")
    project.pytest().line("ERROR: hang_after: must be a number of seconds")


WRONG_MARKERS = """
    import pytest

    @pytest.mark.hang_after("soon")
    def test_word(): pass

    @pytest.mark.hang_after(-1)
    def test_negative(): pass

    @pytest.mark.hang_after(1, late=2)
    def test_two(): pass

    @pytest.mark.hang_after()
    def test_none(): pass

    @pytest.mark.hang_after(60)
    def test_right(): pass

    def test_unmarked(): pass
"""
MARKER = "pytest.mark.hang_after"


@pytest.mark.once
@pytest.mark.parametrize("options", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_wrong_marker_fails_its_own_test_in_one_line(tmp_path: Path, options: tuple[str, ...]) -> None:
    run = Project(tmp_path, {"test_it.py": WRONG_MARKERS}).pytest("-rE", *options)
    assert (run.returncode, run.outcomes) == (1, {"passed": 2, "errors": 4})
    said = [line for line in run.lines if line.startswith("test_it.py::") and MARKER in line]
    assert sorted(said) == [
        f"test_it.py::test_negative: {MARKER}: must be a number of seconds, 0 for never, not -1",
        f"test_it.py::test_none: {MARKER} takes one number of seconds, such as hang_after(60), not ()",
        f"test_it.py::test_two: {MARKER} takes one number of seconds, such as hang_after(60), not (1, late=2)",
        f"test_it.py::test_word: {MARKER}: must be a number of seconds, 0 for never, not 'soon'",
    ]
    assert "Traceback" not in run.text and "harness/" not in run.text
