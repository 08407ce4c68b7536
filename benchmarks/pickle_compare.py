"""The pickle probe beside dill.detect, ray.util.inspect_serializability, cloudpickle and plain pickle, on one corpus.

One command prints the table: ``python -m benchmarks.pickle_compare``. Every tool runs in a process of its own with a
time limit per object; one that hangs or dies is counted and started again at the next object. A tool that is not
installed gets a row that says so.

What counts, the same for all: *found*: it says that the object fails; *named*: it points at the very object that
cannot be pickled (or, where it answers with text only, names its type or function); *path*: it gives every attribute
and key from the root to it, in order.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import io
import json
import os
import pickle
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.probes.corpus.case import Case, Expected, Fails
from tests.probes.corpus.own import CASES as OWN
from tests.probes.corpus.published import CASES as PUBLISHED
from tests.probes.corpus.score import Score, score

ROOT = Path(__file__).resolve().parents[1]
PARTS: dict[str, tuple[Case, ...]] = {"published": PUBLISHED, "own": OWN}
SECONDS = {"harness": 60.0}  # it starts fresh processes and waits for those that hang
PEER_SECONDS = 8.0


@dataclass(frozen=True)
class Answer:
    """What a tool said of one object: objects it points at with their path words, and its text."""

    fails: bool
    pointed: tuple[tuple[Any, tuple[str, ...]], ...] = ()
    text: str = ""
    after_dump: str = ""


def plain_pickle(obj: object) -> Answer:
    """Dump and load here, and read the error."""
    return _by_error(pickle.dumps, obj)


def cloudpickle_dumps(obj: object) -> Answer:
    """Dump with cloudpickle, load here, and read the error."""
    cloudpickle = importlib.import_module("cloudpickle")
    return _by_error(cloudpickle.dumps, obj)


def _by_error(dumps: Callable[[object], bytes], obj: object) -> Answer:
    try:
        payload = dumps(obj)
    except BaseException as error:
        return Answer(True, text=" ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]))
    try:
        pickle.loads(payload)
    except BaseException as error:
        return Answer(False, after_dump=f"{type(error).__name__}: {error}")
    return Answer(False)


def dill_detect(obj: object) -> Answer:
    """Ask ``dill.detect.badobjects``, four levels deep: its time grows exponentially, at ten it hangs on most."""
    bad = importlib.import_module("dill.detect").badobjects(obj, depth=4)
    pointed = tuple(_leaves(bad, ()))
    return Answer(bool(bad), pointed)


def _leaves(bad: Any, words: tuple[str, ...]) -> Iterator[tuple[Any, tuple[str, ...]]]:
    if isinstance(bad, dict) and bad:
        for name, inner in bad.items():
            yield from _leaves(inner, (*words, str(name)))
    elif bad is not None:
        yield bad, words


def ray_inspect(obj: object) -> Answer:
    """Ask ``ray.util.inspect_serializability``, ten levels deep."""
    inspect_serializability = importlib.import_module("ray.util").inspect_serializability
    out = io.StringIO()
    fine, failures = inspect_serializability(obj, name="obj", depth=10, print_file=out)
    words = tuple(re.findall(r"Serializing '([^']*)'", out.getvalue()))
    return Answer(not fine, tuple((failure.obj, (*words, *map(str, failure.path))) for failure in failures), "")


TOOLS: dict[str, tuple[str, Callable[[object], Answer]]] = {
    "dill.detect": ("dill", dill_detect),
    "ray.inspect": ("ray", ray_inspect),
    "cloudpickle": ("cloudpickle", cloudpickle_dumps),
    "pickle": ("", plain_pickle),
}


def judge(case: Case, obj: object, answer: Answer) -> Score:
    """Score a peer's answer with the corpus' expectations."""
    if case.fails is Fails.NOTHING:
        return Score(case.name, case.fails, not answer.fails and not answer.after_dump)
    if case.fails is not Fails.DUMP:
        found = bool(answer.after_dump) and case.fails is Fails.LOAD
        return Score(case.name, case.fails, found, len(case.expected), 0, len(case.expected) if found else 0)
    named = sum(_names(wanted, obj, answer) for wanted in case.expected)
    paths = sum(_has_path(wanted, obj, answer) for wanted in case.expected)
    lines = sum(bool(wanted.line) for wanted in case.expected)
    return Score(case.name, case.fails, answer.fails, len(case.expected), named, paths, lines, 0)


def _names(wanted: Expected, obj: object, answer: Answer) -> bool:
    culprit = eval(wanted.path, {"obj": obj})
    if any(pointed is culprit for pointed, _ in answer.pointed):
        return True
    name = getattr(culprit, "__qualname__", None) or type(culprit).__name__
    return bool(answer.text) and name in answer.text


def _has_path(wanted: Expected, obj: object, answer: Answer) -> bool:
    culprit = eval(wanted.path, {"obj": obj})
    steps = re.findall(r"\.(\w+)|\[([^\]]+)\]", wanted.path)
    words = [attribute or key.strip("'\"") for attribute, key in steps if attribute not in ("__class__",)]
    for pointed, given in answer.pointed:
        if pointed is culprit and _in_order(words, list(given)):
            return True
    return _names(wanted, obj, answer) and bool(answer.text) and _in_order(words, re.findall(r"\w+", answer.text))


def _in_order(words: list[str], given: list[str]) -> bool:
    rest = iter(given)
    return all(any(word == candidate for candidate in rest) for word in words)


def work(tool: str, part: str, start: int) -> None:
    """Score the cases of a part from ``start`` on, one JSON line each: the body of a tool's process."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    if tool != "harness":
        TOOLS[tool][1](1)  # its imports are not the first object's fault
    for index, case in enumerate(PARTS[part][start:], start):
        obj = case.make()
        out.write(json.dumps({"start": index}) + "\n")
        began = time.perf_counter()
        found = _harness(case, obj) if tool == "harness" else judge(case, obj, TOOLS[tool][1](obj))
        out.write(json.dumps({"index": index, "seconds": time.perf_counter() - began, **asdict(found)}) + "\n")


def _harness(case: Case, obj: object) -> Score:
    from harness.probes import probe_pickle

    report = probe_pickle(
        obj, start_method="spawn", max_bytes=case.max_bytes, timeout=2.0, fixes=False, everywhere=False
    )
    return score(case, obj, report)


@dataclass
class Row:
    """A tool on a part of the corpus: its scores, and the objects on which it hung or died."""

    tool: str
    scores: list[Score]
    seconds: float
    broken: list[str]


def run(tool: str, part: str) -> Row:
    """Run a tool over a part, again after each object that it hangs or dies on."""
    row = Row(tool, [], 0.0, [])
    start = 0
    cases = PARTS[part]
    while start < len(cases):
        done, broken = _run_from(tool, part, start, row)
        if not broken:
            break
        case = cases[done]
        row.broken.append(case.name)
        row.scores.append(_missed(case))
        start = done + 1
    return row


def _missed(case: Case) -> Score:
    lines = sum(bool(wanted.line) for wanted in case.expected) if case.fails is Fails.DUMP else 0
    return Score(case.name, case.fails, False, len(case.expected), 0, 0, lines, 0)


def _run_from(tool: str, part: str, start: int, row: Row) -> tuple[int, bool]:
    command = [sys.executable, "-m", "benchmarks.pickle_compare", "--tool", tool, "--part", part, "--start", str(start)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    current = start
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        for message in _messages(child.stdout.fileno(), SECONDS.get(tool, PEER_SECONDS)):
            if "start" in message:
                current = message["start"]
            else:
                row.seconds += message.pop("seconds")
                current = message.pop("index") + 1
                row.scores.append(Score(**{**message, "fails": Fails(message["fails"])}))
        child.kill()
    return current, current < len(PARTS[part])


def _messages(fd: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield JSON lines until the stream ends or nothing comes for the time limit; the start may take longer."""
    buffer, limit = b"", 120.0
    while True:
        ready, _, _ = select.select([fd], [], [], limit)
        limit = seconds
        chunk = os.read(fd, 1 << 16) if ready else b""
        if not chunk:
            return
        buffer += chunk
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            yield json.loads(line)


def available(tool: str) -> str | None:
    """Return the version of a tool's package, or None when it is not installed."""
    package = "" if tool == "harness" else TOOLS[tool][0]
    if not package:
        return ""
    if importlib.util.find_spec(package) is None:
        return None
    return importlib.metadata.version(package)


def table(part: str, rows: list[Row]) -> None:
    """Print the rows of one part."""
    from rich.console import Console
    from rich.table import Table

    from tests.probes.corpus.score import totals

    cases = PARTS[part]
    version = ".".join(map(str, sys.version_info[:3]))
    view = Table(title=f"{part}: {len(cases)} objects, Python {version} (right / all)")
    for column in ("tool", "dump found", "culprit named", "full path", "source line", "load", "state", "identity",
                   "cost", "fine ones passed", "hung or died", "ms per object"):  # fmt: skip
        view.add_column(column, justify="left" if column == "tool" else "right")
    for row in rows:
        found = totals(row.scores)
        pairs = (found.dump_found, found.named, found.paths, found.lines, found.load, found.state, found.identity,
                 found.cost, found.fine)  # fmt: skip
        pace = 1000 * row.seconds / max(1, len(row.scores) - len(row.broken))
        view.add_row(row.tool, *(f"{a}/{b}" for a, b in pairs), str(len(row.broken)), f"{pace:.0f}")
    Console(width=170).print(view)


def main() -> None:
    """Print the table, or be a tool's process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool")
    parser.add_argument("--part", choices=[*PARTS])
    parser.add_argument("--start", type=int, default=0)
    options = parser.parse_args()
    if options.tool and options.part:
        work(options.tool, options.part, options.start)
        return
    tools = {tool: available(tool) for tool in ("harness", *TOOLS)}
    for part in PARTS:
        rows = []
        for tool, version in tools.items():
            if version is not None:
                row = run(tool, part)
                rows.append(Row(f"{tool} {version}".strip(), row.scores, row.seconds, row.broken))
        table(part, rows)
    for tool, version in tools.items():
        if version is None:
            print(f"{tool}: not installed, so not in the table")


if __name__ == "__main__":
    main()
