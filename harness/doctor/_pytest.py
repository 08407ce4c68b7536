"""The hang doctor in pytest: the deadline of a test, its failure, and what would outlast the interpreter."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import shutil
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Generator
from typing import Any

import pytest

from harness.audit.holding import holding
from harness.audit.markers import MarkerCheck
from harness.audit.observe import Process, children
from harness.doctor.broken import explain_broken_pool, recorder
from harness.doctor.children import arming
from harness.doctor.leaving import Outlasting, outlasting, see_off
from harness.doctor.watch import Hung, Watchdog
from harness.model import one_line

MARKER = (
    "hang_after(seconds): a test that does not end within so many seconds is diagnosed, freed and fails; the guilty "
    "processes, and only those that it started, are ended; 0: never"
)
SETTING = "hang_after"
HANGS = "harness_hangs"
ENDING = 30.0
"""The interpreter has at least so long to end: a deadline that suits a test may be too short for it."""


def add_options(parser: pytest.Parser, group: Any) -> None:
    """The option and the setting."""
    group.addoption("--hang-after", type=float, metavar="S",
                    help="diagnose, free and fail every test that does not end within S seconds")  # fmt: skip
    parser.addini(SETTING, "diagnose, free and fail every test that does not end within so many seconds", default="")
    parser.addini("explain_broken_pools", "say why a process pool broke", type="bool", default=True)


class DoctorPlugin:
    """Watches each phase of each test that has a deadline, and the end of the run."""

    def __init__(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", MARKER)
        config.pluginmanager.register(MarkerCheck(self._marked), "harness-doctor-marker")
        self._config = config
        self._default = _seconds(config.getoption("--hang-after"), config.getini(SETTING))
        # The true standard error: capturing has not begun, or is suspended, while plugins are configured.
        self._stderr = os.dup(2)
        self._doctor: Watchdog | None = None
        self._first: set[Process] | None = None
        self._owners: dict[object, tuple[str, Any, float]] = {}
        self._known: set[Process] = set()
        self._until = 0.0
        self._longest = ENDING
        self._hung: tuple[threading.Thread, ...] = ()

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):
            os.write(self._stderr, f"\n{text}\n".encode("utf-8", "replace"))

    def _ready(self) -> Watchdog:
        if self._doctor is None:
            folder = tempfile.mkdtemp(prefix="harness-doctor-")
            self._doctor = Watchdog(folder, self._say)
            self._first = set(children())
            arming.install(folder)
            holding.install()
            _around_forks(self._doctor)
        return self._doctor

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        seconds = self._deadline(item)
        if seconds:
            self._ready()
            self._known = set(children())
            threads = weakref.WeakSet(threading.enumerate())
            self._until = time.monotonic() + seconds
            self._longest = max(self._longest, seconds)
        result = yield
        if seconds:
            owner = (item.nodeid, item.location, self._until)
            for key in children():
                if key not in self._known:
                    self._owners[key[0]] = owner
            for thread in threading.enumerate():
                if thread not in threads:
                    self._owners[thread] = owner
        return result

    def _deadline(self, item: pytest.Item) -> float:
        """How long a test has; one whose marker is wrong is not run, and needs no deadline."""
        with contextlib.suppress(pytest.UsageError):
            return self._marked(item)
        return 0.0

    def _marked(self, item: pytest.Item) -> float:
        marker = item.get_closest_marker("hang_after")
        if marker is None:
            return self._default
        values = [*marker.args, *marker.kwargs.values()]
        if len(values) != 1 or set(marker.kwargs) - {"seconds"}:
            raise pytest.UsageError(
                f"{item.nodeid}: pytest.mark.hang_after takes one number of seconds, such as hang_after(60), "
                f"not {_arguments(marker)}"
            )
        return _seconds(values[0], "", f"{item.nodeid}: pytest.mark.hang_after")

    def _phase(self, item: pytest.Item, phase: str) -> Generator[None, Any, Any]:
        seconds = self._deadline(item)
        if not seconds or threading.current_thread() is not threading.main_thread():
            return (yield)
        # The phases share one deadline; a teardown has at least half a second, and all of it after a hang.
        left = self._until - time.monotonic()
        with self._ready().watch(f"{item.nodeid} ({phase})", seconds, self._known) as watched:
            watched.until = time.monotonic() + (left if phase != "teardown" or left > 0.5 else seconds)
            arming.until = watched.until
            error: BaseException | None = None
            result = None
            try:
                result = yield
            except BaseException as raised:
                error = raised
        if watched.report:
            freed = f"\n\nfreed, it raised {one_line(error)}" if error and not isinstance(error, Hung) else ""
            raise pytest.fail.Exception(watched.report + freed, pytrace=False) from None
        if error is not None:
            raise error
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        return (yield from self._phase(item, "setup"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        return (yield from self._phase(item, "call"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        return (yield from self._phase(item, "teardown"))

    def pytest_enter_pdb(self) -> None:
        if self._doctor is not None:
            self._doctor.forget()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the tests whose pools, threads, children or queues would keep the interpreter from ending."""
        if self._doctor is None:
            return
        found = self._see_off(self._doctor.folder)
        if found is None:
            return
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput[HANGS] = [found]
        else:
            _fail(self._config, found)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _see_off(self, folder: str) -> tuple[str, Any, str] | None:
        left = outlasting()
        owners = [self._owners[key] for key in (*left.threads, *left.pids) if key in self._owners]
        if not owners:
            return None
        # Its own deadline, or what is left of it: it began when the test did.
        wait = max(0.0, max(until for _, _, until in owners) - time.monotonic())
        seen = see_off(wait, self._first or set(), folder)
        if seen is None:
            return None
        text, left = seen
        self._hung = tuple(thread for thread in left.threads if thread in self._owners)
        known = [self._owners[key] for key in (*left.threads, *left.pids) if key in self._owners]
        nodeid, location, _ = (known or owners)[0]
        self._say(f"hung: {nodeid}: {text}")
        return nodeid, location, text

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        for found in (getattr(node, "workeroutput", None) or {}).get(HANGS, ()):
            _fail(self._config, found)

    def pytest_unconfigure(self) -> None:
        if self._doctor is not None:
            _guard_the_end(self._stderr, outlasting(), self._hung, self._longest)
            self._doctor.stop()
            arming.uninstall()
            holding.uninstall()
            shutil.rmtree(self._doctor.folder, ignore_errors=True)
            self._doctor = None


class BrokenPools:
    """Says in the report of a test why the process pool broke that its error tells of."""

    def __init__(self, config: pytest.Config) -> None:
        self._on = bool(config.getini("explain_broken_pools"))
        if self._on:
            recorder.install()

    def pytest_unconfigure(self) -> None:
        if self._on:
            self._on = False
            recorder.uninstall()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        report = yield
        if self._on and call.excinfo is not None:
            found = explain_broken_pool(call.excinfo.value)
            if found is not None:
                report.sections.append(("broken pool", str(found)))
        return report


_forking: list[Watchdog] = []


def _around_forks(doctor: Watchdog) -> None:
    """Tell the doctor of forks. What is registered stays: it is registered once, and asks who is there."""

    def before() -> None:
        for one in _forking:
            one.before_fork()

    def after() -> None:
        for one in _forking:
            one.after_fork()

    if not _forking:
        os.register_at_fork(before=before, after_in_parent=after)
    _forking[:] = [doctor]


def _fail(config: pytest.Config, found: tuple[str, Any, str]) -> None:
    nodeid, location, text = found
    report = pytest.TestReport(
        nodeid=nodeid, location=tuple(location), keywords={}, outcome="failed", longrepr=text, when="teardown"
    )
    config.hook.pytest_runtest_logreport(report=report)


def _guard_the_end(stderr: int, left: Outlasting, hung: tuple[threading.Thread, ...], seconds: float) -> None:
    """Threads cannot be ended: if some that hang are still there, the interpreter does not wait for them.

    Other threads, and whatever else may keep it from ending, have ``seconds``; then it is ended too, with the stacks
    of all threads where no thread is known to hang.
    """
    known = [thread for thread in left.threads if not hasattr(thread, "pending_work_items")]
    register = getattr(threading, "_register_atexit", None)
    if register is None:
        return

    def remaining() -> list[threading.Thread]:
        return [thread for thread in outlasting().threads if thread in known]

    def leave() -> None:
        until = time.monotonic() + seconds
        while any(thread not in hung for thread in remaining()) and time.monotonic() < until:
            time.sleep(0.02)
        if not remaining():
            faulthandler.dump_traceback_later(seconds, exit=True, file=stderr)
            return
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os.write(stderr, b"hang doctor: the interpreter is ended without waiting for threads that hang\n")
        os._exit(1)

    with contextlib.suppress(RuntimeError):
        register(leave)


def _arguments(marker: pytest.Mark) -> str:
    shown = [*map(repr, marker.args), *(f"{name}={value!r}" for name, value in marker.kwargs.items())]
    return f"({', '.join(shown)})"


def _seconds(option: Any, setting: str, source: str = "--hang-after") -> float:
    value: Any = option
    if value is None and setting:
        value, source = setting, SETTING
    try:
        seconds = float(value or 0)
    except (TypeError, ValueError):
        seconds = -1
    if not 0 <= seconds < float("inf"):
        raise pytest.UsageError(f"{source}: must be a number of seconds, 0 for never, not {value!r}")
    return seconds
