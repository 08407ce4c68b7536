"""The probe where users meet it: public names, the fixture's line in the terminal, the command of the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import harness

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("name", ["probe_pickle", "probe_submit", "PickleReport", "captures", "watch_submissions"])
def test_the_public_names_are_exported(name: str) -> None:
    assert name in harness.__all__
    assert getattr(harness, name)


def test_each_probe_of_the_fixture_has_a_line_under_concurrency(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_sent="""
        import threading
        from concurrent.futures import ThreadPoolExecutor

        import pytest

        pytestmark = pytest.mark.concurrency

        def test_good(pickle_probe):
            pickle_probe.check({"a": [1]})

        def test_bad(pickle_probe):
            pickle_probe.check([threading.Lock()], start_method="spawn", fixes=False)

        def test_threads(pickle_probe):
            with ThreadPoolExecutor(1) as pool:
                pickle_probe.check_submit(pool, threading.Lock().acquire)

        def test_captured(pickle_probe):
            (held,) = pickle_probe.captures(lambda value={}: value)
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-m", "concurrency")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*= concurrency =*"])
    result.stdout.fnmatch_lines_random([
        "*test_sent.py::test_good: PASS: obj by process-pool under *: ? objects, loaded in a worker",
        "*test_sent.py::test_bad: FAIL: obj by process-pool under spawn: obj?0? at test_sent.py:12, *_thread.lock*",
        "*test_sent.py::test_threads: PASS: ThreadPoolExecutor.submit: threads pickle nothing",
        "*test_sent.py::test_captured: captures of fn: value (default fn.__defaults__?0?, dict, * bytes)",
        "   is       _thread.lock  <unlocked _thread.lock object>",
    ])  # fmt: skip
    assert "checking.py" not in result.stdout.str()


def test_a_worker_s_own_lock_is_no_change_of_state(pytester: pytest.Pytester) -> None:
    """The harness replaces locks here and not in the worker; what a class makes again must compare as the same."""
    pytester.makepyfile(
        remade="""
        import queue
        import threading

        class Remade:
            def __init__(self):
                self.lock, self.again, self.jobs = threading.Lock(), threading.RLock(), queue.SimpleQueue()

            def __getstate__(self):
                return {}

            def __setstate__(self, state):
                self.__init__()
        """,
        test_remade="""
        import pytest
        from remade import Remade

        @pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
        def test_remade(pickle_probe, method):
            pickle_probe.check(Remade(), start_method=method)
        """,
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=3)


def test_the_command_of_the_package_probes() -> None:
    command = [sys.executable, "-c", "from harness.cli import main; main()", "pickle", "tests.probes.test_report:BAD"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert "1. obj['lock']" in done.stdout
