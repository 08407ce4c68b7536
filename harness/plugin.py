"""The pytest plugin: marker, options, fixtures, a line per result in the terminal. It explores nothing itself."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.audit import LeaksFound
from harness.audit import _pytest as audit
from harness.doctor import _pytest as doctor
from harness.exploration.api import explore as explore_schedules
from harness.exploration.result import Exploration
from harness.exploration.sensitivity import EXPLORED, leaves_open, probe_locks, summary, taken_locks
from harness.faults.plan import parse as parse_plan
from harness.kinds import _pytest as configured
from harness.kinds._chaos import MARKER as FAULTS
from harness.kinds._chaos import ChaosFixture
from harness.kinds.linearizable import linearizable as check_linearizable
from harness.model import ConcurrencyFailure, InconclusiveError, UsageError, Verdict
from harness.probes.checking import PickleProbe
from harness.runtime.active import Mutation
from harness.runtime.patches import patches
from harness.schedule import Witness
from harness.targets.chosen import FORM, Targets

MARKER = "concurrency: runs a scenario under controlled interleaving, or belongs to the concurrency gate"
POOLS_MARKER = "pools: compares pools on a workload; select with -m 'concurrency and pools'"
PROPERTY = "concurrency"
SENSITIVITY = "sensitivity"
ASKED = "concurrency_targets_asked"
REPLAYED = "concurrency_replayed"
OWN_WORDS = (ConcurrencyFailure, InconclusiveError, LeaksFound, UsageError)
SETTINGS = ("schedules", "preemptions", "seconds", "seed")


@dataclasses.dataclass
class Run:
    """What the plugin keeps for one pytest run."""

    targets: Targets
    replay: Witness | None
    replay_path: str
    replayed: bool = False
    covered: set[Mutation] = dataclasses.field(default_factory=set)
    """Changes to locks that a scenario of the run has noticed."""


RUN = pytest.StashKey[Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("concurrency", "controlled interleaving")
    group.addoption("--concurrency-schedules", type=int, metavar="N", help="most schedules for each exploration")
    group.addoption("--concurrency-preemptions", type=int, metavar="N", help="prove up to N preemptions")
    group.addoption("--concurrency-max-faults", type=int, metavar="N",
                    help="most faults of inject= in each schedule; 0: none")
    group.addoption("--concurrency-seconds", type=float, metavar="S", help="cap on the time of each exploration")
    group.addoption("--concurrency-seed", type=int, metavar="N", help="seed of the sampled schedules")
    group.addoption("--concurrency-replay", metavar="PATH", help="follow the replay record of a failure")
    group.addoption("--chaos-plan", action="append", default=[], metavar="FAULT@TASK#SEED",
                    help="what the fixture `chaos` plants instead of the plans of the test (may be repeated)")
    group.addoption("--sensitivity", action="store_true",
                    help="explore each scenario again without each lock it takes: one that still passes misses it")
    group.addoption("--target", action="append", default=[], metavar="NAME=package.module:Object",
                    help="run the scenarios that ask for target NAME on this object (may be repeated)")  # fmt: skip
    audit.add_options(parser, group)
    doctor.add_options(parser, group)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before anything of the user's is imported."""
    _replace_factories(early_config)


def pytest_configure(config: pytest.Config) -> None:
    _replace_factories(config)
    config.addinivalue_line("markers", MARKER)
    config.addinivalue_line("markers", POOLS_MARKER)
    config.addinivalue_line("markers", FAULTS)
    config.pluginmanager.register(audit.AuditPlugin(config), "harness-audit")
    config.pluginmanager.register(doctor.DoctorPlugin(config), "harness-doctor")
    config.pluginmanager.register(doctor.BrokenPools(config), "harness-broken-pools")
    path = config.getoption("--concurrency-replay")
    for name, least in (("schedules", 1), ("preemptions", 0), ("max-faults", 0), ("seconds", None)):
        value = config.getoption(f"--concurrency-{name}")
        if value is not None and (value < least if least is not None else not value > 0):
            needed = f"at least {least}" if least is not None else "more than 0"
            raise pytest.UsageError(f"--concurrency-{name}={value}: must be {needed}")
    try:
        replay = Witness.load(path) if path else None
        config.stash[RUN] = Run(Targets(config.getoption("--target")), replay, path or "")
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    try:
        for plan in config.getoption("--chaos-plan"):
            parse_plan(plan)
    except UsageError as error:
        raise pytest.UsageError(f"--chaos-plan: {error}") from error


    configured.add_configured_targets(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    return configured.collect(file_path, parent, parent.config.stash[RUN].targets, Explore)


_INSTALLED = pytest.StashKey[bool]()


def _replace_factories(config: pytest.Config) -> None:
    if not config.stash.get(_INSTALLED, False):
        config.stash[_INSTALLED] = True
        patches.install()


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash.get(_INSTALLED, False):
        config.stash[_INSTALLED] = False
        patches.uninstall()


class Explore:
    """The ``explore`` fixture: :func:`harness.explore` with the command line's settings.

    Calling it returns the :class:`harness.Exploration` of a pass and fails the test otherwise; :meth:`outcome`
    returns whatever was concluded, for a test that judges it itself.
    """

    def __init__(self, item: Any) -> None:
        self._config: pytest.Config = item.config
        self._item = item
        self._calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Exploration:
        """Explore; raises on anything but PASS, with the report and the command that replays the failure."""
        __tracebackhide__ = True
        return self.outcome(*args, **kwargs).raise_if_failed()

    def outcome(self, *args: Any, **kwargs: Any) -> Exploration:
        """Explore and return the result, whatever it is."""
        __tracebackhide__ = True
        return self._outcome(explore_schedules, args, kwargs)

    def record(self, line: str) -> None:
        """Add a line about this test to the terminal's section."""
        self._item.user_properties.append((PROPERTY, line))

    def linearizable(self, *args: Any, **kwargs: Any) -> Exploration:
        """:func:`harness.linearizable` with the same settings and replay; raises on anything but PASS."""
        __tracebackhide__ = True
        return self._outcome(check_linearizable, args, kwargs).raise_if_failed()

    def _outcome(self, run_scenario: Callable[..., Exploration], args: Any, kwargs: Any) -> Exploration:
        __tracebackhide__ = True
        self._calls += 1
        scenario = f"{self._item.nodeid}#{self._calls}"
        for name in SETTINGS:
            value = self._config.getoption(f"--concurrency-{name}")
            if value is not None:
                kwargs[name] = value
        most = self._config.getoption("--concurrency-max-faults")
        if most is not None and kwargs.get("inject"):
            kwargs["max_faults"] = most
        kwargs.setdefault("root", self._config.rootpath)
        kwargs.setdefault("progress", self._progress)
        run = self._config.stash[RUN]
        if run.replay is not None and run.replay.scenario in ("", scenario):
            kwargs["replay"] = run.replay
            run.replayed = True
        taken_locks()
        exploration = run_scenario(*args, **kwargs)
        if self._config.getoption("--sensitivity") and exploration.verdict is Verdict.PASS and "replay" not in kwargs:
            self._item.user_properties.append((SENSITIVITY, EXPLORED))
            for probe in probe_locks(lambda: run_scenario(*args, **kwargs), taken_locks(), run.covered):
                self._item.user_properties.append((SENSITIVITY, (probe.key, probe.settled, str(probe))))
        exploration = self._stored(exploration, scenario)
        self._item.user_properties.append((PROPERTY, f"{exploration.verdict.name}: {exploration.reason}"))
        return exploration

    def _stored(self, exploration: Exploration, scenario: str) -> Exploration:
        """Keep the witness of a failure in a file and add the command that replays it to the report."""
        failure = exploration.failure
        if failure is None:
            return exploration
        witness = dataclasses.replace(failure.witness, scenario=scenario)
        name = re.sub(r"[^A-Za-z0-9.]+", "-", scenario).strip("-")[-120:]
        folder = self._config.rootpath / ".harness"
        try:
            path = witness.save(folder / f"{name}.json")
        except OSError as error:
            why = error.strerror or type(error).__name__
            replay = f"no replay record: {folder} cannot be written ({why}); make it a folder that can, and run again"
        else:
            shown = os.path.relpath(path, self._config.invocation_params.dir)
            replay = f"replay: pytest {shlex.quote(self._item.nodeid)} --concurrency-replay={shlex.quote(shown)}"
        explanation = f"{failure.explanation}\n\n{replay}"
        return dataclasses.replace(
            exploration, failure=dataclasses.replace(failure, witness=witness, explanation=explanation)
        )

    def _progress(self, count: int, text: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        if reporter is None or capture is None:
            return
        with capture.global_and_fixture_disabled():
            reporter.write_line(f"  {self._item.name}: {text}")


@pytest.fixture
def explore(request: pytest.FixtureRequest) -> Explore:
    """``explore(setup, threads, check=None, **options)``: see :func:`harness.explore`; fails the test unless PASS."""
    return Explore(request.node)


@pytest.fixture
def pickle_probe(request: pytest.FixtureRequest) -> PickleProbe:
    """``pickle_probe.check(obj, **options)``: see :func:`harness.probe_pickle`; fails unless it arrives whole."""
    return PickleProbe(lambda line: request.node.user_properties.append((PROPERTY, line)))


@pytest.fixture
def chaos(request: pytest.FixtureRequest) -> ChaosFixture:
    """``chaos(target, faults, **options)``: see :func:`harness.survives`; fails unless the pool survives."""
    node = request.node
    plans = request.config.getoption("--chaos-plan")
    return ChaosFixture(
        plans, node.get_closest_marker("faults"), lambda line: node.user_properties.append((PROPERTY, line))
    )


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Any:
    """``target(name, default)``: the object to run a scenario on, chosen by ``--target name=package.module:Object``."""
    targets = request.config.stash[RUN].targets

    def choose(name: str, default: str) -> Any:
        try:
            return targets(name, default)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error

    return choose


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A concurrency failure prints its own report, not a traceback through the harness; a wrong argument one line."""
    report: Any = yield
    known = call.excinfo is not None and isinstance(call.excinfo.value, OWN_WORDS)
    if call.excinfo is not None and known and not isinstance(report.longrepr, str):  # whose item has found its words
        entry = next((e for e in reversed(call.excinfo.traceback) if Path(str(e.path)) == item.path), None)
        report.longrepr = _own_words(call.excinfo, item.path, entry.lineno + 1 if entry is not None else 0)
    return report  # type: ignore[no-any-return]


def _own_words(excinfo: pytest.ExceptionInfo[BaseException], path: Path, line: int) -> Any:
    """pytest's representation of a failure (one that xdist can send) with the report's text in place of a traceback.

    The first line is the message of pytest's summary, which is printed whole where ``CI`` is set.
    """
    text = str(excinfo.value)
    shown = excinfo.getrepr(style="native")
    where = f"{os.path.relpath(path)}:{line}\n\n" if line else ""
    entry = shown.reprtraceback.reprentries[0]
    entry.lines = [f"{where}{text}\n"]
    shown.reprtraceback.reprentries = [entry]
    if shown.reprcrash is not None:
        shown.reprcrash.message = text.partition("\n")[0]
        if line:
            shown.reprcrash.path, shown.reprcrash.lineno = str(path), line
    return shown


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collects, under pytest-xdist, what the workers asked for and replayed."""
    output = getattr(node, "workeroutput", None) or {}
    run = node.config.stash[RUN]
    run.targets.asked.update(output.get(ASKED, ()))
    run.replayed = run.replayed or output.get(REPLAYED, False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    run = session.config.stash[RUN]
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[ASKED] = sorted(run.targets.asked)
        session.config.workeroutput[REPLAYED] = run.replayed
    elif session.exitstatus == pytest.ExitCode.OK:
        if _unused(run):
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif leaves_open(_properties(session.config.pluginmanager.get_plugin("terminalreporter"), SENSITIVITY)):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _properties(reporter: Any, wanted: str) -> list[Any]:
    return [
        value
        for reports in (reporter.stats.values() if reporter is not None else ())
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == wanted
    ]


def _unused(run: Run) -> str:
    if run.replay is not None and not run.replayed:
        return (
            f"--concurrency-replay={run.replay_path}: no exploration that ran is the one it records "
            f"({run.replay.scenario}); run that test"
        )
    return run.targets.unused()


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> Iterator[None]:
    """One line per exploration or probe: what was found, proved, or kept it from a conclusion."""
    yield
    lines = [
        f"{report.nodeid}: {text}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, text in report.user_properties
        if name == PROPERTY
    ]
    if lines:
        terminalreporter.section("concurrency")
        for line in sorted(set(lines)):
            terminalreporter.write_line(line)
    probes = _properties(terminalreporter, SENSITIVITY)
    if config.getoption("--sensitivity"):
        terminalreporter.section("lock sensitivity")
        for line in summary(probes):
            terminalreporter.write_line(line)
    unused = _unused(config.stash[RUN])
    if unused:
        terminalreporter.write_line(f"ERROR: {unused}", red=True)


__all__ = ["FORM", "Explore", "chaos", "explore", "pickle_probe", "target"]
