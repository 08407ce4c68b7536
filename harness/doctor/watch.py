"""The watchdog: one thread that waits for the deadline of what runs on the main thread, and ends a hang in rounds.

A round is: look, end the guilty processes, and if that frees nobody, raise in the main thread. It uses no lock
of `threading`, which in this process may be the harness's own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import psutil

from harness.audit.observe import Process, children
from harness.doctor.children import arming
from harness.doctor.diagnosis import Diagnosis, diagnose
from harness.doctor.taking import journal
from harness.model import one_line
from harness.runtime.tasks import native_lock

PATIENCE = 0.3
"""How long a process may take to obey, or a freed thread to come back."""
LAST_RESORT = 10.0
"""So long after the first look, with nobody freed, the interpreter is ended: nothing may hang for ever."""
SIGNAL = getattr(signal, "SIGRTMIN", signal.SIGUSR2) + 5 if hasattr(signal, "SIGRTMIN") else signal.SIGUSR2


class Hung(BaseException):
    """Raised in the main thread to free it from what it waits for."""


@dataclass
class Watched:
    """One stretch of work on the main thread under a deadline; ``report`` is what the doctor found, if it hung."""

    name: str
    seconds: float
    until: float
    known: set[Process]
    report: str = ""
    rounds: int = 0
    looked: float = 0.0
    ended: list[int] = field(default_factory=list)
    over: bool = False


class Watchdog:
    """Watches one stretch at a time."""

    def __init__(self, folder: str, tell: Callable[[str], None]) -> None:
        self.folder = folder
        self._tell = tell
        self._wake = native_lock()
        self._wake.acquire()
        self._round = native_lock()
        self._owner = os.getpid()
        self._now: Watched | None = None
        self._raising = False
        self._forking = False
        self._kept = False
        self._thread: threading.Thread | None = None
        self._stopped = False

    @contextmanager
    def watch(self, name: str, seconds: float, known: set[Process]) -> Iterator[Watched]:
        """Watch the block; ``known`` processes are not this test's. A :class:`Hung` that got out of it ends here."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the hang doctor watches tests on the main thread only")
        watched = Watched(name, seconds, time.monotonic() + seconds, known)
        before = signal.signal(SIGNAL, self._interrupt)
        arming.until = watched.until
        self._raising = self._kept = False
        self._now = watched
        self._start()
        try:
            with contextlib.suppress(Hung):
                yield watched
        finally:
            watched.over = True
            with self._round:  # what it is about to say belongs to this stretch
                self._now = None
            arming.until = 0.0
            with contextlib.suppress(Hung):
                signal.signal(SIGNAL, before)

    def forget(self) -> None:
        """Leave the present stretch alone: somebody debugs it."""
        self._now = None

    def stop(self) -> None:
        """End the thread."""
        self._stopped = True
        self._poke()
        if self._thread is not None:
            self._thread.join(1)

    def _start(self) -> None:
        self._stopped = False
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="hang doctor", daemon=True)
            self._thread.start()
        else:
            self._poke()

    def before_fork(self) -> None:
        """Have no thread while a process is forked: from 3.12 on that is warned of."""
        thread = self._thread
        if thread is None or not self._on_main_thread():
            return
        self._forking = True
        self._stopped = True
        self._poke()
        thread.join()
        self._thread = None
        _wait(lambda: not os.path.exists(f"/proc/self/task/{thread.native_id}"), 0.1)

    def after_fork(self) -> None:
        """Start the thread again, which also raises what was kept through the fork."""
        if not self._on_main_thread():
            return
        try:
            if self._now is not None:
                self._start()
        finally:
            self._forking = False

    def _on_main_thread(self) -> bool:
        return os.getpid() == self._owner and threading.get_ident() == threading.main_thread().ident

    def _poke(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._wake.release()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        watched = self._now
        if watched is None or watched.over or os.getpid() != self._owner:
            return
        if self._forking:
            # Here it would be lost: nothing gets out of the callbacks of a fork.
            self._kept = self._kept or self._raising
        elif self._raising:
            self._raising = False
            raise Hung(watched.name)

    def _run(self) -> None:
        while not self._stopped:
            watched = self._now
            wait = 3600.0 if watched is None else watched.until - time.monotonic()
            if watched is None or wait > 0:
                self._wake.acquire(timeout=max(wait, 0.001))
                continue
            with self._round:
                try:
                    if self._kept:
                        self._kept = False
                        self._raise_in_main(watched)
                    else:
                        self._treat(watched)
                except Exception as error:
                    watched.report = watched.report or f"the hang doctor itself failed: {one_line(error)}"
                    self._raise_in_main(watched)
            if not watched.over and time.monotonic() > watched.looked + LAST_RESORT:
                self._give_up(watched)

    def _treat(self, watched: Watched) -> None:
        """One round."""
        watched.rounds += 1
        watched.looked = watched.looked or time.monotonic()
        processes = children()
        started = set(processes) - watched.known
        diagnosis = diagnose(
            processes, started, self.folder, first=[threading.main_thread()], spare_idle=watched.rounds == 1
        )
        if watched.over:
            return
        # It hung, even if the next line frees it.
        watched.report = watched.report or "hung"
        ended = end([process for key, process in processes.items() if key[0] in diagnosis.guilty], lambda: watched.over)
        watched.ended += ended
        if watched.rounds == 1:
            watched.report = describe(watched, diagnosis)
            self._tell(watched.report)
        elif ended:
            watched.report += f"\nended then: {', '.join(f'process {pid}' for pid in ended)}"
        if not _wait(lambda: watched.over, PATIENCE if ended else 0):
            self._raise_in_main(watched)

    def _raise_in_main(self, watched: Watched) -> None:
        if self._now is not watched or watched.over:
            return
        self._raising = True
        ident = threading.main_thread().ident
        if ident is not None:
            signal.pthread_kill(ident, SIGNAL)
        _wait(lambda: watched.over, PATIENCE)

    def _give_up(self, watched: Watched) -> None:
        self._tell(f"hang doctor: {watched.name} could not be freed; the interpreter is ended with exit code 1")
        for key, process in children().items():
            with contextlib.suppress(psutil.Error):
                if key not in watched.known:
                    process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        journal.remove()
        os._exit(1)


def describe(watched: Watched, diagnosis: Diagnosis) -> str:
    """The report of a hang."""
    ended = ", ".join(f"process {pid}" for pid in watched.ended) or "nobody: no process of this test keeps it waiting"
    return (
        f"hung: {watched.name} did not end within {watched.seconds:g} s\n\n{diagnosis}\nended       {ended}\n\n"
        f"stacks, innermost last\n{diagnosis.stacks}"
    )


def end(processes: list[psutil.Process], freed: Callable[[], bool]) -> list[int]:
    """End processes and all below them: asked first, killed if they do not obey. Identifiers of those that were alive.

    psutil compares the start time: a process that took over an identifier is not touched.
    """
    everybody = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            everybody += [process, *process.children(recursive=True)]
    for process in everybody:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _wait(lambda: freed() or not any(map(_alive, everybody)), PATIENCE)
    for process in everybody:
        with contextlib.suppress(psutil.Error):
            if _alive(process):
                process.kill()
    return [process.pid for process in processes]


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _wait(until: Callable[[], bool], seconds: float) -> bool:
    end_at = time.monotonic() + seconds
    while not until():
        if time.monotonic() >= end_at:
            return until()
        time.sleep(0.01)
    return True
