"""Runs work on live objects in a forked copy of this process, under a watch.

The objects of the user may hang, exit or crash when they are touched: the copy pays, this process does not.
The child tells a shared page how far it is, so a slow walk is not taken for a stuck one. It does not know what
the work is. Without ``os.fork`` the work runs in this process and cannot be protected; ``protected`` says so.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import pickle
import select
import signal
import struct
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PAGE = struct.Struct("qqqq")
_POLL = 0.05
_LOOKS = 5  # in a row at which it was not kept from running: at one of them it may wait for a moment
_BUSY = 4  # times its limit a process gets that the machine does not let run
_HEADER = struct.Struct("Q")

protected = hasattr(os, "fork")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: ``stuck`` without any progress, and ``total`` for the whole work."""

    stuck: float = 5.0
    total: float = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the work: its ``value``, or ``died`` with the number of the last call into user code."""

    value: Any = None
    error: str = ""
    died: str = ""
    call: int = 0
    nodes: int = 0


class Page:
    """The shared page: calls into user code, nodes seen, a phase that shows life, and how patient to be."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, mmap.PAGESIZE)
        self._calls = 0
        self._nodes = 0
        self._phase = 0
        self._patience = 1

    def enter(self) -> int:
        """Count a call into the user's code."""
        self._calls += 1
        self._write()
        return self._calls

    def nodes(self, count: int) -> None:
        """Publish the number of nodes."""
        self._nodes = count
        self._write()

    def phase(self, patience: int = 1) -> None:
        """Begin a part of the work that counts no calls; ``patience`` multiplies the time without a sign of life."""
        self._phase += 1
        self._calls = 0
        self._patience = patience
        self._write()

    def _write(self) -> None:
        _PAGE.pack_into(self._map, 0, self._calls, self._nodes, self._phase, self._patience)

    def read(self) -> tuple[int, int, int, int]:
        """Return calls, nodes, phase and patience as last written by the child."""
        calls, nodes, phase, patience = _PAGE.unpack_from(self._map, 0)
        return calls, nodes, phase, patience

    def close(self) -> None:
        """Give the page back."""
        self._map.close()


Work = Callable[[Page], Any]


@contextlib.contextmanager
def run(work: Work, limits: Limits, progress: Callable[[int], None] | None = None) -> Iterator[Outcome]:
    """Do ``work(page)`` in a forked copy and yield its outcome; the copy lives until the block ends.

    The value must be plain data. It lives on so that what it shares (a socket's descriptor) can still be fetched.
    """
    page = Page()
    if not protected:
        try:
            yield _in_process(work, page)
        finally:
            page.close()
        return
    child = _Child(work, page)
    try:
        yield child.watch(limits, progress)
    finally:
        child.end()
        page.close()


def _in_process(work: Work, page: Page) -> Outcome:
    try:
        return Outcome(work(page))
    except Exception as error:
        return Outcome(error=f"{type(error).__name__}: {error}")


class _Child:
    def __init__(self, work: Work, page: Page) -> None:
        self._page = page
        self._results, results_end = os.pipe()
        hold_end, self._hold = os.pipe()
        with warnings.catch_warnings():
            # 3.12 warns that a thread may hold a lock across the fork; a child that waits for one is reported as stuck.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            os.close(self._results)
            os.close(self._hold)
            _be_child(work, page, results_end, hold_end)
        os.close(results_end)
        os.close(hold_end)
        self._status: int | None = None

    def watch(self, limits: Limits, progress: Callable[[int], None] | None) -> Outcome:
        """Wait for the result, as long as the page shows life."""
        data = bytearray()
        start = last_life = time.monotonic()
        cpu = cpu_seconds(self._pid)
        last_seen, let = self._page.read(), 0
        while not _complete(data):
            ready, _, _ = select.select([self._results], [], [], _POLL)
            if ready:
                chunk = os.read(self._results, 1 << 20)
                if not chunk:
                    return self._dead()
                data += chunk
                last_life = time.monotonic()
            seen = self._page.read()
            if seen != last_seen:
                last_seen, last_life, cpu = seen, time.monotonic(), cpu_seconds(self._pid)
                if progress is not None:
                    progress(seen[1])
            now = time.monotonic()
            allowed, quiet = limits.stuck * max(1, seen[3]), now - last_life
            let = let + 1 if quiet > allowed and not starved(self._pid, cpu, quiet) else 0
            silent = let >= _LOOKS or quiet > _BUSY * allowed
            if silent or now - start > limits.total:
                return self._stuck(silent, limits)
        result: Outcome = pickle.loads(bytes(data[_HEADER.size :]))
        return result

    def _stuck(self, silent: bool, limits: Limits) -> Outcome:
        calls, nodes, _, _ = self._page.read()
        self._kill()
        if silent:
            return Outcome(died=f"does not return within {limits.stuck:g} s", call=calls, nodes=nodes)
        return Outcome(error=f"gave up after {limits.total:g} s and {nodes} nodes", call=0, nodes=nodes)

    def _dead(self) -> Outcome:
        calls, nodes, _, _ = self._page.read()
        _, status = os.waitpid(self._pid, 0)
        self._status = status
        if os.WIFSIGNALED(status):
            how = f"kills the process ({signal.Signals(os.WTERMSIG(status)).name})"
        else:
            how = f"ends the process (exit status {os.WEXITSTATUS(status)})"
        return Outcome(died=how, call=calls, nodes=nodes)

    def _kill(self) -> None:
        if self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            _, self._status = os.waitpid(self._pid, 0)

    def end(self) -> None:
        """Let the child go, by force if it does not go at once, and reap it."""
        os.close(self._hold)
        deadline = time.monotonic() + 1.0
        while self._status is None and time.monotonic() < deadline:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._status = status
            else:
                time.sleep(0.002)
        self._kill()
        os.close(self._results)


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU time that another process has used, where the platform tells."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # the kernel's numbering of the CPU clock of a process
    except (OSError, AttributeError, OverflowError):
        return None


def starved(pid: int, cpu_before: float | None, wall: float) -> bool:
    """Say whether a process could run and was mostly not let: the machine is busy, and it is not stuck."""
    cpu = cpu_seconds(pid)
    if cpu is None or cpu_before is None:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in "RD" and cpu - cpu_before < wall / 2


def _complete(data: bytearray) -> bool:
    return len(data) >= _HEADER.size and len(data) - _HEADER.size >= _HEADER.unpack_from(data)[0]


def _be_child(work: Work, page: Page, results: int, hold: int) -> None:
    """Run in the forked copy and never return. Its output and its garbage are nobody's business."""
    try:
        gc.disable()
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(-1)
        silent = os.open(os.devnull, os.O_RDWR)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        sys.stdout = sys.stderr = os.fdopen(silent, "w")  # pytest's capture does not write to 1 and 2
        try:
            outcome = Outcome(work(page))
        except BaseException as error:  # an internal error must reach the parent as text
            outcome = Outcome(error=f"{type(error).__name__}: {error}")
        _send(results, pickle.dumps(outcome))
        os.read(hold, 1)
    finally:
        os._exit(0)


def _send(fd: int, data: bytes) -> None:
    view = memoryview(_HEADER.pack(len(data)) + data)
    while view:
        view = view[os.write(fd, view) :]
