"""The audit as a user of pytest meets it: marker, option, settings, configured targets, and pytest-xdist."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.user_project import Project

SERVICE = """
    import os
    import socket
    import threading

    KEPT = []

    class Service:
        def __init__(self):
            self.total = 0
            self.lock = threading.Lock()

        def record(self):
            with self.lock:
                self.total += 1

    class Leaky(Service):
        def __init__(self):
            super().__init__()
            KEPT.append(socket.socket())

    class Unclosed(Service):
        def __init__(self):
            super().__init__()
            os.dup(0)
"""
TESTS = """
    import os
    import pytest
    from service import KEPT, Leaky, Service

    @pytest.fixture(scope="module")
    def shared():
        yield Leaky()

    @pytest.fixture
    def own():
        read, write = os.pipe()
        yield
        os.close(read)
        os.close(write)

    @pytest.mark.audit
    def test_leaks():
        Leaky()

    @pytest.mark.audit
    def test_uses_what_lives_longer(shared, own):
        Service()

    @pytest.mark.audit(ignore=["socket: *"])
    def test_may_leak():
        Leaky()

    @pytest.mark.audit(settle=0)
    def test_fails_and_leaks():
        Leaky()
        assert False, "its own failure"

    def test_is_not_audited():
        Leaky()
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, {"service.py": SERVICE, "test_service.py": TESTS})


@pytest.mark.parametrize("options", [(), ("-n2",)], ids=["alone", "xdist"])
def test_the_marker(project: Project, options: tuple[str, ...]) -> None:
    run = project.pytest("-rE", *options)
    assert run.outcomes == {"passed": 4, "failed": 1, "errors": 1}
    assert run.returncode == 1
    run.line(r"ERROR test_service.py::test_leaks - .*left behind: socket")
    run.line(r"socket: descriptor \d+")
    run.line(r"made at  service.py:20")
    run.line("Captured left behind teardown")  # the section of the test that failed by itself


def test_the_option_and_the_setting(project: Project) -> None:
    assert project.pytest("--audit").outcomes["errors"] == 2
    project.write("pytest.ini", "[pytest]\naudit = true\naudit_ignore = socket: *\n")
    assert "errors" not in project.pytest().outcomes


def test_a_configured_target(project: Project) -> None:
    targets = """
        [tool.harness.targets.good]
        make = "service:Service"
        call = "record()"
        observe = "total"
        kinds = "hammer"
        audit = true

        [tool.harness.targets.leaky]
        make = "service:Unclosed"
        call = "record()"
        observe = "total"
        kinds = "hammer"
        audit = true
    """
    project.write("pyproject.toml", targets)
    run = project.pytest("-m", "concurrency", "-rE")
    assert run.outcomes["passed"] == 2
    assert run.outcomes["errors"] == 1
    run.line("ERROR pyproject.toml::leaky::hammer.*left behind: file")


POOLS = """
    import multiprocessing, os, subprocess, sys, threading
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    import pytest

    CONTEXT = multiprocessing.get_context(os.environ["METHOD"])
    KEPT = []

    @pytest.fixture(scope="session")
    def threads():
        with ThreadPoolExecutor(2) as pool:
            yield pool

    @pytest.fixture(scope="module")
    def processes():
        with ProcessPoolExecutor(1, CONTEXT) as pool:
            yield pool

    @pytest.fixture(scope="module")
    def replacing():
        with CONTEXT.Pool(1, maxtasksperchild=1) as pool:
            yield pool

    def leave_a_child():
        KEPT.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))

    def test_first(threads, processes, replacing):
        assert threads.submit(abs, -1).result() == processes.submit(abs, -1).result() == 1
        assert replacing.apply(abs, (-1,)) == 1

    def test_second(threads, processes, replacing):
        both = threading.Barrier(2)
        assert {future.result() for future in [threads.submit(both.wait) for _ in range(2)]} == {0, 1}
        assert replacing.apply(abs, (-1,)) == 1

    def test_leaves_threads(threads):
        KEPT.append(ThreadPoolExecutor(1))
        assert KEPT[-1].submit(abs, -1).result() == threads.submit(abs, -1).result()

    def test_leaves_processes(processes):
        KEPT.append(ProcessPoolExecutor(1, CONTEXT))
        assert KEPT[-1].submit(abs, -1).result() == processes.submit(abs, -1).result()

    def test_leaves_a_child_of_a_worker(processes):
        processes.submit(leave_a_child).result()

    def test_leaves_a_task(threads):
        KEPT.append(threading.Event())
        threads.submit(KEPT[-1].wait, 20)

    def test_last(threads):
        KEPT[-1].set()
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", pytest.param("spawn", marks=pytest.mark.long)])
def test_the_workers_of_a_pool_that_lives_longer(tmp_path: Path, method: str) -> None:
    run = Project(tmp_path, {"test_pools.py": POOLS}).pytest("--audit", "-rE", METHOD=method)
    assert run.outcomes == {"passed": 7, "errors": 4}
    run.line("ERROR .*::test_leaves_threads - left behind: thread$")
    run.line("ERROR .*::test_leaves_processes - left behind: .*child.*pipe.*thread$")
    run.line("ERROR .*::test_leaves_a_child_of_a_worker - left behind: child$")
    run.line("ERROR .*::test_leaves_a_task - left behind: pending_future$")


WRONG_MARKERS = """
    import pytest

    @pytest.mark.audit(settel=1)
    def test_name(): pass

    @pytest.mark.audit(3)
    def test_position(): pass

    @pytest.mark.audit(settle="x")
    def test_settle(): pass

    @pytest.mark.audit(ignore="file")
    def test_one_pattern(): pass

    @pytest.mark.audit(ignore=3)
    def test_no_pattern(): pass

    @pytest.mark.audit(settle=0, ignore=["file: *"])
    def test_right(): pass

    def test_unmarked(): pass
"""
PATTERNS = "must be a list of patterns, such as ['file: /tmp/app.log']"


@pytest.mark.once
@pytest.mark.parametrize("options", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_wrong_marker_fails_its_own_test_in_one_line(tmp_path: Path, options: tuple[str, ...]) -> None:
    run = Project(tmp_path, {"test_it.py": WRONG_MARKERS}).pytest("-rE", *options)
    assert (run.returncode, run.outcomes) == (1, {"passed": 2, "errors": 5})
    said = [line for line in run.lines if line.startswith("test_it.py::") and "pytest.mark.audit" in line]
    assert sorted(said) == [
        "test_it.py::test_name: pytest.mark.audit takes settle=SECONDS and ignore=[PATTERNS] only, not settel",
        f"test_it.py::test_no_pattern: pytest.mark.audit: ignore=3: {PATTERNS}",
        f"test_it.py::test_one_pattern: pytest.mark.audit: ignore='file': {PATTERNS}",
        "test_it.py::test_position: pytest.mark.audit takes settle=SECONDS and ignore=[PATTERNS] only, not 3",
        "test_it.py::test_settle: pytest.mark.audit: settle='x': must be a number of seconds, 0 or more",
    ]
    assert "KeyError" not in run.text and "harness/" not in run.text
