"""One side of a pair: a fresh process that makes one benchmark ready and runs slices of it when told.

It is started with the harness of head and the code of its side, speaks JSON lines, and ends with its standard input:
nothing is left behind when the gate is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from harness.gate import tree
from harness.gate.marks import MARK, Mark
from harness.gate.runs import Run, marked_run, workload_run
from harness.model import UsageError, one_line, steady

WARM = 0.06  # seconds of work before the first slice: caches, lazy imports, threads that start on demand


def import_file(path: Path) -> Any:
    """Import a file as pytest's default mode does: by its dotted name below the first folder that is no package."""
    names, folder = [path.stem], path.resolve().parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return importlib.import_module(".".join(names))


def marked_in(path: Path) -> dict[str, tuple[Callable[..., Any], Mark]]:
    """The marked functions that a file defines."""
    module = import_file(path)
    return {
        name: (value, getattr(value, MARK))
        for name, value in vars(module).items()
        if callable(value) and hasattr(value, MARK) and getattr(value, "__module__", "") == module.__name__
    }


def fingerprint(value: Any, root: str) -> str:
    """A digest that is equal for equal plain results in any process; empty for what says nothing of its contents.

    Addresses and the folder of the side are left out: they differ between processes that do the same.
    """
    if value is None or getattr(type(value), "__repr__", None) == object.__repr__:
        return ""
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):
        raw = f"{value.dtype}{value.shape}".encode() + value.tobytes()
    else:
        shown = repr(sorted(map(repr, value)) if isinstance(value, (set, frozenset)) else value)
        raw = steady(shown).replace(root, ".").encode(errors="replace")
    return hashlib.sha256(raw).hexdigest()[:16]


class Channel:
    """The line protocol with the gate."""

    def __init__(self, lines: TextIO, out: TextIO) -> None:
        self._lines, self._out = lines, out

    def say(self, **message: Any) -> None:
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def commands(self) -> Iterator[dict[str, Any]]:
        for line in self._lines:
            yield json.loads(line)


@dataclass(frozen=True)
class Session:
    """What a process was asked for and the channel on which it answers; ``began``: its first moment."""

    request: dict[str, Any]
    channel: Channel
    began: float

    def serve(self, run: Run, tasks: int, compare: bool) -> Any:
        """Warm up, say ready, then run slices until told to end; returns the last result."""
        before = tree.thread_seconds()
        result = run(1)
        startup = time.perf_counter() - self.began
        root = self.request["root"]
        prints = {fingerprint(result, root), fingerprint(run(1), root)} if compare else {""}
        self.channel.say(
            startup=startup,
            cpus=len(os.sched_getaffinity(0)),
            seconds_per_call=_warm(run),
            fingerprint=prints.pop() if len(prints) == 1 else "",
        )
        for command in self.channel.commands():
            if command["do"] == "pin":
                self.channel.say(pinned=tree.pin_workers(before, command["cpu"]))
            elif command["do"] == "slice":
                queued, cpu, wall = tree.queued_seconds(), tree.cpu_seconds(), time.perf_counter()
                result = run(command["calls"])
                wall, cpu = time.perf_counter() - wall, tree.cpu_seconds() - cpu
                queued = max(0.0, tree.queued_seconds() - queued)
                self.channel.say(wall=wall, cpu=cpu, tasks=command["calls"] * tasks, queued=queued)
            elif command["do"] == "diagnose":
                from harness.gate import diagnose

                self.channel.say(**diagnose.observe(run, command["calls"], tasks))
            elif command["do"] == "end":
                break
        return result


def _warm(run: Run) -> float:
    """Seconds a call takes, of the last and largest batch: enough for the length of a slice."""
    begun, calls = time.perf_counter(), 1
    while True:
        batch = time.perf_counter()
        run(calls)
        now = time.perf_counter()
        if now - begun >= WARM:
            return (now - batch) / calls
        calls = min(calls * 2, 1 << 20)


def _listed(root: Path, request: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    for path in request["files"]:
        try:
            for name, (function, _) in sorted(marked_in(root / path).items()):
                line = function.__code__.co_firstlineno if hasattr(function, "__code__") else 1
                found.append({"kind": "marked", "name": f"{path}::{name}", "file": path, "line": line})
        except (Exception, SystemExit) as error:
            problems.append({"file": path, **failure(error, request)})
    return found, problems


def failure(error: BaseException, request: dict[str, Any]) -> dict[str, Any]:
    """What went wrong, in one line; ``own_code``: importing the side's own code failed, not a benchmark's use of it."""
    root = request["root"] + os.sep
    bench = tuple(str(Path(root, path)) for path in request["benchmarks"])
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(root) and not frame.filename.startswith(bench)]
    broken = bool(own) and own[-1].name == "<module>"
    if isinstance(error, SyntaxError) and error.filename:
        broken = error.filename.startswith(root) and not error.filename.startswith(bench)
    remedy = ""
    if isinstance(error, ModuleNotFoundError) and error.name and not Path(root, error.name.partition(".")[0]).exists():
        remedy = f"; install {error.name} for the gate"
    return {"error": one_line(error) + remedy, "own_code": broken, "skipped": type(error).__name__ == "Skipped"}


def foreign_modules(request: dict[str, Any]) -> list[str]:
    """Modules that should have come from this side's tree: with them both sides would be the same code."""
    root = request["root"] + os.sep
    elsewhere = tuple(folder + os.sep for folder in request["foreign"])
    installed: set[str] = set()
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        if request["project"]:
            listed = importlib.metadata.distribution(request["project"]).files or []
            installed = {os.path.realpath(str(path.locate())) for path in listed if path.suffix == ".py"}
    found = []
    for name, module in list(sys.modules.items()):
        file = str(getattr(module, "__file__", None) or "")
        if name.split(".")[0] == "harness" or (file.startswith((root, sys.prefix + os.sep)) and file not in installed):
            continue
        if file.startswith(elsewhere) or file in installed:
            found.append(name)
    return sorted(found)


def _serve(session: Session) -> dict[str, Any]:
    """Do what was asked; the last message."""
    request = session.request
    root, kind = Path(request["root"]), request["kind"]
    if kind == "list":
        return dict(zip(("found", "problems"), _listed(root, request), strict=True))
    if kind == "workloads":
        from harness.pools.workload import resolve  # only where there are workloads: this process starts often

        return {"environments": [dict(resolve(reference).environment) for reference in request["references"]]}
    more: dict[str, Any] = {}
    if kind == "marked":
        path, _, name = request["name"].partition("::")
        marked = marked_in(root / path)
        if name not in marked:
            raise UsageError(f"{path} has no benchmark {name}")
        function, mark = marked[name]
        with marked_run(function, mark) as run:
            session.serve(run, mark.tasks, mark.compare)
    elif kind == "workload":
        reference, _, pool = request["name"].rpartition("@")
        with workload_run(reference, pool, request["workers"]) as run:
            session.serve(run, 1, True)
    else:
        more = importlib.import_module("harness.gate.fixture_side").run(session)
        if kind == "collect":
            return more
    return {"pss": tree.pss_bytes(), "foreign": foreign_modules(request), **more}


def main(request: dict[str, Any]) -> None:
    """Do what the gate asked for on the command line."""
    began = time.perf_counter()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the benchmark prints must not break the protocol
    channel = Channel(os.fdopen(os.dup(0), encoding="utf-8"), out)  # a copy: pytest's capture takes the original away
    threading.current_thread().name = "benchmark"
    try:
        channel.say(**_serve(Session(request, channel, began)))
    except BaseException as error:
        with contextlib.suppress(OSError):
            channel.say(**failure(error, request))
        raise SystemExit(1) from None
