"""The walk: everything a pickler would save, in its order, noting a failure and going on.

Iterative, with its own stack: depth costs memory, never recursion. The idea is Python's own pickler
(``pickle._Pickler.save``) turned inside out; where it stops at the first error, this collects all of them.
It knows nothing of processes, source files or reports.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pickle import whichmodule  # type: ignore[attr-defined]  # public by use, missing in the stubs
from typing import Any, Protocol

from harness.probes.edges import ATOMS, CONTAINERS, reduced
from harness.probes.paths import Edge, Step, join
from harness.probes.picklers import Flavor

_BEAT = 2048
_KEPT_FRAMES = 64
_UNNAMED_TYPES = (type(None), type(...), type(NotImplemented))


class Beacon(Protocol):
    """Told about progress, so that an observer can tell a slow walk from a stuck one."""

    def enter(self) -> int:
        """Say that the user's code is about to run; returns the number of this call."""

    def nodes(self, count: int) -> None:
        """Say how many nodes have been seen."""


class SilentBeacon:
    """A beacon that nobody watches; it numbers the calls."""

    def __init__(self) -> None:
        self.calls = 0

    def enter(self) -> int:
        self.calls += 1
        return self.calls

    def nodes(self, count: int) -> None:
        return None


@dataclass(frozen=True)
class Holder:
    """One object on the way from the root to a failure, and the edge that led to it (None for the root)."""

    obj: Any
    edge: Edge | None


@dataclass(frozen=True)
class Failure:
    """An object that the pickler cannot save: its path, the holders above it (outermost first) and the error."""

    path: str
    root: str
    obj: Any
    holders: tuple[Holder, ...]
    edge: Edge | None
    error: BaseException
    by_name: bool = False


@dataclass(frozen=True)
class Walked:
    """The result: all failures in pickling order, the number of nodes, the greatest depth."""

    failures: tuple[Failure, ...]
    nodes: int
    depth: int
    more: int = 0


class Stuck(Exception):
    """Stands for code of the user that hung or ended the process when it was last called."""


_Frame = tuple[Any, Edge | None, Iterator[Step]]


class Walker:
    """Walks from roots as one pickler would.

    ``forced`` maps the number of a call into the user's code to the error to note instead of making the call;
    ``after`` is called with each finished object and its path, children before parents.
    """

    def __init__(
        self,
        flavor: Flavor,
        *,
        beacon: Beacon | None = None,
        forced: dict[int, str] | None = None,
        after: Callable[[Any, str], None] | None = None,
        limit: int = 200,
    ) -> None:
        self._flavor = flavor
        self._beacon = beacon or SilentBeacon()
        self._forced = forced or {}
        self._after = after
        self._limit = limit
        self._seen: dict[int, Any] = {}
        self._frames: list[_Frame] = []
        self._failures: list[Failure] = []
        self._more = 0
        self._nodes = 0
        self._depth = 0
        self._root = ""

    def walk(self, roots: dict[str, Any]) -> Walked:
        """Walk from every root in turn; an object reached twice is walked once."""
        with self._flavor.pickling():
            for name, obj in roots.items():
                self._root = name
                self._from(obj)
        self._beacon.nodes(self._nodes)
        return Walked(tuple(self._failures), self._nodes, self._depth, self._more)

    def _from(self, root: Any) -> None:
        if type(root) in ATOMS or id(root) in self._seen:
            self._nodes += 1
            return
        self._seen[id(root)] = root
        first = self._expand(root, None)
        if first is not None:
            self._frames.append((root, None, first))
            self._loop()

    def _loop(self) -> None:
        frames, seen = self._frames, self._seen
        while frames:
            for style, key, child in frames[-1][2]:
                ident = id(child)
                if ident in seen:
                    continue
                seen[ident] = child
                steps = self._expand(child, (style, key))
                if steps is not None:
                    frames.append((child, (style, key), steps))
                    self._depth = max(self._depth, len(frames))
                    break
            else:
                self._finish(frames)

    def _finish(self, frames: list[_Frame]) -> None:
        if self._after is not None and type(frames[-1][0]) not in CONTAINERS:
            self._after(frames[-1][0], join(self._root, [edge for _, edge, _ in frames if edge is not None]))
        frames.pop()

    def _expand(self, obj: Any, edge: Edge | None) -> Iterator[Step] | None:
        self._nodes += 1
        kind = type(obj)
        container = CONTAINERS.get(kind)
        if container is not None:
            self._count(len(obj))
            return container(obj)  # type: ignore[no-any-return]
        call = self._beacon.enter()
        if self._nodes % _BEAT == 0:
            self._beacon.nodes(self._nodes)
        if call in self._forced:
            self._fail(obj, edge, Stuck(self._forced[call]))
            return None
        try:
            reduction = self._flavor.reduce(obj, kind)
            if reduction is None or isinstance(reduction, str):
                self._check_global(obj, edge, reduction)
                return None
            steps = reduced(obj, reduction)
        except BaseException as error:  # whatever the user's code raises is the finding, SystemExit included
            self._fail(obj, edge, error)
            return None
        if reduction[2:3] and type(reduction[2]) is dict:
            self._count(len(reduction[2]))
        return iter(steps)

    def _count(self, atoms: int) -> None:
        before = self._nodes
        self._nodes += atoms
        if self._nodes // _BEAT != before // _BEAT:
            self._beacon.nodes(self._nodes)

    def _check_global(self, obj: Any, edge: Edge | None, name: str | None) -> None:
        found = _lookup(obj, name)
        if found is obj or any(obj is kind for kind in _UNNAMED_TYPES):
            return
        try:
            self._flavor.dumps(obj)
        except BaseException as error:  # the real pickler words it best
            self._fail(obj, edge, error, by_name=True)

    def _fail(self, obj: Any, edge: Edge | None, error: BaseException, *, by_name: bool = False) -> None:
        if len(self._failures) >= self._limit:
            self._more += 1
            return
        edges = [frame[1] for frame in self._frames if frame[1] is not None]
        if edge is not None:
            edges.append(edge)
        frames = (
            self._frames if len(self._frames) <= _KEPT_FRAMES else self._frames[:8] + self._frames[8 - _KEPT_FRAMES :]
        )
        holders = tuple(Holder(frame[0], frame[1]) for frame in frames)
        self._failures.append(Failure(join(self._root, edges), self._root, obj, holders, edge, error, by_name))


def _lookup(obj: Any, name: str | None) -> Any:
    """Return what the global name of ``obj`` leads to; a fresh object when it leads nowhere."""
    try:
        dotted = name or getattr(obj, "__qualname__", None) or obj.__name__
        module_name = whichmodule(obj, dotted)
        __import__(module_name)
        found: Any = sys.modules[module_name]
        for part in dotted.split("."):
            found = getattr(found, part)
    except Exception:  # the name leads nowhere: the real pickler is asked and words the failure
        return object()
    return found
