"""Event-loop lag: a heartbeat on the loop measures it, a watchdog thread samples the stack that holds the loop.

The loop's own wait for a CPU is taken off, so that a busy machine is not a finding. A lag is a block when the loop's
thread computed for longer than the limit (perhaps in C code that keeps the GIL, the garbage collector among it, so that
nobody could look), or when samples show it in a callback for most of the time. It is unseen when there is no sample and
no other thread of the process computed or waited for a CPU: a call may have slept, or the machine may have stood still.
Else others kept it late.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

_OURS = __file__
_HARNESS = os.path.dirname(os.path.dirname(__file__)) + os.sep
_LIBRARY = os.path.dirname(os.__file__) + os.sep
_STARTS_A_THREAD = threading.Thread.start.__code__
_LOOP_FILES = ("asyncio/base_events.py", "asyncio/events.py", "asyncio/runners.py", "selectors.py", "asyncio/tasks.py")


@dataclass(frozen=True, slots=True)
class Place:
    """A function and the line in it."""

    function: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.function} at {self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Block:
    """The loop was held for ``lag`` seconds by the user's line ``place``; ``inner``: what that line called.

    Both are None where it computed and no sample could be taken. ``collector``: it was the garbage collector, which
    began at that line.
    """

    lag: float
    place: Place | None
    inner: Place | None
    collector: bool = False


@dataclass(frozen=True, slots=True)
class LagReport:
    """All beats of one run. Lags in seconds, without the loop's wait for a CPU if ``corrected``.

    ``unexplained``: lags over the limit in which the loop was kept late from outside; ``unseen``: that may be blocks.
    """

    limit: float
    beats: int
    lags: tuple[float, ...]
    blocks: tuple[Block, ...]
    unexplained: tuple[float, ...]
    unseen: tuple[float, ...]
    corrected: bool

    @property
    def worst(self) -> float:
        return max(self.lags, default=0.0)


_Seen = tuple[Place, Place] | None  # the user's line and what it called; None: the loop was idle


class _Window:
    """What the watchdog saw while a beat was overdue, and for how long: the time between two looks goes half to each.

    Seconds and not looks are counted, because on a busy machine the watchdog waits for a CPU too.
    """

    def __init__(self) -> None:
        self._seconds: defaultdict[_Seen, float] = defaultdict(float)
        self._last: tuple[float, _Seen] | None = None

    def saw(self, seen: _Seen, now: float, due: float) -> None:
        at, before = self._last or (due, seen)
        self._seconds[before] += (now - at) / 2
        self._seconds[seen] += (now - at) / 2
        self._last = now, seen

    @property
    def empty(self) -> bool:
        return self._last is None

    def holder(self, now: float, queued: float) -> tuple[_Seen, bool]:
        """The callback seen for longest, if any was, and whether callbacks had most of the time until ``now``.

        ``queued``: seconds of the loop's wait for a CPU, no part of the lag: a loop that waits to be woken looks idle.
        """
        if self._last is not None:
            at, seen = self._last
            self._seconds[seen] += now - at
        idle = max(0.0, self._seconds.pop(None, 0.0) - queued)
        longest = max(self._seconds, key=lambda one: self._seconds[one], default=None)
        return longest, longest is not None and sum(self._seconds.values()) >= idle


@dataclass
class _Collections:
    """What the garbage collector took on the loop's thread since the last beat; touched by that thread alone."""

    cpu: float = 0.0
    longest: float = 0.0
    where: tuple[Place, Place] | None = None


class _Queues:
    """How long other threads of the process waited for a CPU: one that keeps the GIL meanwhile does not compute.

    To list and read them takes a while where there are many: :meth:`note` gives it a twentieth of the time at most.
    """

    def __init__(self, without: tuple[int | None, ...], tasks: Path = Path("/proc/self/task")) -> None:
        self._without, self._tasks = {str(thread) for thread in without}, tasks
        self._again = 0.0
        self._delays: dict[str, int] = {}
        self.note()

    def note(self) -> None:
        """Remember what they have waited until now."""
        begun = time.monotonic()
        if begun >= self._again:
            self._delays = self._read()
            ended = time.monotonic()
            self._again = ended + 20 * (ended - begun)

    def waited(self) -> float:
        """Seconds since that was noted, of all of them together; notes it again."""
        before, self._delays = self._delays, self._read()
        return sum(max(0, delay - before.get(thread, 0)) for thread, delay in self._delays.items()) / 1e9

    def _read(self) -> dict[str, int]:
        delays = {}
        with contextlib.suppress(OSError):  # not Linux
            for thread in os.listdir(self._tasks):
                if thread not in self._without:
                    with contextlib.suppress(OSError):  # it ended meanwhile
                        delays[thread] = int((self._tasks / thread / "schedstat").read_bytes().split()[1])
        return delays


class LoopLagProbe:
    """Watches one running loop: ``with LoopLagProbe(limit=0.05).watching(loop) as probe`` in the loop's thread.

    ``limit``: seconds of lag from which on a block is recorded; ``beat``: seconds between heartbeats.
    """

    def __init__(self, limit: float = 0.05, beat: float | None = None) -> None:
        if not limit > 0:
            raise ValueError(f"limit = {limit}: must be more than 0 seconds")
        self.limit = limit
        self.beat = beat if beat is not None else min(0.005, limit / 4)
        self._lags: list[float] = []
        self._blocks: list[Block] = []
        self._unexplained: list[float] = []
        self._unseen: list[float] = []
        self._lock = threading.Lock()
        self._window = _Window()
        self._due = float("inf")
        self._collections = _Collections()
        self._collection: tuple[float, tuple[Place, Place] | None] = (0.0, None)
        self._stop = threading.Event()
        self._queue_file = -1
        self._queued: float | None = None
        self._cpu = (0.0, 0.0)
        self._queues = _Queues(())
        self._handle: asyncio.TimerHandle | None = None

    @contextlib.contextmanager
    def watching(self, loop: asyncio.AbstractEventLoop) -> Iterator[LoopLagProbe]:
        """Measure until the block ends; nothing is left behind, whatever happens in it."""
        self._loop, self._thread = loop, threading.get_ident()
        watchdog = threading.Thread(target=self._watch, name="loop lag watchdog", daemon=True)
        watchdog.start()
        try:
            self._queues = _Queues((threading.get_native_id(), watchdog.native_id))
            self._begin()  # only now: a watchdog that is slow to start is no lag of the loop
            yield self
            self._tick()
        finally:
            self._stop.set()
            watchdog.join()
            self._end()

    def _begin(self) -> None:
        with contextlib.suppress(OSError):
            self._queue_file = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
        gc.callbacks.append(self._collector)
        now, self._queued = self._moment()
        self._cpu = self._cpu_times()
        self._expect_beat(now)

    def _end(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        with contextlib.suppress(ValueError):
            gc.callbacks.remove(self._collector)
        if self._queue_file >= 0:
            os.close(self._queue_file)
            self._queue_file = -1

    def report(self) -> LagReport:
        """What was seen so far."""
        return LagReport(
            self.limit, len(self._lags), tuple(self._lags), tuple(self._blocks), tuple(self._unexplained),
            tuple(self._unseen), self._queued is not None,
        )  # fmt: skip

    def _run_queue(self) -> float | None:
        return None if self._queue_file < 0 else int(os.pread(self._queue_file, 64, 0).split()[1]) / 1e9

    def _moment(self) -> tuple[float, float | None]:
        """The time and this thread's run-queue delay until then, in seconds, with no wait for a CPU between the two."""
        while True:
            before, now, after = self._run_queue(), time.monotonic(), self._run_queue()
            if before is None or after is None or after - before < self.limit / 8:
                return now, after

    @staticmethod
    def _cpu_times() -> tuple[float, float]:
        """CPU seconds of this thread and of the others of the process."""
        own = time.thread_time()
        return own, time.process_time() - own

    def _expect_beat(self, now: float) -> None:
        self._due = now + self.beat
        self._handle = self._loop.call_later(self.beat, self._beat)

    def _beat(self) -> None:
        self._expect_beat(self._tick())

    def _tick(self) -> float:
        """Record how late it is; the time."""
        now, queued = self._moment()
        waited = queued - self._queued if queued is not None and self._queued is not None else 0.0
        late = max(0.0, now - self._due - waited)
        self._queued = queued
        before, self._cpu = self._cpu, self._cpu_times()
        with self._lock:
            window, self._window = self._window, _Window()
            self._due = float("inf")
        collections, self._collections = self._collections, _Collections()
        self._lags.append(late)
        if late > self.limit:
            own, others = (after - earlier for after, earlier in zip(self._cpu, before, strict=True))
            self._classify(late, own, others + self._queues.waited(), window, window.holder(now, waited), collections)
        else:
            self._queues.note()
        return now

    def _classify(
        self,
        late: float,
        own: float,
        others: float,
        window: _Window,
        held: tuple[_Seen, bool],
        collections: _Collections,
    ) -> None:
        if collections.cpu > late / 2:
            place, inner = collections.where or (None, None)
            self._blocks.append(Block(late, place, inner, collector=True))
            return
        seen, mostly = held
        if mostly or own > self.limit:
            place, inner = seen or (None, None)
            self._blocks.append(Block(late, place, inner))
        elif window.empty and others < late / 2:
            self._unseen.append(late)
        else:
            self._unexplained.append(late)

    def _collector(self, phase: str, _: dict[str, int]) -> None:
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._collection = time.thread_time(), holding(sys._getframe(1))
            return
        begun, where = self._collection
        took, seen = time.thread_time() - begun, self._collections
        seen.cpu += took
        if took > seen.longest:
            seen.longest, seen.where = took, where

    def _watch(self) -> None:
        while not self._stop.wait(self.limit / 8):
            due, now = self._due, time.monotonic()
            if now - due < self.limit / 3:
                continue
            frame = sys._current_frames().get(self._thread)
            if frame is None or frame.f_code.co_filename == _OURS:  # the beat has come
                continue
            seen = None if _starts_a_thread(frame) else holding(frame)
            with self._lock:
                if due == self._due:
                    self._window.saw(seen, now, due)


def holding(frame: FrameType) -> tuple[Place, Place] | None:
    """The user's innermost line on this stack and the innermost of all, or None if the loop is idle."""
    inner = frame
    if _of_loop(inner):
        return None
    user: FrameType | None = frame
    while user is not None and _foreign(user):
        user = user.f_back
    return _place(user if user is not None else inner), _place(inner)


def _starts_a_thread(frame: FrameType | None) -> bool:
    """Whether a thread is started here: that ends when the new one gets a CPU, so what it takes is the machine's."""
    while frame is not None and frame.f_code is not _STARTS_A_THREAD:
        frame = frame.f_back
    return frame is not None


def _of_loop(frame: FrameType) -> bool:
    return frame.f_code.co_filename.replace(os.sep, "/").endswith(_LOOP_FILES)


def _foreign(frame: FrameType) -> bool:
    """Whether a frame is of a library or of the harness: it is its caller that can be changed."""
    name = frame.f_code.co_filename
    return name.startswith(("<frozen", _LIBRARY, _HARNESS)) or "site-packages" in name


def _place(frame: FrameType) -> Place:
    code = frame.f_code
    return Place(code.co_qualname, os.path.relpath(code.co_filename) if os.path.isabs(code.co_filename) else
                 code.co_filename, frame.f_lineno)  # fmt: skip
