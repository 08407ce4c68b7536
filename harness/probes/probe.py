"""The probe of one object: survey, load check, judgement, cost, fixes, in that order, into one report.

It composes the parts and knows no executor; :mod:`harness.probes.submit` knows those.
"""

from __future__ import annotations

import functools
import itertools
import multiprocessing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.probes import judge, load, sandbox
from harness.probes.origins import Origins, Place, caller, local_place
from harness.probes.picklers import flavor
from harness.probes.report import Cost, Culprit, Fix, PickleReport, Problem, ProblemKind, Verdict
from harness.probes.survey import Group, Part, Request, Survey, locate, parts, survey

_RESTARTS = 6
_MOST_ELSEWHERE = 1 << 24  # bytes that are loaded for the table of verdicts alone
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Options:
    """How to probe: seconds without progress (``timeout``), the task count and byte limit, and what to leave out."""

    start_method: str
    timeout: float = 5.0
    tasks: int = 1
    max_bytes: int | None = None
    load: bool = True
    fixes: bool = True
    everywhere: bool = True
    progress: Progress | None = None

    @property
    def limits(self) -> sandbox.Limits:
        return sandbox.Limits(stuck=self.timeout, total=max(120.0, 4 * self.timeout))


@dataclass(frozen=True)
class Finding:
    """What is known of one group after the probe."""

    request: Request
    survey: Survey
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    loads: bool | None = None
    elsewhere: dict[tuple[str, str], str | None] = field(default_factory=dict)
    cost: Cost | None = None
    fixes: tuple[Fix, ...] = ()
    unresponsive: bool = False


def probe_pickle(
    obj: object,
    *,
    pickler: str = "process-pool",
    start_method: str | None = None,
    name: str = "obj",
    tasks: int = 1,
    max_bytes: int | None = None,
    timeout: float = 5.0,
    load: bool = True,
    fixes: bool = True,
    everywhere: bool = True,
    progress: Progress | None = None,
) -> PickleReport:
    """Say whether ``obj`` survives the trip to a worker process, and if not, what stops it, where and why.

    Args:
        obj: anything: a job, an argument, a result, an exception.
        pickler: ``process-pool`` (multiprocessing's), ``stdlib``, ``cloudpickle`` or ``interpreter`` (3.14).
        start_method: ``fork``, ``spawn`` or ``forkserver``; by default the one in use.
        name: the name of the root in the paths of the report; an identifier.
        tasks: how many tasks carry it, for the cost.
        max_bytes: the limit per task; 16 MiB when not given.
        timeout: seconds that a hook of the object may take, and the load in the worker.
        load: also load it in a fresh process and compare.
        fixes: also try fixes, and report those that passed.
        everywhere: also load under the other start methods, and what the other picklers made of it: their verdicts.
        progress: called with the number of nodes seen so far.

    Returns:
        A report whose ``str()`` is meant for people. The object is pickled in a forked copy of this process, so a
        hook that hangs or exits is reported and harms nothing here.

    Raises:
        ValueError: an unknown pickler, start method or name; a limit that is not positive.

    Source: the post-mortem of ``cannot pickle '_thread.lock' object``; ``pickle._Pickler.save``.
    """
    refuse_reentry()
    options = checked_options(start_method, timeout, tasks, max_bytes, load, fixes, everywhere, progress)
    if not name.isidentifier():
        raise ValueError(f"name must be a Python identifier, not {name!r}")
    call, frame = caller()
    origins = Origins(call, {name: local_place(frame, obj)})
    del frame
    finding = probe_group(Request(Group("work item", {name: obj}, flavor(pickler)), origins), options)
    return report_of(name, pickler, options, [finding], call)


refuse_reentry = load.refuse_reentry


def checked_options(
    start_method: str | None, timeout: float, tasks: int, max_bytes: int | None, load_: bool, fixes: bool,
    everywhere: bool, progress: Progress | None,
) -> Options:  # fmt: skip
    """Return the options, refusing bad ones with one line each."""
    method = start_method or load.default_start_method()
    known = multiprocessing.get_all_start_methods()
    if method not in known:
        raise ValueError(f"unknown start method {method!r}; this platform has: {', '.join(known)}")
    if timeout <= 0 or tasks < 1 or (max_bytes is not None and max_bytes < 1):
        raise ValueError("timeout, tasks and max_bytes must be positive")
    return Options(method, timeout, tasks, max_bytes, load_, fixes, everywhere, progress)


def probe_group(request: Request, options: Options) -> Finding:
    """Probe what one pickler sends in one go."""
    request, seen, error = _survey(request, options)
    if error:
        return Finding(request, seen, (Problem(ProblemKind.DUMP, "", error),))
    finding = _not_located(Finding(request, seen))
    if seen.payload is not None:
        finding = _mutated(finding, options)
        if options.load:
            finding = _elsewhere(_loaded(finding, options), options)
        finding = _with_cost(finding, options)
    if options.fixes:
        from harness.probes.fixes import tried_fixes

        finding = replace(finding, fixes=tried_fixes(finding, options))
    return finding


def _survey(request: Request, options: Options) -> tuple[Request, Survey, str]:
    """Survey in the sandbox, again without the call that hung or ended it, until it comes through."""
    died = ""
    for _ in range(_RESTARTS):
        work = functools.partial(survey, request)
        with sandbox.run(work, options.limits, options.progress) as outcome:
            pass
        if outcome.value is not None:
            return request, outcome.value, ""
        if not outcome.died:
            return request, Survey(nodes=outcome.nodes), outcome.error
        died = outcome.died
        if outcome.call:
            request = replace(request, forced={**request.forced, outcome.call: died})
        elif request.extras:
            request = replace(request, extras=False)
        else:
            break
    return request, Survey(), f"pickling it {died}"


def _not_located(finding: Finding) -> Finding:
    """The real pickler refuses and the walk saw no reason: say so instead of passing."""
    seen = finding.survey
    if seen.payload is not None or seen.culprits:
        return finding
    root = next(iter(finding.request.group.roots))
    if "RecursionError" in seen.error or "recursion" in seen.error:
        message = f"it is nested {seen.depth} levels deep and the pickler recurses once per level: {seen.error}"
        advice = "keep a flat list (or indices) instead of nesting"
    else:
        message, advice = seen.error, "the walk found no single object to blame"
    holder = finding.request.group.roots[root]
    culprit = Culprit(root, type(holder).__qualname__, None, "", message, advice=advice)
    return replace(finding, survey=replace(seen, culprits=(culprit,)))


def _mutated(finding: Finding, options: Options) -> Finding:
    problems = [
        Problem(ProblemKind.STATE, path, f"pickling it changes the original: {detail}")
        for path, detail in finding.survey.mutations
    ]
    return replace(finding, problems=(*finding.problems, *_placed(finding, problems, options)))


def _placed(finding: Finding, problems: list[Problem], options: Options, *, by_class: bool = False) -> list[Problem]:
    paths = tuple(problem.path for problem in problems if problem.path)
    if not paths:
        return problems
    with sandbox.run(lambda page: locate(finding.request, paths, by_class, page), options.limits) as outcome:
        places = outcome.value or {}
    return [replace(problem, where=places.get(problem.path)) for problem in problems]


def _loaded(finding: Finding, options: Options) -> Finding:
    seen = finding.survey
    message = {
        "payload": seen.payload, "records": seen.records, "singletons": seen.singletons,
        "patches": finding.request.patches,
    }  # fmt: skip
    if finding.request.group.flavor.name == "process-pool" and seen.shared_fds == () and _may_share(seen.payload):
        loaded = _check_while_alive(finding, message, options)
    else:
        loaded = load.check(message, options.start_method, _load_seconds(options), seen.shared_fds)
    if loaded.stage == "loaded":
        problems, notes = judge.of_answer(loaded.answer or {})
        return replace(
            finding, problems=(*finding.problems, *_placed(finding, problems, options)),
            notes=(*finding.notes, *notes), loads=True, cost=_load_cost(loaded),
        )  # fmt: skip
    path = failing_part(finding, options) if loaded.stage in ("load", "hung", "died") else ""
    problem = judge.of_failed_load(loaded, path, options.start_method)
    placed = _placed(finding, [problem], options, by_class=True)
    silent = loaded.stage in ("hung", "died")
    return replace(finding, problems=(*finding.problems, *placed), loads=False, unresponsive=silent)


def _elsewhere(finding: Finding, options: Options) -> Finding:
    """Load what every pickler made in a worker of every start method: the rest of the table of verdicts.

    Not for what hangs or ends the worker it was asked about, shares a descriptor (handed out once), or is large.
    """
    seen, group = finding.survey, finding.request.group
    made = {group.flavor.name: seen.payload, **seen.others}
    payloads = {name: payload for name, payload in made.items() if isinstance(payload, bytes)}
    shares = seen.shared_fds or any(map(_may_share, payloads.values()))
    if not options.everywhere or finding.unresponsive or shares or sum(map(len, payloads.values())) > _MOST_ELSEWHERE:
        return finding
    found: dict[tuple[str, str], str | None] = {}
    for method in multiprocessing.get_all_start_methods():
        if group.flavor.spawning and method == "fork":
            continue
        names = [name for name in payloads if (name, method) != (group.flavor.name, options.start_method)]
        said = load.check_each([payloads[name] for name in names], method, _load_seconds(options))
        found.update(zip([(name, method) for name in names], said, strict=True))
    return replace(finding, elsewhere=found)


def _load_seconds(options: Options) -> float:
    return max(options.timeout, 1.0) + 5.0


def _load_cost(loaded: load.Loaded) -> Cost:
    return Cost(0, 0.0, (loaded.answer or {}).get("seconds"), 1)


def _may_share(payload: bytes | None) -> bool:
    return payload is not None and b"multiprocessing.resource_sharer" in payload


def _check_while_alive(finding: Finding, message: dict[str, Any], options: Options) -> load.Loaded:
    """Dump again and load while the dumping process lives: it hands out its descriptors on request."""
    with sandbox.run(lambda page: survey(finding.request, page), options.limits) as outcome:
        fresh: Survey | None = outcome.value
        payload = fresh.payload if fresh is not None else message["payload"]
        return load.check({**message, "payload": payload}, "spawn", _load_seconds(options))


def failing_part(finding: Finding, options: Options) -> str:
    """Return the path of the innermost object that does not load alone; the root when none is found."""
    root = next(iter(finding.request.group.roots))
    with sandbox.run(lambda page: parts(finding.request, page), options.limits) as outcome:
        pieces: tuple[Part, ...] = outcome.value or ()
    if not pieces:
        return root
    message = {"payloads": [piece.payload for piece in pieces], "patches": finding.request.patches}
    loaded = load.check(message, options.start_method, _load_seconds(options), finding.survey.shared_fds)
    return pieces[loaded.index].path if loaded.index is not None and loaded.stage != "loaded" else root


def _with_cost(finding: Finding, options: Options) -> Finding:
    seen, group = finding.survey, finding.request.group
    size = len(seen.payload or b"")
    load_seconds = finding.cost.load_seconds if finding.cost else None
    cost = Cost(size, seen.dump_seconds, load_seconds, options.tasks, seen.branches)
    per_worker = group.label != "work item"
    problems: list[Problem] = []
    if not per_worker or options.max_bytes is not None:
        root = next(iter(group.roots))
        problems = judge.of_cost(cost, options.max_bytes, root, "worker" if per_worker else "task")
    if problems:
        cost = replace(cost, advice=judge.cost_advice(cost, options.start_method))
        problems = _placed(finding, problems, options)
    return replace(finding, cost=cost, problems=(*finding.problems, *problems))


def report_of(
    subject: str, pickler: str, options: Options, findings: list[Finding], call: Place | None,
    notes: Mapping[str, str] | None = None,
) -> PickleReport:  # fmt: skip
    """Return the report on several groups, in their order."""
    costs = [finding.cost for finding in findings if finding.cost is not None]
    known: dict[str, None] = {}
    for finding in findings:
        known.update(dict.fromkeys((*_loggers(finding), *finding.notes)))
    known.update(dict.fromkeys((notes or {}).values()))
    return PickleReport(
        subject=subject, pickler=pickler, start_method=options.start_method,
        culprits=tuple(culprit for finding in findings for culprit in finding.survey.culprits),
        problems=tuple(problem for finding in findings for problem in finding.problems),
        notes=tuple(known),
        verdicts=tuple(verdict for finding in findings for verdict in verdicts_of(finding, options)),
        cost=max(costs, key=lambda cost: cost.bytes, default=None),
        fixes=tuple(fix for finding in findings for fix in finding.fixes),
        nodes=sum(finding.survey.nodes for finding in findings),
        more_culprits=sum(finding.survey.more for finding in findings),
        asked_at=str(call) if call else None,
        roots=tuple(name for finding in findings for name in finding.request.group.roots),
    )  # fmt: skip


def _loggers(finding: Finding) -> list[str]:
    """Say what is *not* a problem although it is often suspected."""
    found = []
    for records in finding.survey.records.values():
        for path, record in records.items():
            if record["kind"] == "reference" and record["type"] in ("logging.Logger", "logging.RootLogger"):
                found.append(f"{path} is no problem: a logger is sent by its name")
    return found[:3]


def verdicts_of(finding: Finding, options: Options) -> list[Verdict]:
    """Return a verdict per pickler and start method for one group."""
    group, seen = finding.request.group, finding.survey
    dumps = seen.payload is not None
    error = "" if dumps else (seen.error or (seen.culprits[0].error if seen.culprits else ""))
    others = {name: other if isinstance(other, str) else "" for name, other in seen.others.items()}
    said = {group.flavor.name: error, **others}
    found = []
    for name, method in itertools.product(said, multiprocessing.get_all_start_methods()):
        if group.flavor.spawning and method == "fork":
            found.append(Verdict(group.label, name, method, None, None, "inherited, not pickled"))
        elif said[name] or (not dumps and name == group.flavor.name):
            found.append(Verdict(group.label, name, method, False, None, said[name]))
        elif (name, method) == (group.flavor.name, options.start_method):
            found.append(Verdict(group.label, name, method, True, finding.loads, ""))
        else:
            failed = finding.elsewhere.get((name, method))
            found.append(Verdict(group.label, name, method, True, None if failed is None else not failed, failed or ""))
    return found
