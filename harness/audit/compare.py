"""What is there now and was not before, as leaks: one function for each kind of thing."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import psutil

from harness.audit.holding import holding
from harness.audit.leaks import Leak, LeakKind
from harness.audit.notes import notes
from harness.audit.observe import (
    SEGMENTS,
    State,
    children,
    descriptors,
    holder_of,
    kept_paths,
    mapped_segments,
    native_locks,
    own_thread,
    raw_threads,
    segments,
    tasks,
)
from harness.audit.places import belongs_to_harness, standing
from harness.audit.workers import Workers, workers
from harness.model import one_line

_KINDS = {"socket": LeakKind.SOCKET, "pipe": LeakKind.PIPE, "anon_inode": LeakKind.DESCRIPTOR}


def difference(before: State) -> Iterator[Leak]:
    """Everything that is there now and was not ``before``, but for what works for a pool that was."""
    kept = workers(before.pools)
    yield from _threads(before, kept)
    yield from _descriptors(before, kept)
    yield from _children(before, kept)
    yield from _segments(before)
    yield from _paths(before)
    tracked = gc.get_objects()
    yield from _locks(before, tracked)
    yield from _tasks(before, tracked)
    del tracked
    yield from _futures(before)


def _threads(before: State, kept: Workers) -> Iterator[Leak]:
    frames = sys._current_frames()
    for thread in threading.enumerate():
        if thread not in before.threads and thread not in kept.threads and not own_thread(thread):
            at = standing(frames.get(thread.ident or 0))
            yield Leak(LeakKind.THREAD, f"{thread.name}, at {at}", getattr(thread, "_harness_made", ""))
    for ident, frame in raw_threads().items():
        if ident not in before.raw_threads and not belongs_to_harness(frame):
            yield Leak(LeakKind.THREAD, f"a thread without a Thread object, at {standing(frame)}")


def _descriptors(before: State, kept: Workers) -> Iterator[Leak]:
    for number, target in sorted(descriptors().items()):
        if (number, target) not in before.descriptors and number not in kept.descriptors:
            known, where = notes.descriptors.get(number, ("", ""))
            kind = _KINDS.get(target.partition(":")[0], LeakKind.FILE)
            shown = f"descriptor {number}" if kind is not LeakKind.FILE else target
            yield Leak(kind, shown, where if known == target else "")


def _children(before: State, kept: Workers) -> Iterator[Leak]:
    for key, process in children().items():
        if key in before.children or process.pid in kept.processes:
            continue
        try:
            parent = process.ppid()
            command = _command(process)
        except psutil.NoSuchProcess:
            continue
        where = notes.children.get(process.pid, "")
        if command is not None:
            yield Leak(LeakKind.CHILD, f"process {process.pid} {command}".rstrip(), where)
        elif parent == os.getpid():
            yield Leak(LeakKind.ZOMBIE, f"process {process.pid}, which has ended", where)


def _command(process: psutil.Process) -> str | None:
    """The command line of a process; None for a zombie, which it may become between two questions."""
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else " ".join(process.cmdline())[:80]
    except psutil.ZombieProcess:
        return None


def _segments(before: State) -> Iterator[Leak]:
    """Shared memory that this process or a forked child made, or that one of them maps.

    Others on the machine make segments too: one of which neither is known is nobody's here.
    """
    new = segments() - before.segments
    if not new:
        return
    mapped = mapped_segments([os.getpid(), *(pid for pid, _ in children())])
    for name in sorted(new):
        # A semaphore of multiprocessing's goes with its object.
        if name in notes.segments or (name in mapped and not name.startswith("sem.")):
            yield Leak(LeakKind.SHARED_MEMORY, f"{SEGMENTS}/{name}", notes.segments.get(name, ""))


def _paths(before: State) -> Iterator[Leak]:
    kept = kept_paths()
    new = [
        path
        for path in sorted(notes.paths)
        if path not in before.paths and os.path.lexists(path) and not path.startswith(kept)
    ]
    for path in new:
        folder = os.path.isdir(path)
        if not any(path.startswith(os.path.join(other, "")) for other in new):
            kind = LeakKind.TEMPORARY_DIRECTORY if folder else LeakKind.TEMPORARY_FILE
            yield Leak(kind, path, notes.paths[path])


def _locks(before: State, tracked: list[Any]) -> Iterator[Leak]:
    for lock, thread, taken in holding.held.copy().values():
        if lock not in before.held and lock._native.locked():
            file, line, *_ = lock._site
            made = f"{os.path.relpath(file)}:{line}" if file else ""
            yield Leak(LeakKind.HELD_LOCK, f"lock taken at {taken} by {thread} and never released", made)
    for lock in native_locks(tracked):
        if lock not in before.native_locks:
            name = holder_of(lock) if not hasattr(lock, "_semlock") else repr(lock)
            if name:
                yield Leak(LeakKind.HELD_LOCK, f"{name} is held")


def _tasks(before: State, tracked: list[Any]) -> Iterator[Leak]:
    asyncio = sys.modules.get("asyncio")
    for thing in tasks(tracked) if asyncio is not None else ():
        if thing in before.tasks:
            continue
        made = getattr(thing, "_harness_made", "")
        task = issubclass(type(thing), asyncio.Task)  # type: ignore[union-attr]
        if not thing.done():
            if task:
                coroutine = getattr(thing, "_coro", None)
                if coroutine is None:
                    continue  # another thread is making it, and `get_coro` would crash: the next look sees it
                stack = thing.get_stack(limit=1)
                at = f", at {standing(stack[-1])}" if stack else ""
                name = getattr(coroutine, "__qualname__", type(coroutine).__qualname__)
                yield Leak(LeakKind.PENDING_TASK, f"{thing.get_name()} ({name}){at}", made)
            elif made and not thing._callbacks:
                yield Leak(LeakKind.PENDING_FUTURE, "an asyncio future that nobody resolves", made)
        elif getattr(thing, "_log_traceback", False):
            kind = LeakKind.TASK_EXCEPTION if task else LeakKind.FUTURE_EXCEPTION
            name = thing.get_name() if task else "a future"
            # Not `exception()`, which would count as asking for it.
            yield Leak(kind, f"{one_line(thing._exception)} in {name}", made)


def _futures(before: State) -> Iterator[Leak]:
    for future in notes.live_futures():
        if not future.done() and future._harness_number not in before.futures:  # type: ignore[attr-defined]
            state = "that is still running" if future.running() else "that nobody resolves"
            made: str = future._harness_made  # type: ignore[attr-defined]
            yield Leak(LeakKind.PENDING_FUTURE, f"a future {state}", made)
    for number, leak in notes.unasked.copy().items():
        if number not in before.unasked:
            yield leak
