"""Who hangs and why: the chain of waits, the children with their lines, and which of them are guilty. Ends nobody."""

from __future__ import annotations

import linecache
import sys
import threading
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import psutil

from harness.audit.observe import Process
from harness.audit.places import passed_over
from harness.doctor import proc
from harness.doctor.children import Line, await_stacks, stacks
from harness.doctor.waits import Link, chain
from harness.probes.origins import show_file

WRITING = 3.0
"""How long the children of a test may take to write where they stand: they and the doctor wake at the same moment."""
OWN = ("hang doctor",)
_WORKERS = (("concurrent/futures/process.py", "_process_worker"), ("multiprocessing/pool.py", "worker"),
            ("loky/process_executor.py", "_process_worker"))  # fmt: skip


@dataclass(frozen=True)
class Child:
    """A process below this one: where it stands, what the kernel says, and whether it only waits for work."""

    pid: int
    command: str
    stack: tuple[Line, ...]
    seen: proc.Seen
    ends: tuple[int, ...] | None
    idle: bool
    started_here: bool

    @property
    def at(self) -> str:
        """Its nearest line outside the libraries, else its innermost."""
        line = next((line for line in self.stack if not passed_over(line.file)), self.stack[0] if self.stack else None)
        if line is None:
            return "its Python stack cannot be seen"
        if any(line.function == "_finalize_join" for line in self.stack):
            return "its end: it waits for a process to read what it put into a multiprocessing.Queue"
        text = linecache.getline(line.file, line.line).strip()
        return f"{show_file(line.file)}:{line.line} in {line.function}" + (f": {text}" if text else "")

    def lines(self) -> list[str]:
        whose = "started by this test" if self.started_here else "not started by this test: left alone"
        ends = ""
        if self.ends is not None:
            holders = ", ".join(f"process {pid}" for pid in self.ends) or "nobody"
            ends = f"; the other end of the pipe is held by {holders}"
        return [
            f"process {self.pid}, {whose}: {self.command}",
            f"  at        {self.at}",
            f"  kernel    {self.seen}{ends}",
            *(["  idle      waits for work"] if self.idle else []),
        ]


@dataclass(frozen=True)
class Diagnosis:
    """A hang: who waits for whom, the children, and the identifiers of those that keep the chain waiting."""

    links: tuple[Link, ...]
    children: tuple[Child, ...]
    guilty: tuple[int, ...]
    stacks: str

    def __str__(self) -> str:
        lines = []
        for link in self.links:
            lines.append(f"thread {link.thread.name}")
            lines.append(f"  at        {link.at}")
            lines.append(f"  waits for {link.wait.text if link.wait is not None else 'nothing that is known'}")
        for child in self.children:
            lines += child.lines()
        return "\n".join(lines)


def diagnose(
    processes: dict[Process, psutil.Process], started: set[Process], folder: str, *,
    first: Iterable[threading.Thread], spare_idle: bool = True,
) -> Diagnosis:  # fmt: skip
    """Look at the threads ``first`` and what they wait for, and at all ``processes`` below this one.

    Guilty are the processes that the chain of waits names, started by this test, which do not just wait for work.
    """
    links: list[Link] = []
    for thread in first:
        links += [link for link in chain(thread) if all(link.thread is not known.thread for known in links)]
    # Others are not judged; and who has not written by the first look will not.
    await_stacks(folder, [pid for pid, _ in started], WRITING if spare_idle else 0)
    pids = [pid for pid, _ in processes]
    children = [_child(key, process, key in started, folder, pids) for key, process in processes.items()]
    named = {pid for link in links if link.wait is not None for pid in link.wait.pids}
    guilty = [
        child.pid
        for child in children
        if child.pid in named and child.started_here and child.seen.state != "Z" and not (spare_idle and child.idle)
    ]
    return Diagnosis(tuple(links), tuple(children), tuple(guilty), _all_stacks(children))


def _child(key: Process, process: psutil.Process, here: bool, folder: str, among: list[int]) -> Child:
    pid = key[0]
    seen = proc.see(pid)
    written = stacks(folder, pid)
    stack = tuple(written[-1]) if written else ()
    ends = None
    if seen.descriptor >= 0:
        found = proc.other_ends(pid, seen.descriptor, seen.call != "write", [*among, psutil.Process().pid])
        ends = tuple(found) if found is not None else None
    try:
        command = " ".join(process.cmdline())
    except psutil.Error:
        command = ""
    return Child(pid, command[:100] or "(ended)", stack, seen, ends, waits_for_work(stack), here)


def waits_for_work(stack: Iterable[Line]) -> bool:
    """Whether a worker of a pool stands where it takes its next task."""
    lines = list(stack)
    for number, line in enumerate(lines):
        if any(line.file.endswith(f"/{file}") and line.function == name for file, name in _WORKERS):
            inside = lines[number - 1] if number else None
            return inside is not None and inside.function == "get" and inside.file.endswith("/queues.py")
    return False


def _all_stacks(children: Iterable[Child]) -> str:
    """The stacks of all threads of this process and of the children, outermost first."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = []
    main = threading.main_thread().ident
    for ident, frame in sorted(sys._current_frames().items(), key=lambda entry: entry[0] != main):
        if names.get(ident) not in OWN:
            parts.append(f"thread {names.get(ident, ident)}\n{''.join(_stack(frame)).rstrip()}")
    for child in children:
        shown = "\n".join(
            f'  File "{show_file(line.file)}", line {line.line}, in {line.function}' for line in reversed(child.stack)
        )
        parts.append(f"process {child.pid}\n{shown or '  (no Python stack)'}")
    return "\n".join(parts)


def _stack(frame: FrameType) -> list[str]:
    """The stack of a thread, less pytest's own part of it."""
    summary: Any = traceback.StackSummary.extract(traceback.walk_stack(frame), limit=60, lookup_lines=True)
    summary.reverse()
    entries = list(summary)
    for number in range(len(entries) - 1, -1, -1):
        if "/_pytest/" in entries[number].filename or "/pluggy/" in entries[number].filename:
            entries = entries[number + 1 :]
            break
    return traceback.format_list(entries)
