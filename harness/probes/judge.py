"""Turns what the worker answered into problems and notes. Pure: data in, data out.

The line between the two: what the code of a class does on purpose (its hooks name the attribute) and leaves
readable is a note; what disappears behind its back, or cannot be read any more, is a problem.
"""

from __future__ import annotations

from typing import Any

from harness.probes.cost import human
from harness.probes.load import Loaded
from harness.probes.report import Branch, Cost, Problem, ProblemKind

DEFAULT_MAX_BYTES = 16 * 1024 * 1024


def of_answer(answer: dict[str, Any]) -> tuple[list[Problem], list[str]]:
    """Judge the answer of a worker that could load."""
    problems: list[Problem] = []
    notes: list[str] = []
    lost_identity = {path for path, _, _ in answer.get("identity", ())}
    for path, module, expression in answer.get("identity", ()):
        problems.append(Problem(
            ProblemKind.IDENTITY, path,
            f"it is {module}.{expression} here and a copy there: a test with 'is' becomes false",
        ))  # fmt: skip
    for difference in answer.get("differences", ()):
        if difference["path"] not in lost_identity:
            _difference(difference, problems, notes)
    problems += [Problem(ProblemKind.SIDE_EFFECT, "", f"loading it {effect}") for effect in answer.get("effects", ())]
    notes += [
        f"{root} does not equal its copy though its class defines equality: part of it is compared by identity"
        for root in answer.get("unequal", ())
    ]
    return problems, notes


def _difference(difference: dict[str, Any], problems: list[Problem], notes: list[str]) -> None:
    path, what, detail = difference["path"], difference["what"], difference["detail"]
    attribute = difference["attribute"]
    if difference["library"] and (what != "missing" or difference["readable"]):
        return  # a library's object makes its own caches and defaults again
    if what == "alias":
        problems.append(Problem(ProblemKind.IDENTITY, path, detail))
    elif what == "missing":
        if difference["lazy"] or (difference["readable"] and difference["deliberate"]):
            notes.append(f"{path} is left out on purpose and made again when it is needed")
        elif difference["readable"]:
            problems.append(Problem(ProblemKind.STATE, path, "it is lost: reading it gives the default of the class"))
        else:
            first_use = f"it is lost: the first use of .{attribute} in the worker raises AttributeError"
            problems.append(Problem(ProblemKind.STATE, path, first_use if attribute else detail))
    elif difference["deliberate"]:
        notes.append(f"{path} is reset on purpose by its class: {detail}")
    else:
        problems.append(Problem(ProblemKind.STATE, path, f"its state changes on the way: {detail}"))


def of_failed_load(loaded: Loaded, path: str, start_method: str) -> Problem:
    """Say what a worker that could not load means for the pool."""
    if loaded.guard_missing:
        return Problem(
            ProblemKind.MAIN, "", f"{start_method} imports __main__ again and this script starts its work at import: "
            'the guard if __name__ == "__main__": is missing',
        )  # fmt: skip
    if loaded.stage == "main":
        return Problem(ProblemKind.MAIN, "", f"{start_method} imports __main__ again and that fails: {loaded.error}")
    raises = "raises " if loaded.stage == "load" else ""
    subject = "" if loaded.error.startswith("the worker ") else f"loading it in the worker {raises}"
    message = f"it dumps, but {subject}{loaded.error}"
    return Problem(ProblemKind.LOAD, path, message + "; a pool whose result does so breaks or hangs")


def of_cost(cost: Cost, max_bytes: int | None, root: str, per: str) -> list[Problem]:
    """Judge a cost against a limit."""
    limit = DEFAULT_MAX_BYTES if max_bytes is None else max_bytes
    if cost.bytes <= limit:
        return []
    heaviest = heaviest_branch(cost)
    of_which = f", of which {heaviest.path} {human(heaviest.bytes)}" if heaviest else ""
    total = f" ({human(cost.bytes * cost.tasks)} for {cost.tasks} tasks)" if cost.tasks > 1 else ""
    return [Problem(
        ProblemKind.COST, heaviest.path if heaviest else root,
        f"picklable but {human(cost.bytes)} per {per}{total}{of_which}; the limit is {human(limit)}",
    )]  # fmt: skip


def heaviest_branch(cost: Cost) -> Branch | None:
    """Return the innermost branch that still holds most of the bytes."""
    heavy = [branch for branch in cost.branches if branch.bytes >= 0.6 * cost.bytes]
    return max(heavy, key=lambda branch: len(branch.path), default=None)


def cost_advice(cost: Cost, start_method: str) -> tuple[str, ...]:
    """Return the ways to send less, cheapest first."""
    heaviest = heaviest_branch(cost)
    name = heaviest.path if heaviest else "it"
    ways = [f"send {name} once per worker: initializer=..., initargs=(...), and keep it in a module global there"]
    if heaviest and any(word in heaviest.type for word in ("ndarray", "DataFrame", "bytes", "array")):
        ways.append(f"put {name} into multiprocessing.shared_memory and send its name")
    if start_method == "fork":
        ways.append(f"under fork a module global set before the pool starts is inherited: nothing of {name} is sent")
    return tuple(ways)
