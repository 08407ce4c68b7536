"""Fixes, tried: each candidate is applied in the sandbox, pickled and loaded like the original, and kept if it passes.

A candidate patches classes or modules (in the forked copy and in the worker that loads, never here) and may replace
what is sent. :mod:`harness.probes.candidates` invents them; this module tries them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.probes import judge, load, sandbox
from harness.probes.candidates import Candidate, candidates
from harness.probes.report import Fix
from harness.probes.sandbox import Page
from harness.probes.survey import Group, Request, Survey, survey

if TYPE_CHECKING:
    from harness.probes.probe import Finding, Options

_MOST = 10
_ROUNDS = 4


@dataclass(frozen=True)
class Attempt:
    """One candidate applied and surveyed."""

    title: str
    patch: str
    patches: tuple[tuple[str, str, str], ...]
    survey: Survey


def tried_fixes(finding: Finding, options: Options) -> tuple[Fix, ...]:
    """Return the fixes that passed, the first for each kind; nothing is tried on an object that is fine."""
    failing = tuple(p.path for p in finding.problems if p.kind.value == "load" and p.path)
    if not finding.survey.culprits and not failing:
        return ()
    for _ in range(_ROUNDS):
        fix, also_failing = _one_round(finding, failing, options)
        if fix is not None:
            return (fix,)
        if not also_failing or also_failing in failing:
            break
        failing = (*failing, also_failing)  # it dumps now, and shows what does not load
    return ()


def _one_round(finding: Finding, failing: tuple[str, ...], options: Options) -> tuple[Fix | None, str]:
    """Return the first candidate that passes, or the path of what does not load once a candidate made it dump."""
    also_failing = ""
    for index in range(_MOST):
        attempt = _attempt(finding.request, failing, index, options)
        if attempt is None:
            break
        loaded = _loaded(attempt, options)
        if loaded is not None and loaded.stage == "loaded" and not judge.of_answer(loaded.answer or {})[0]:
            name, method = finding.request.group.flavor.name, _method(options)
            tried = f"tried: pickled with {name} and loaded by a worker started with {method}"
            return Fix(attempt.title, attempt.patch, tried), ""
        if loaded is not None and loaded.stage == "load" and not also_failing:
            also_failing = _culprit_of_load(finding, attempt, options)
    return None, also_failing


def _culprit_of_load(finding: Finding, attempt: Attempt, options: Options) -> str:
    from harness.probes.probe import failing_part

    patched = replace(finding.request, patches=attempt.patches)
    return failing_part(replace(finding, request=patched), replace(options, start_method=_method(options)))


def _method(options: Options) -> str:
    """Return the start method for a trial: a worker under fork would inherit the unpatched classes."""
    return "spawn" if options.start_method == "fork" else options.start_method


def _attempt(request: Request, failing: tuple[str, ...], index: int, options: Options) -> Attempt | None:
    with sandbox.run(lambda page: _apply(request, failing, index, page), options.limits) as outcome:
        result: Attempt | None = outcome.value
    if result is None and outcome.died:
        return Attempt("", "", (), Survey(error=outcome.died))
    return result


def _apply(request: Request, failing: tuple[str, ...], index: int, page: Page) -> Attempt | None:
    found = candidates(request, failing, page)
    if index >= len(found):
        return None
    chosen = found[index]
    group = _patched(chosen, request.group)
    seen = survey(replace(request, group=group, patches=(), forced={}), page) if group is not None else Survey()
    return Attempt(chosen.title, chosen.patch, chosen.patches, replace(seen, culprits=()))


def _patched(chosen: Candidate, group: Group) -> Group | None:
    """Apply a candidate here, in the forked copy."""
    from harness.probes.fresh_child import apply_patches

    try:
        apply_patches(chosen.patches)
        roots = chosen.rewire(dict(group.roots)) if chosen.rewire is not None else group.roots
    except Exception:  # a candidate that cannot even be applied is no fix
        return None
    return replace(group, roots=roots)


def _loaded(attempt: Attempt, options: Options) -> load.Loaded | None:
    """Return what a worker says that has the patches too; None when it does not even dump."""
    seen = attempt.survey
    if seen.payload is None:
        return None
    message = {
        "payload": seen.payload, "records": seen.records, "singletons": seen.singletons, "patches": attempt.patches,
    }  # fmt: skip
    return load.check(message, _method(options), max(options.timeout, 1.0) + 5.0, seen.shared_fds)
