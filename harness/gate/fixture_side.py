"""A user's pytest-benchmark test as one side of a pair: run by pytest, through its own fixture, in this process.

pytest-benchmark measures first, as it would, and writes its JSON; then the function it was given is run in slices while
the test's fixtures are still set up. It knows nothing of the gate.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.gate.side import Session
from harness.model import UsageError

# Plugins that only cost time here: hypothesis' takes a second of each process, and tests with @given run without it.
BLOCKED = ("xdist", "harness", "hypothesispytest", "cacheprovider")
OPTIONS = ("-q", *(word for name in BLOCKED for word in ("-p", f"no:{name}")), "-o", "addopts=", "-W", "default")


COLLECTED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


class _Collected:
    """Lists the tests that use the fixture."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self.problems: list[dict[str, Any]] = []

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "concurrency: a scenario of the harness")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if "benchmark" in getattr(item, "fixturenames", ()):
                path, line, _ = item.location
                self.found.append({"kind": "fixture", "name": item.nodeid, "file": path, "line": (line or 0) + 1})

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            last = str(report.longrepr).strip().splitlines()[-1].removeprefix("E").strip()
            self.problems.append({"file": report.nodeid, "error": last})


class _Serve(_Collected):
    """Lets the fixture measure, then runs the slices while the test's other fixtures are still set up."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.served = self.skipped = False
        self.error = ""
        self.raised: BaseException | None = None

    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        if call.excinfo is not None and self.raised is None:
            self.raised = call.excinfo.value.__cause__ or call.excinfo.value

    def install(self) -> None:
        from pytest_benchmark import fixture as pytest_benchmark_fixture

        measured: Any = pytest_benchmark_fixture.BenchmarkFixture
        raw, pedantic = measured._raw, measured._raw_pedantic

        def measure(fixture: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            raw(fixture, function, *args, **kwargs)
            return self.serve(lambda: function(*args, **kwargs))

        def measure_pedantic(fixture: Any, target: Any, args: Any = (), kwargs: Any = None, **rest: Any) -> Any:
            if rest.get("setup") is not None:
                raise UsageError(
                    "benchmark.pedantic(setup=...) cannot be gated: its setup would be measured; "
                    "move the setup into a fixture"
                )
            pedantic(fixture, target, args, kwargs or {}, **rest)
            return self.serve(lambda: target(*args, **(kwargs or {})))

        measured._raw, measured._raw_pedantic = measure, measure_pedantic

    def serve(self, function: Callable[[], Any]) -> Any:
        def run(calls: int) -> Any:
            for _ in range(calls - 1):
                function()
            return function()

        self.served = True
        return self.session.serve(run, 1, True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if (report.failed or report.skipped) and not self.error:
            self.skipped = report.skipped
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.error = reason.strip().splitlines()[-1]


class Skipped(Exception):
    """pytest skipped the benchmark."""


def run(session: Session) -> dict[str, Any]:
    """Serve the slices of one test; what pytest-benchmark's own JSON says of it. Or list the tests of some files."""
    request = session.request
    if request["kind"] == "collect":
        listed = _Collected()
        words = [*OPTIONS, "--collect-only", "--rootdir", request["root"], *request["files"]]
        code = pytest.main(words, plugins=[listed])
        if code not in COLLECTED and not listed.problems:
            raise UsageError(f"pytest ended with {int(code)} while it collected {', '.join(request['files'])}")
        return {"found": listed.found, "problems": listed.problems}
    plugin = _Serve(session)
    plugin.install()
    with tempfile.TemporaryDirectory(prefix="harness-benchmark-") as folder:
        path = Path(folder) / "benchmark.json"
        options = ("--benchmark-warmup=off", "--benchmark-min-rounds=3", "--benchmark-max-time=0.05")
        code = pytest.main(
            [*OPTIONS, *options, "--rootdir", request["root"], f"--benchmark-json={path}", request["name"]],
            plugins=[plugin],
        )
        if plugin.skipped:
            raise Skipped(plugin.error)
        if plugin.raised is not None:
            raise plugin.raised
        if not plugin.served or code != 0:
            raise UsageError(plugin.error or f"pytest ended with {int(code)}: the test never called its benchmark")
        stored = json.loads(path.read_text("utf-8"))["benchmarks"]
    return {"stored": [{"mean": entry["stats"]["mean"], "rounds": entry["stats"]["rounds"]} for entry in stored]}
