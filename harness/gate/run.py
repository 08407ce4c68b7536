"""One gate from end to end: worktrees, scenarios, pairs until every benchmark is decided, the result."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from harness.gate import discover, processes, records, worktrees
from harness.gate.course import Bench, Course, Say
from harness.gate.results import PARTS, Found, GateResult, Judged, Status
from harness.gate.scenarios import Ran, run_scenarios
from harness.gate.settings import Settings
from harness.gate.sides import SideFailed, Tree
from harness.model import HarnessError, UsageError
from harness.stats.decision import Rule


@dataclass(frozen=True)
class Options:
    """The choices of one gate.

    ``seconds``: for the pairs of each benchmark; ``total``: for those of all; ``scenario_seconds``: for each
    exploration; ``scenario_limit``: for all scenarios. ``against_itself``: base against base. ``present``: make no
    environment, which takes minutes, even where dependencies differ.
    """

    base: str | None = None
    tight: bool = False
    seconds: float | None = None
    total: float | None = None
    scenario_seconds: float | None = None
    scenario_limit: float | None = None
    parts: tuple[str, ...] = PARTS
    against_itself: bool = False
    present: bool = False
    seed: int | None = None
    record: Path | None = None
    junit: Path | None = None


def gate(folder: Path, options: Options, say: Say) -> GateResult:
    """Compare HEAD with its base; raises :class:`UsageError` or :class:`HarnessError` with one clear line."""
    begun = time.perf_counter()
    _refuse_other_systems()
    root = worktrees.top(folder)
    worktrees.refuse_dirty(root)
    settings = Settings.read(root)
    head = worktrees.revision(root, "HEAD")
    base = worktrees.revision(root, options.base) if options.base else worktrees.merge_base(root)
    head = base if options.against_itself else head
    with ExitStack() as stack:
        stack.enter_context(processes.interruptible())
        record = stack.enter_context(_recording(options.record))
        folders = stack.enter_context(worktrees.worktrees(root, {"base": base, "head": head}))
        stack.callback(processes.end_all)  # before the worktrees are removed: a process could still write there
        trees, shared = _trees(root, folders, settings, options, say)
        ran = Ran(())
        if "scenarios" in options.parts:
            say(f"scenarios of head {head[:12]}")
            limit = options.scenario_limit or settings.scenario_limit
            ran = run_scenarios(trees["head"], settings.scenarios, limit, options.scenario_seconds, options.junit)
        judged: list[Judged] = []
        problems, undone = _of_scenarios(ran, options)
        if "throughput" in options.parts:
            try:
                judged = _throughput(trees, settings, options, say, record)
            except HarnessError as error:
                if not ran.scenarios:
                    raise
                problems.append(str(error))  # a bug that the scenarios found is still told
        result = GateResult(
            base[:12], head[:12], tuple(judged), ran.scenarios, time.perf_counter() - begun, options.parts,
            tuple(problems), tuple(undone + shared),
        )  # fmt: skip
        record.whole(result)
        return result


def _of_scenarios(ran: Ran, options: Options) -> tuple[list[str], list[str]]:
    """What is wrong with the scenarios themselves, and what the gate's own limits left undone."""
    problems = [ran.problem] if ran.problem else []
    undone = [ran.unfinished] if ran.unfinished else []
    open_ones = [scenario for scenario in ran.scenarios if scenario.outcome == "inconclusive"]
    if open_ones and options.scenario_seconds is not None:
        undone.append(f"scenarios without an answer within {options.scenario_seconds:g} s: {len(open_ones)}")
    elif open_ones:
        number = "1 scenario is" if len(open_ones) == 1 else f"{len(open_ones)} scenarios are"
        problems.append(f"{number} INCONCLUSIVE, which is neither a bug nor a pass")
    return problems, undone


def _refuse_other_systems() -> None:
    if not Path("/proc/self/task").is_dir():
        raise UsageError("the gate reads CPU clocks of process trees from /proc: run it on Linux")


@contextmanager
def _recording(path: Path | None) -> Iterator[records.Writer]:
    out: TextIO | None = None
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            out = path.open("w", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"the record {path} cannot be written: {error.strerror}; give another --json") from error
    try:
        yield records.Writer(out)
    finally:
        if out is not None:
            out.close()


def _trees(
    root: Path, folders: dict[str, Path], settings: Settings, options: Options, say: Say
) -> tuple[dict[str, Tree], list[str]]:
    """Two trees, with environments of their own where their dependencies differ; and what was left undone of that."""
    python = dict.fromkeys(folders, sys.executable)
    differ = not worktrees.same_dependencies(folders["base"], folders["head"])
    undone = []
    if options.present and differ and settings.environment != "present":
        undone.append("dependencies differ, but both sides were run with those of the present environment")
    elif settings.environment == "own" or (differ and settings.environment == "auto"):
        say(f"{'dependencies differ: ' if differ else ''}making an environment for each side ({settings.setup})")
        python = {
            name: worktrees.make_environment(folder, sys.executable, settings.setup)
            for name, folder in folders.items()
        }
    link = worktrees.link_harness(folders["head"].parent)
    others = {"base": folders["head"], "head": folders["base"]}
    trees = {
        name: Tree(
            name, folder, link, python[name], settings.paths, (str(others[name]), str(root)), settings.project,
            settings.benchmarks,
        )
        for name, folder in folders.items()
    }  # fmt: skip
    return trees, undone


def _throughput(
    trees: dict[str, Tree], settings: Settings, options: Options, say: Say, record: records.Writer
) -> list[Judged]:
    listed = discover.listing(trees["head"], settings)
    discover.refuse_broken_head(listed)
    before: tuple[Found, ...] = ()
    with suppress(SideFailed):  # base may be anything; what its benchmarks need shows when they run
        before = discover.listing(trees["base"], settings).found
    paths = list(settings.benchmarks)
    if (trees["head"].root / "harness" / "gate" / "run.py").is_file():
        paths.append("harness")  # this repository: workers that are spawned find head's harness on both sides
    worktrees.overlay(trees["head"].root, trees["base"].root, paths)
    names = {found.name for found in listed.found}
    removed = [Judged(found, Status.REMOVED, note="head has no such benchmark")
               for found in before if found.name not in names]  # fmt: skip
    rule = Rule.standard(len(listed.found), options.tight)
    record.header(rule)
    bench = Bench(trees, rule, settings.workers, random.Random(options.seed), record, say)
    courses = [Course(bench, found) for found in listed.found]
    _observe_all(courses, bench.generator, options.seconds or settings.seconds, options.total)
    return [course.judged for course in courses] + removed


def _observe_all(
    courses: list[Course], generator: random.Random, seconds: float, total: float | None
) -> None:
    """Rounds over the undecided benchmarks in random order, so that a change of the machine meets all of them."""
    deadline = None if total is None else time.perf_counter() + total
    while waiting := [course for course in courses if course.decided is None and course.spent < seconds]:
        for course in generator.sample(waiting, len(waiting)):
            if deadline is not None and time.perf_counter() > deadline:
                return
            course.step()
