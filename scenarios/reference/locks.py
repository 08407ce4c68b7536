"""`python -m scenarios.reference.locks`: whether the scenarios of the repaired forms need every lock of these forms.

Exits with 1 when a lock is missed by all of them, when none takes it, or when there is no lock.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import Exploration, explore
from harness.exploration.sensitivity import CHANGES, Probe, acceptance, probe_locks, taken_locks
from harness.runtime.active import Mutation
from harness.runtime.patches import patches
from scenarios.reference import FOLDER, Form, aligned, forms

FIXTURES = FOLDER.parent / "fixtures"
PRIMITIVES = frozenset({"Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier"})
UNTAKEN = {"lock not needed": "accepted", "lock not tried": "not tried"}
"""The words after ``# harness:`` that settle a lock that no explored scenario takes: it may take real processes."""
Found = dict[Mutation, list[tuple[Form, Probe]]]


def main(listed: Sequence[Form] | None = None, folder: Path = FIXTURES) -> int:
    """Print a row for each change to a lock of the repaired forms, then a line for each lock that is left open."""
    chosen = forms() if listed is None else listed
    found = probed([form for form in chosen if not form.kind])
    rows, left, settled = [], [], 0
    for change, probes in sorted(found.items()):
        text = result(probes)
        rows.append((_place(*change[:2]), change[3], CHANGES[change[4]], text))
        settled += bool(text)
        left += [] if text else [str(probes[0][1])]
    taken = {change[:2] for change in found}
    made = set(locks(folder, broken(chosen)))
    for place in sorted(made - taken):
        comments = [(acceptance(*place, words), said) for words, said in UNTAKEN.items()]
        given = [f"{said}: {reason}" for (reason, _), said in comments if reason]
        rows += [(_place(*place), "", "", text) for text in given[:1]]
        if not given:
            left.append(": ".join(["lock in no scenario", _place(*place), *(c for (_, c), _ in comments if c)]))
    print(aligned(("lock", "primitive", "change", "result"), rows))
    changes = f"{settled} of {len(found)} changes to them noticed or accepted"
    print(f"\n{len(made & taken)} of {len(made)} locks taken; {changes}")
    for line in left or ([] if rows else ["no lock was found: the forms or their modules are missing"]):
        print(line, file=sys.stderr)
    return 1 if left or not rows else 0


def probed(listed: Sequence[Form]) -> Found:
    """What the scenarios of forms that must pass say of each change; those on real processes explore nothing."""
    found: Found = {}
    covered: set[Mutation] = set()
    patches.install()
    try:
        for form in listed:
            taken_locks()
            outcome = form.run(explore)
            if not isinstance(outcome, Exploration):
                continue
            outcome.raise_if_failed()

            def again(form: Form = form) -> Exploration:
                outcome = form.run(explore)
                assert isinstance(outcome, Exploration)
                return outcome

            for probe in probe_locks(again, taken_locks(), covered):
                found.setdefault(probe.mutation, []).append((form, probe))
    finally:
        patches.uninstall()
    return found


def result(probes: Sequence[tuple[Form, Probe]]) -> str:
    """What settles a change: the scenario that notices it, a comment, or that all pass under it; empty if nothing."""
    accepted = [probe.accepted for _, probe in probes if probe.accepted]
    if accepted:
        return f"accepted: {accepted[0]}"
    if probes[0][1].mutation[4] == "spurious":
        return "passes, as it must" if all(probe.covered for _, probe in probes) else ""
    return next((f"fails: {form.scenario}" for form, probe in probes if probe.covered), "")


def broken(listed: Sequence[Form]) -> set[tuple[str, str]]:
    """The modules, as folder and stem, of which no form must pass."""
    passing = {(form.module.partition(".")[0], form.form) for form in listed if not form.kind}
    return {(form.module.partition(".")[0], form.form) for form in listed} - passing


def locks(folder: Path, left_out: set[tuple[str, str]]) -> Iterator[tuple[str, int]]:
    """The file and line of every primitive of `threading` that a module below `folder` makes."""
    for path in sorted(folder.rglob("*.py")):
        if (path.parent.name, path.stem) not in left_out:
            for line in _made_in(ast.parse(path.read_text("utf-8"))):
                yield str(path), line


def _made_in(tree: ast.Module) -> Iterator[int]:
    names = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "threading"
        for alias in node.names
    }

    def primitive(node: ast.expr) -> bool:
        if isinstance(node, ast.Attribute):
            return isinstance(node.value, ast.Name) and node.value.id == "threading" and node.attr in PRIMITIVES
        return isinstance(node, ast.Name) and names.get(node.id) in PRIMITIVES

    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and primitive(node.func):
            yield node.lineno
        elif isinstance(node, ast.keyword) and node.arg == "default_factory" and primitive(node.value):
            yield node.value.lineno


def _place(file: str, line: int) -> str:
    return f"{os.path.relpath(file, FOLDER.parent)}:{line}"


if __name__ == "__main__":
    sys.exit(main())
