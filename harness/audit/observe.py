"""What there is at this moment: threads, descriptors, children, tasks, locks, segments. It compares nothing."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import tempfile
import threading
import weakref
from _thread import LockType, RLock
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType, ModuleType
from typing import Any

import psutil

from harness.audit.holding import holding
from harness.audit.notes import notes
from harness.audit.places import belongs_to_harness
from harness.audit.workers import pools
from harness.probes.origins import is_library_file

SEGMENTS = "/dev/shm"
Process = tuple[int, float]
"""Identifier and start time: an identifier alone is used again."""


@dataclass
class State:
    """A moment; weak where identity is compared, so that it keeps nothing alive."""

    threads: weakref.WeakSet[threading.Thread] = field(default_factory=weakref.WeakSet)
    tasks: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)
    pools: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)
    raw_threads: set[int] = field(default_factory=set)
    descriptors: set[tuple[int, str]] = field(default_factory=set)
    children: set[Process] = field(default_factory=set)
    segments: set[str] = field(default_factory=set)
    native_locks: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)
    held: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)
    paths: set[str] = field(default_factory=set)
    futures: set[int] = field(default_factory=set)
    unasked: set[int] = field(default_factory=set)

    def allow(self, before: State, after: State) -> None:
        """Take in what is there ``after`` and was not ``before``."""
        for name, known in vars(self).items():
            for thing in vars(after)[name]:
                if thing not in vars(before)[name]:
                    known.add(thing)


def observe() -> State:
    """The state of this process and what is below it."""
    tracked = gc.get_objects()
    return State(
        weakref.WeakSet(threading.enumerate()),
        weakref.WeakSet(tasks(tracked)),
        weakref.WeakSet(pools(tracked)),
        set(raw_threads()),
        set(descriptors().items()),
        set(children()),
        segments(),
        weakref.WeakSet(native_locks(tracked)),
        weakref.WeakSet(lock for lock, *_ in holding.held.copy().values()),
        {path for path in list(notes.paths) if os.path.lexists(path)},
        {future._harness_number for future in notes.live_futures()},  # type: ignore[attr-defined]
        set(notes.unasked),
    )


def raw_threads() -> dict[int, FrameType]:
    """The threads that run Python code and that `threading` does not know, with where they stand."""
    known = {thread.ident for thread in threading.enumerate()}
    return {ident: frame for ident, frame in sys._current_frames().items() if ident not in known}


def own_thread(thread: threading.Thread) -> bool:
    """Whether a thread belongs to the tools, not to what is audited."""
    if thread.name.startswith("pytest_timeout ") or isinstance(thread, threading._DummyThread):
        return True
    return belongs_to_harness(sys._current_frames().get(thread.ident or 0))


def descriptors() -> dict[int, str]:
    """The open descriptors of this process and what each points to; nothing where there is no /proc."""
    ours = infrastructure_descriptors()
    found = {}
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return {}
    for number in numbers:
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue  # the one that the listing used itself, or closed meanwhile
        if number not in ours:
            found[number] = target
    return found


def _trackers() -> Iterator[Any]:
    for name in ("multiprocessing.resource_tracker", "loky.backend.resource_tracker"):
        tracker = getattr(sys.modules.get(name), "_resource_tracker", None)
        if tracker is not None:
            yield tracker


def _fork_server() -> Any:
    return getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)


def infrastructure_descriptors() -> set[int]:
    """Descriptors that multiprocessing opens once for the whole process, and the audit's own."""
    found = {notes.own_descriptor(), *(getattr(tracker, "_fd", None) for tracker in _trackers())}
    server = _fork_server()
    if server is not None:
        found.add(getattr(server, "_forkserver_alive_fd", None))
    return {number for number in found if number is not None}


def infrastructure_processes() -> set[int]:
    """The resource tracker and the fork server: one for the process, ended with it."""
    found = {getattr(tracker, "_pid", None) for tracker in _trackers()}
    found.add(getattr(_fork_server(), "_forkserver_pid", None))
    return {pid for pid in found if pid is not None}


def children() -> dict[Process, psutil.Process]:
    """All processes below this one."""
    ours = infrastructure_processes()
    found = {}
    for process in psutil.Process().children(recursive=True):
        try:
            if process.pid not in ours:
                found[process.pid, process.create_time()] = process
        except psutil.NoSuchProcess:
            continue
    return found


def segments() -> set[str]:
    """The names of the shared memory of this machine."""
    try:
        return set(os.listdir(SEGMENTS))
    except OSError:
        return set()


def mapped_segments(processes: list[int]) -> set[str]:
    """The names of the shared memory that one of the processes maps."""
    found = set()
    for pid in processes:
        try:
            with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if SEGMENTS in line and "(deleted)" not in line:
                        found.add(line.partition(f"{SEGMENTS}/")[2].strip())
        except OSError:
            continue
    return found


def tasks(tracked: list[Any]) -> list[Any]:
    """The asyncio tasks and futures among the objects that the collector tracks."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return []
    # By type, not isinstance: an object may lie about its class, and run code when asked.
    return [thing for thing in tracked if issubclass(type(thing), asyncio.Future)]


def native_locks(tracked: list[Any]) -> list[Any]:
    """The held locks of the interpreter's own making among the tracked objects, and those between processes."""
    locks = sys.modules.get("multiprocessing.synchronize")
    between = (locks.Lock, locks.RLock) if locks is not None else ()
    return [
        thing
        for thing in tracked
        if (type(thing) is LockType and thing.locked())
        or (type(thing) is RLock and not repr(thing).startswith("<unlocked"))
        or (type(thing) in between and thing._semlock._count() > 0)
    ]


def holder_of(lock: Any) -> str:
    """Which global or attribute of the user's holds a lock, as ``module.name`` or ``Class.name``; nothing if none."""
    for holder in gc.get_referrers(lock):
        if isinstance(holder, dict):
            name = _name_of(lock, holder)
            module = sys.modules.get(holder.get("__name__", "")) if "__spec__" in holder else None
            owner: Any = module or _instance_with(holder)
        else:
            owner, name = holder, ""
            attributes = getattr(holder, "__dict__", None) if not isinstance(holder, FrameType) else None
            if isinstance(attributes, dict):
                name = _name_of(lock, attributes)
        if name and _of_the_user(owner):
            label = owner.__name__ if isinstance(owner, ModuleType) else type(owner).__qualname__
            return f"{label}.{name}"
    return ""


def _name_of(lock: Any, names: dict[Any, Any]) -> str:
    # A copy: other threads go on, and give their objects new attributes.
    return next((key for key, value in dict.copy(names).items() if value is lock and isinstance(key, str)), "")


def _instance_with(attributes: dict[Any, Any]) -> Any:
    for owner in gc.get_referrers(attributes):
        if getattr(owner, "__dict__", None) is attributes:
            return owner
    return None


def _of_the_user(owner: Any) -> bool:
    module = owner if isinstance(owner, ModuleType) else sys.modules.get(type(owner).__module__)
    name, file = getattr(module, "__name__", ""), getattr(module, "__file__", None)
    return file is not None and not name.startswith("harness.") and not is_library_file(os.path.abspath(file))


def kept_paths() -> tuple[str, ...]:
    """How the paths begin that somebody else tidies up: pytest's, multiprocessing's and the harness's own."""
    own = getattr(multiprocessing.current_process(), "_config", {}).get("tempdir")
    # Somebody who works in a folder for temporary files means what is put there.
    made = [os.path.join(tempfile.gettempdir(), prefix) for prefix in ("pytest-of-", "harness-")]
    return (*made, os.path.join(os.getcwd(), ""), *([own] if own else []))
