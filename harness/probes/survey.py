"""One look at what is sent together: the walk, the real dump, the state before it and after it, and the cost.

It is the work that runs in the sandbox; everything it returns is plain data. It starts no process itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from harness.probes.cost import branches
from harness.probes.diagnosis import culprit_of
from harness.probes.fresh_child import apply_patches, describe_error
from harness.probes.identity import sentinels_in
from harness.probes.origins import Origins, definition
from harness.probes.paths import ATTR, ITEM, WRAP, Edge
from harness.probes.picklers import Flavor, available
from harness.probes.report import Branch, Culprit
from harness.probes.sandbox import Page
from harness.probes.state import Record, compare, describe, parent_of
from harness.probes.walk import Holder, Walker

_PATIENCE = 12
_HEAVY = 1 << 16


@dataclass(frozen=True)
class Group:
    """Roots that one pickler sends in one go: a work item, or the worker process itself."""

    label: str
    roots: dict[str, Any]
    flavor: Flavor


@dataclass(frozen=True)
class Survey:
    """What was seen of one group; ``payload`` is None when it does not dump."""

    culprits: tuple[Culprit, ...] = ()
    more: int = 0
    nodes: int = 0
    depth: int = 0
    payload: bytes | None = None
    error: str = ""
    dump_seconds: float = 0.0
    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    singletons: tuple[tuple[str, str, str, str], ...] = ()
    mutations: tuple[tuple[str, str], ...] = ()
    branches: tuple[Branch, ...] = ()
    others: dict[str, str | bytes] = field(default_factory=dict)
    shared_fds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Request:
    """What to survey, which calls not to make again, and whether to look beyond the dump (``extras``)."""

    group: Group
    origins: Origins
    forced: dict[int, str] = field(default_factory=dict)
    extras: bool = True
    patches: tuple[tuple[str, str, str], ...] = ()


def survey(request: Request, page: Page) -> Survey:
    """Look at a group. Runs the user's pickling hooks and reprs."""
    group = request.group
    apply_patches(request.patches)
    page.phase(_PATIENCE)
    described = _describe(group) if request.extras else {}
    page.phase()
    walked = Walker(group.flavor, beacon=page, forced=request.forced).walk(group.roots)
    page.phase(_PATIENCE)
    payload, error, seconds = None, "", 0.0
    if not request.forced:
        payload, error, seconds = _dump(group)
    page.phase()
    # The real pickler has the last word: what it accepts is no culprit, whatever the walk thought of it.
    failures = walked.failures if payload is None else ()
    culprits = tuple(culprit_of(failure, request.origins, group.flavor) for failure in failures)
    found = Survey(
        culprits, walked.more if failures else 0, walked.nodes, walked.depth, payload, error, seconds,
        shared_fds=tuple(dict.fromkeys(group.flavor.shared)),
    )  # fmt: skip
    if not request.extras:
        return found
    page.phase(_PATIENCE)
    return _with_extras(found, group, described)


def _dump(group: Group) -> tuple[bytes | None, str, float]:
    started = time.perf_counter()
    try:
        payload = group.flavor.dumps(group.roots)
    except BaseException as error:
        return None, describe_error(error), 0.0
    return payload, "", time.perf_counter() - started


def _describe(group: Group) -> dict[str, tuple[dict[str, Record], dict[str, Any]]]:
    return {name: describe(obj, name) for name, obj in group.roots.items()}


def _with_extras(found: Survey, group: Group, described: dict[str, tuple[dict[str, Record], dict[str, Any]]]) -> Survey:
    extras: dict[str, Any] = {"others": _other_picklers(group)}
    if found.payload is not None:
        records = {name: pair[0] for name, pair in described.items()}
        extras["records"] = records
        extras["mutations"] = _mutations(group, records)
        extras["singletons"] = tuple(item for name, pair in described.items() for item in sentinels_in(name, pair[1]))
        if len(found.payload) >= _HEAVY:
            heavy = [branch for name, obj in group.roots.items() for branch in _branches(group, name, obj)]
            extras["branches"] = tuple(sorted(heavy, key=lambda branch: -branch.bytes))
    return Survey(**{**vars(found), **extras})


def _branches(group: Group, name: str, obj: Any) -> tuple[Branch, ...]:
    try:
        return branches(group.flavor, name, obj)
    except Exception:  # a root that cannot be pickled alone has no branches to weigh
        return ()


def _mutations(group: Group, before: dict[str, dict[str, Record]]) -> tuple[tuple[str, str], ...]:
    changed = []
    for name, obj in group.roots.items():
        after, _ = describe(obj, name)
        changed += [(path, detail) for path, _, detail in compare(before[name], after)]
    return tuple(changed)


def _other_picklers(group: Group) -> dict[str, str | bytes]:
    """Return what the other picklers made of it, or their error."""
    said: dict[str, str | bytes] = {}
    for other in available(spawning=group.flavor.spawning):
        if other.name != group.flavor.name:
            try:
                said[other.name] = other.dumps(group.roots)
            except BaseException as error:
                said[other.name] = describe_error(error)
    return said


def locate(request: Request, paths: tuple[str, ...], by_class: bool, page: Page) -> dict[str, str]:
    """Return ``path -> file:line`` for paths of a described group: where it was set, or where its class is."""
    page.phase(_PATIENCE)
    places = {}
    for name, (_, objects) in _describe(request.group).items():
        for path in paths:
            if path not in objects and parent_of(path) not in objects:
                continue
            holders = _holders(path, name, objects)
            known = request.origins.trail(name, holders)
            if by_class and path in objects:
                known.append(definition(type(objects[path])))
            place = next((place for place in reversed(known) if place and not place.library), None)
            if place is not None:
                places[path] = str(place)
    return places


def _holders(path: str, root: str, objects: dict[str, Any]) -> list[Holder]:
    chain = [path]
    while chain[-1] != root and parent_of(chain[-1]):
        chain.append(parent_of(chain[-1]))
    chain.reverse()
    pairs = zip(chain, ["", *chain[:-1]], strict=True)
    return [Holder(objects.get(here), _edge(here, parent) if parent else None) for here, parent in pairs]


def _edge(path: str, parent: str) -> Edge:
    if not path.startswith(parent):
        return WRAP, "list({})"
    rest = path[len(parent) :]
    if rest.startswith("."):
        return ATTR, rest[1:]
    try:
        return ITEM, eval(rest[1:-1], {})  # a literal that describe() wrote with repr
    except Exception:
        return WRAP, "list({})"


@dataclass(frozen=True)
class Part:
    """One inner object pickled alone: for finding the one that does not load."""

    path: str
    payload: bytes


def parts(request: Request, page: Page, limit: int = 2000, most_bytes: int = 1 << 26) -> tuple[Part, ...]:
    """Return the objects of a group pickled one by one, inner ones first; one that cannot be alone is left out."""
    found: list[Part] = []
    budget = most_bytes
    apply_patches(request.patches)

    def after(obj: Any, path: str) -> None:
        nonlocal budget
        if len(found) >= limit or budget < 0:
            return
        try:
            payload = request.group.flavor.dumps(obj)
        except Exception:
            return
        budget -= len(payload)
        found.append(Part(path, payload))

    Walker(request.group.flavor, beacon=page, after=after).walk(request.group.roots)
    return tuple(found)
