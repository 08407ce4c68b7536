"""The report as a person reads it. Pure: reads a report, runs nothing."""

from __future__ import annotations

from collections.abc import Iterator

from harness.probes.cost import human
from harness.probes.paths import shorten
from harness.probes.report import Cost, Culprit, PickleReport, Problem, Verdict

_FULL = 6
_TRAIL = 14


def render(report: PickleReport, *, timings: bool = True) -> str:
    """Return the report as text; without ``timings`` it is the same on every run."""
    lines = [_headline(report), ""]
    for number, group in enumerate(_grouped(report.culprits), 1):
        if number <= _FULL:
            lines += [*_culprit(number, group), ""]
    lines += _rest(report)
    lines += _section("Problems", [_problem(problem) for problem in report.problems])
    lines += _section("No problem", report.notes)
    if report.cost is not None and (timings or report.cost.advice):
        lines += _section("Cost", _cost(report.cost, timings))
    lines += _section("Verdicts", _verdicts(report.verdicts))
    for fix in report.fixes:
        lines += [f"Fix that was tried and passes: {fix.title}", *_indented(fix.patch), f"    ({fix.tried})", ""]
    return "\n".join(lines).rstrip() + "\n"


def _headline(report: PickleReport) -> str:
    where = f", asked at {report.asked_at}" if report.asked_at else ""
    pool = f"pickler {report.pickler}, start method {report.start_method}{where}"
    if report.ok:
        return f"OK: {report.subject}: all of it reaches the worker unharmed ({pool})"
    count = len(report.culprits) + report.more_culprits
    if count:
        objects = "1 object cannot" if count == 1 else f"{count} objects cannot"
        return f"FAIL: {report.subject} cannot be sent: {objects} be pickled ({pool})"
    kinds = ", ".join(dict.fromkeys(problem.kind.value for problem in report.problems))
    return f"FAIL: {report.subject} can be pickled, but: {kinds} ({pool})"


def _grouped(culprits: tuple[Culprit, ...]) -> list[list[Culprit]]:
    """Put together what one line of the user brought in: a library object may hold many culprits."""
    groups: dict[tuple[str, str], list[Culprit]] = {}
    for culprit in culprits:
        key = (culprit.where or culprit.path, culprit.path if culprit.captures else "")
        groups.setdefault(key, []).append(culprit)
    return list(groups.values())


def _culprit(number: int, group: list[Culprit]) -> Iterator[str]:
    first = group[0]
    yield f"{number}. {shorten(first.path)}"
    yield f"   is       {first.type}  {first.repr}".rstrip()
    yield f"   fails    {first.error}"
    if first.where:
        set_there = any(hop.where == first.where for hop in first.trail)
        made = "set at  " if set_there else "made at "
        yield f"   {made} {first.where}"
    yield from _trail(first)
    if first.captures:
        yield f"   captures {', '.join(first.captures)}"
    if first.advice:
        yield f"   so       {first.advice}"
    if len(group) > 1:
        others = ", ".join(f"{shorten(culprit.path)} ({culprit.type})" for culprit in group[1:4])
        more = f" and {len(group) - 4} more" if len(group) > 4 else ""
        yield f"   also     from the same line: {others}{more}"


def _trail(culprit: Culprit) -> Iterator[str]:
    hops = culprit.trail
    if len(hops) < 2:
        return
    shown = hops if len(hops) <= _TRAIL else (*hops[:4], *hops[4 - _TRAIL :])
    label = "the way "
    for index, hop in enumerate(shown):
        if index == 4 and len(hops) > _TRAIL:
            yield f"            ... {len(hops) - _TRAIL} more levels ..."
        place = f"  [{hop.where}]" if hop.where else ""
        yield f"   {label} {shorten(hop.path)}  ({hop.type}){place}: {hop.why}"
        label = "        "


def _rest(report: PickleReport) -> list[str]:
    groups = _grouped(report.culprits)
    hidden = sum(len(group) for group in groups[_FULL:]) + report.more_culprits
    if not hidden:
        return []
    paths = ", ".join(shorten(group[0].path) for group in groups[_FULL : _FULL + 4])
    return [f"... and {hidden} more: {paths}" if paths else f"... and {hidden} more", ""]


def _problem(problem: Problem) -> str:
    path = f" {shorten(problem.path)}" if problem.path else ""
    where = f" [{problem.where}]" if problem.where else ""
    return f"{problem.kind.value}:{path}{where}: {problem.message}"


def _cost(cost: Cost, timings: bool) -> Iterator[str]:
    if timings:
        load = f", load {cost.load_seconds * 1000:.1f} ms" if cost.load_seconds is not None else ""
        yield f"{human(cost.bytes)} per task, dump {cost.dump_seconds * 1000:.1f} ms{load}"
        if cost.tasks > 1:
            seconds = cost.tasks * (cost.dump_seconds + (cost.load_seconds or 0.0))
            yield f"{human(cost.bytes * cost.tasks)} and {seconds:.2f} s for {cost.tasks} tasks"
    for branch in cost.branches[:6]:
        time = f", {branch.seconds * 1000:.1f} ms" if timings else ""
        yield f"{shorten(branch.path)} ({branch.type}): {human(branch.bytes)}{time}"
    yield from cost.advice


def _verdicts(verdicts: tuple[Verdict, ...]) -> Iterator[str]:
    said: dict[tuple[str, str, str], list[str]] = {}
    for verdict in verdicts:
        said.setdefault((verdict.roots, verdict.pickler, _word(verdict)), []).append(verdict.start_method)
    for (roots, pickler, word), methods in said.items():
        yield f"{roots}, {pickler} ({', '.join(methods)}): {word}"


def _word(verdict: Verdict) -> str:
    if verdict.dumps is None:
        return verdict.error
    if not verdict.dumps:
        return "cannot be pickled"
    return {True: "dumps and loads", False: "dumps, does not load", None: "dumps"}[verdict.loads]


def _section(title: str, lines: Iterator[str] | tuple[str, ...] | list[str]) -> list[str]:
    body = [f"  {line}" for line in lines]
    return [f"{title}:", *body, ""] if body else []


def _indented(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in text.splitlines()]
