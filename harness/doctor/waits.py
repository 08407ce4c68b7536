"""What a thread of this process waits for, read from its frames: a thread, a future, a process, a lock, a pipe.

It knows the library's waiting functions by file and name, and looks at their locals; it calls nothing of the user's.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from harness.audit.holding import holding
from harness.audit.places import standing
from harness.doctor.broken import lost_task
from harness.probes.origins import is_library_file


@dataclass(frozen=True)
class Wait:
    """What a thread waits for, in words; the threads and the processes that it cannot go on without."""

    text: str
    threads: tuple[threading.Thread, ...] = ()
    pids: tuple[int, ...] = ()


Reader = Callable[[dict[str, Any]], Wait]


def _join(local: dict[str, Any]) -> Wait:
    thread = local["self"]
    return Wait(f"thread {thread.name} to end", threads=(thread,))


def _future(local: dict[str, Any]) -> Wait:
    future = local["self"]
    for thread in threading.enumerate():
        items = getattr(thread, "pending_work_items", None)
        if isinstance(items, dict) and any(item.future is future for item in list(items.values())):
            state = "is with the workers" if future.running() else "has not been given to a worker"
            return Wait(f"the result of a task of a process pool, which {state}", (thread,), _workers(thread))
    for thread in threading.enumerate():
        if _runs(sys._current_frames().get(thread.ident or 0), future):
            return Wait(f"the result of a task that runs on thread {thread.name}", (thread,))
    return Wait("the result of a future that nobody works on")


def _runs(frame: FrameType | None, future: Any) -> bool:
    while frame is not None:
        if _named(frame, "concurrent/futures/thread.py", "run"):
            return getattr(frame.f_locals.get("self"), "future", None) is future
        frame = frame.f_back
    return False


def _workers(manager: Any) -> tuple[int, ...]:
    return tuple(process.pid for process in list((manager.processes or {}).values()) if process.pid)


def _manager(local: dict[str, Any]) -> Wait:
    manager = local["self"]
    pending = len(manager.pending_work_items)
    tasks = "1 task is" if pending == 1 else f"{pending} tasks are"
    pids = _workers(manager)
    return Wait(f"worker processes {', '.join(map(str, pids))}: {tasks} not done", pids=pids)


def _process(local: dict[str, Any]) -> Wait:
    process = local["self"]
    pid = process.pid
    return Wait(f"process {pid} to end ({getattr(process, 'name', 'a program')})", pids=(pid,) if pid else ())


def _pool_result(local: dict[str, Any]) -> Wait:
    pool = getattr(local["self"], "_pool", None)
    pids = tuple(process.pid for process in getattr(pool, "_pool", None) or ())
    lost = lost_task(local["self"])
    if lost:
        return Wait(f"a task of a multiprocessing.Pool: {lost}")
    return Wait(f"the result of a task of a multiprocessing.Pool with workers {', '.join(map(str, pids))}", pids=pids)


def _lock(local: dict[str, Any]) -> Wait:
    lock = local["self"]
    known = holding.held.get(id(getattr(lock, "_block", lock)))
    if known is None:
        return Wait("a lock that nobody is known to hold")
    _, name, where = known
    owners = tuple(thread for thread in threading.enumerate() if thread.name == name)
    gone = "" if owners else ", which has ended"
    return Wait(f"a lock that {name}{gone} took at {where}", threads=owners)


def _queue(local: dict[str, Any]) -> Wait:
    return Wait(f"a {type(local['self']).__qualname__}: nobody puts or gets anything")


def _signal(local: dict[str, Any]) -> Wait:
    return Wait(f"a threading.{type(local['self']).__qualname__} that nobody sets or notifies")


def _feeder(local: dict[str, Any]) -> Wait:
    return Wait("a process to read what was put into a multiprocessing.Queue: its pipe is full")


def _pipe(local: dict[str, Any]) -> Wait:
    return Wait(f"the other end of a pipe or socket, descriptor {getattr(local.get('self'), '_handle', '?')}")


def _loop(local: dict[str, Any]) -> Wait:
    return Wait("the tasks of an event loop")


READERS: tuple[tuple[str, tuple[str, ...], Reader], ...] = (
    ("threading.py", ("join",), _join),
    ("threading.py", ("wait",), _signal),
    ("concurrent/futures/_base.py", ("result", "exception"), _future),
    ("concurrent/futures/process.py", ("wait_result_broken_or_wakeup",), _manager),
    ("multiprocessing/process.py", ("join",), _process),
    ("multiprocessing/popen_fork.py", ("wait", "poll"), _process),
    ("subprocess.py", ("wait", "communicate"), _process),
    ("multiprocessing/pool.py", ("wait", "get"), _pool_result),
    ("multiprocessing/queues.py", ("_feed",), _feeder),
    ("multiprocessing/queues.py", ("get", "put"), _queue),
    ("queue.py", ("get", "put", "join"), _queue),
    ("multiprocessing/connection.py", ("_recv", "_send", "recv", "send"), _pipe),
    ("asyncio/base_events.py", ("run_until_complete", "run_forever"), _loop),
    ("harness/runtime/locks.py", ("acquire",), _lock),
)


def _named(frame: FrameType, file: str, name: str) -> bool:
    return frame.f_code.co_name == name and frame.f_code.co_filename.endswith(f"/{file}")


def wait_of(frame: FrameType | None) -> Wait | None:
    """What a thread waits for, from its innermost frame: the outermost known wait inside the user's line."""
    found: Wait | None = None
    while frame is not None:
        code = frame.f_code
        ours = "/harness/runtime/locks.py" in code.co_filename or "/harness/audit/" in code.co_filename
        if not (ours or is_library_file(code.co_filename) or code.co_filename.startswith("<")):
            break
        for file, names, reader in READERS:
            if code.co_name not in names or not code.co_filename.endswith(f"/{file}"):
                continue
            if "self" in frame.f_locals or reader is _feeder:
                found = reader(frame.f_locals)
        frame = frame.f_back
    return found


@dataclass(frozen=True)
class Link:
    """One thread of a chain of waits: where it stands and what it waits for."""

    thread: threading.Thread
    at: str
    wait: Wait | None


def chain(thread: threading.Thread) -> list[Link]:
    """Who waits for whom, from a thread on, as far as it can be read; each thread once."""
    links: list[Link] = []
    following = [thread]
    frames = sys._current_frames()
    while following:
        thread = following.pop(0)
        if any(link.thread is thread for link in links):
            continue
        frame = frames.get(thread.ident or 0)
        wait = wait_of(frame)
        links.append(Link(thread, standing(frame), wait))
        following += wait.threads if wait is not None else ()
    return links
