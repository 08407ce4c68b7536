"""The audit in pytest: the marker, the option, and the hooks round a test."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

import pytest

from harness.audit.audit import SETTLE, LeakAudit, patterns
from harness.audit.leaks import Leak, LeaksFound, report
from harness.audit.markers import MarkerCheck
from harness.model import UsageError

MARKER = (
    "audit(settle=1.0, ignore=[]): the test must leave nothing behind: threads, descriptors, processes, files, locks, "
    "tasks, or exceptions that nobody asked for"
)
ACTIVE = pytest.StashKey[LeakAudit]()
FAILED = pytest.StashKey[bool]()


def add_options(parser: pytest.Parser, group: Any) -> None:
    """The option and the settings."""
    group.addoption("--audit", action="store_true", help="audit every test: what does it leave behind?")
    parser.addini("audit", "audit every test, as --audit does", type="bool", default=False)
    parser.addini("audit_ignore", "patterns of what may be left behind, such as 'file: */app.log'", type="linelist")


class AuditPlugin:
    """Round each test that is audited: a look before its setup and one after its teardown."""

    def __init__(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", MARKER)
        config.pluginmanager.register(MarkerCheck(self._wanted), "harness-audit-marker")
        self._every = bool(config.getoption("--audit") or config.getini("audit"))
        self._ignore = tuple(config.getini("audit_ignore"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        audit = None
        with contextlib.suppress(pytest.UsageError):  # a wrong marker: the test fails further in
            audit = self._wanted(item)
        if audit is not None:
            audit.start()
            item.stash[ACTIVE] = audit
        return (yield)

    def _wanted(self, item: pytest.Item) -> LeakAudit | None:
        marker = item.get_closest_marker("audit")
        if marker is None:
            return LeakAudit(ignore=self._ignore) if self._every else None
        unknown = {*marker.kwargs} - {"settle", "ignore"}
        if marker.args or unknown:
            wrong = ", ".join([*map(repr, marker.args), *sorted(unknown)])
            raise pytest.UsageError(
                f"{item.nodeid}: pytest.mark.audit takes settle=SECONDS and ignore=[PATTERNS] only, not {wrong}"
            )
        try:
            ignore = (*self._ignore, *patterns(marker.kwargs.get("ignore", ())))
            return LeakAudit(settle=marker.kwargs.get("settle", SETTLE), ignore=ignore)
        except UsageError as error:
            raise pytest.UsageError(f"{item.nodeid}: pytest.mark.audit: {error}") from error

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        try:
            result = yield
        except BaseException:
            self._finish(item)
            raise
        leaks = self._finish(item)
        if leaks:
            raise LeaksFound(leaks)
        return result

    def _finish(self, item: pytest.Item) -> tuple[Leak, ...]:
        """What the test left behind; for a test that has failed already, as a section of its report only."""
        audit = item.stash.get(ACTIVE, None)
        if audit is None:
            return ()
        del item.stash[ACTIVE]
        leaks = audit.finish()
        failed: bool = item.stash.get(FAILED, False)
        if leaks and failed:
            item.add_report_section("teardown", "left behind", report(leaks))
            return ()
        return leaks

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        made: Any = yield
        if made.failed:
            item.stash[FAILED] = True
        return made

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Generator[None, Any, Any]:
        """What a fixture of a longer life makes may outlive the test that happened to need it first."""
        item = request._pyfuncitem if fixturedef.scope != "function" else None
        audit = item.stash.get(ACTIVE, None) if item is not None else None
        with audit.exempt() if audit is not None else contextlib.nullcontext():
            return (yield)
