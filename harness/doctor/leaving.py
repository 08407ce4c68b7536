"""What would keep the interpreter from ending: pools with unfinished tasks, threads, children and full queues.

The interpreter joins them when it ends, when no test can fail any more. So they are looked for when the tests are done.
"""

from __future__ import annotations

import gc
import multiprocessing.process
import multiprocessing.queues
import sys
import threading
import time
from dataclasses import dataclass
from types import FrameType
from typing import Any

from harness.audit.observe import Process, children, own_thread
from harness.doctor.diagnosis import diagnose
from harness.doctor.watch import end


@dataclass(frozen=True)
class Outlasting:
    """What the interpreter would wait for when it ends."""

    threads: tuple[threading.Thread, ...]
    pids: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.threads or self.pids)


def outlasting() -> Outlasting:
    """What the interpreter's end would wait for now."""
    pools = [thread for thread in threading.enumerate() if hasattr(thread, "pending_work_items")]
    of_pools = {process.pid for pool in pools for process in (getattr(pool, "processes", None) or {}).values()}
    threads = [pool for pool in pools if pool.pending_work_items]
    for thread in threading.enumerate():
        if thread in pools or thread is threading.main_thread() or own_thread(thread):
            continue
        if thread.name == "QueueFeederThread":
            if _joined(thread) and not _rests(thread):
                threads.append(thread)
        elif not thread.daemon and not _rests(thread):
            threads.append(thread)
    pids = [
        process.pid
        for process in multiprocessing.process._children  # type: ignore[attr-defined]
        if process.pid not in of_pools and not process.daemon and process.is_alive()
    ]
    return Outlasting(tuple(threads), tuple(pids))


def _rests(thread: threading.Thread) -> bool:
    """Whether a thread of a pool or queue waits for work: it ends when it is told to."""
    frame: FrameType | None = sys._current_frames().get(thread.ident or 0)
    inner: list[str] = []
    while frame is not None:
        name = frame.f_code.co_qualname
        if name == "_worker" and frame.f_code.co_filename.endswith("concurrent/futures/thread.py"):
            return not any(called in ("_WorkItem.run", "_initializer") for called in inner)
        if name == "Queue._feed":
            return not any(called.endswith(".send_bytes") for called in inner)
        inner.append(name)
        frame = frame.f_back
    return False


def _queue_of(thread: threading.Thread) -> Any:
    for thing in gc.get_objects():
        if issubclass(type(thing), multiprocessing.queues.Queue) and thing._thread is thread:
            return thing
    return None


def _joined(thread: threading.Thread) -> bool:
    queue = _queue_of(thread)
    return queue is not None and not queue._joincancelled


def see_off(seconds: float, known: set[Process], folder: str) -> tuple[str, Outlasting] | None:
    """Wait ``seconds`` for what would outlast the interpreter, then end it; what was found, or None if all ended.

    Processes that are ``known``, from before the first test, are left alone.
    """
    until = time.monotonic() + seconds
    while left := outlasting():
        if time.monotonic() >= until:
            break
        time.sleep(0.02)
    else:
        return None
    processes = children()
    started = set(processes) - known
    diagnosis = diagnose(processes, started, folder, first=left.threads)
    guilty = {*diagnosis.guilty, *(pid for pid, _ in started if pid in left.pids)}
    ended = end([process for key, process in processes.items() if key[0] in guilty], lambda: not outlasting())
    for thread in left.threads:
        queue = _queue_of(thread) if thread.name == "QueueFeederThread" else None
        if queue is not None:
            queue.cancel_join_thread()
    shown = ", ".join(f"process {pid}" for pid in sorted(ended)) or "nobody"
    text = f"the interpreter could not end: it waits for what this test left\n\n{diagnosis}\nended       {shown}"
    return f"{text}\n\nstacks, innermost last\n{diagnosis.stacks}", left
