"""The pytest plugin of the gate: writes each scenario's outcome and the line of its race as JSON lines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.model import InconclusiveError, UsageError
from harness.schedule import Witness

PROPERTY = "concurrency"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("concurrency").addoption("--gate-record", metavar="PATH", help="write outcomes as JSON lines")


OUTCOME = "gate outcome"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Tell what could not be concluded from what failed; pytest calls both a failure."""
    report: Any = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, InconclusiveError):
        report.user_properties.append((OUTCOME, "inconclusive"))
    return report  # type: ignore[no-any-return]


class Recorder:
    """Appends one line for each test that has an outcome."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path, self.root = path, root

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        file, line, _ = report.location
        entry: dict[str, Any] = {
            "name": report.nodeid, "outcome": report.outcome, "file": file, "line": (line or 0) + 1,
            "kind": "", "message": "",
            "said": [str(text) for name, text in report.user_properties if name == PROPERTY],
        }  # fmt: skip
        if (OUTCOME, "inconclusive") in map(tuple, report.user_properties):
            message = entry["said"][-1] if entry["said"] else ""
            entry.update(outcome="inconclusive", kind="inconclusive", message=message)
        elif report.failed:
            entry.update(self._failure(report))
        elif isinstance(report.longrepr, tuple):
            entry["message"] = str(report.longrepr[2])
        with self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(entry) + "\n")

    def _failure(self, report: pytest.TestReport) -> dict[str, Any]:
        witness = self._witness(report.nodeid)
        if witness is None:
            text = " ".join(str(report.longrepr).split())
            said = [str(text) for name, text in report.user_properties if name == PROPERTY]
            return {"kind": "failure", "message": said[-1] if said else text[-300:]}
        found: dict[str, Any] = {"kind": str(witness.kind), "message": witness.message}
        places = [decision.place for decision in witness.decisions if decision.place is not None]
        preempted = [d.place for d in witness.decisions if d.why == "preempt" and d.place is not None]
        place = next((place for place in [*preempted, *places] if place.file), None)
        if place is not None:
            found["file"] = os.path.relpath(self.root / place.file, self.root)
            found["line"] = place.line
        return found

    def _witness(self, nodeid: str) -> Witness | None:
        """The record that the plugin stored for the test's last exploration that failed."""
        found = []
        for path in (self.root / ".harness").glob("*.json"):
            try:
                witness = Witness.load(path)
            except UsageError:
                continue
            if witness.scenario.rpartition("#")[0] == nodeid:
                found.append((path.stat().st_mtime_ns, witness.scenario, witness))
        return max(found, key=lambda entry: entry[:2])[2] if found else None


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--gate-record")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(path), config.rootpath))
