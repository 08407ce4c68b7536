"""What of `fixtures.asr_worker` runs in the caller's process beside the engine: whose turn it is, and the monitor."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from fixtures.asr_worker.job import Monitor, Transcript
from fixtures.asr_worker.supervised import Transcriber
from harness import Exploration, Violation
from scenarios.reference import Explore

MODULES = ("fixtures.asr_worker.job", "fixtures.asr_worker.supervised")


class _Process:
    """Stands for the worker process, which answers what it was asked last."""

    pid = None

    def __init__(self) -> None:
        self.heard = ""

    def await_ready(self) -> None: ...

    def end(self) -> None: ...

    def send(self, message: Any) -> None:
        if message != "granted":
            self.heard = message[0]

    def answer(self, deadline: float) -> Any:
        return "done", Transcript((), {}, len(self.heard))


class _Supervisor(Transcriber):
    def _start(self) -> Any:
        return _Process()


def each_its_own(explore: Explore, _: str) -> Exploration:
    """Two callers of one supervised worker get the transcripts of their own recordings."""

    def check(_: Any, peaks: Sequence[float | None]) -> None:
        if list(peaks) != [1, 2]:
            raise Violation("foreign_value", f"callers with recordings 1 and 2 got the transcripts of {peaks}")

    def asking(recording: str) -> Any:
        return lambda worker: worker.transcribe(recording).peak

    return explore(lambda: _Supervisor(_no_engine, None), [asking("a"), asking("bb")], check, modules=MODULES)


def _no_engine() -> Any:
    raise AssertionError("the worker process is not started here")


def peak_of_a_job(explore: Explore, _: str) -> Exploration:
    """A monitor that reads each second sees what a job of ten seconds needed for two of them."""

    def job(_: None) -> tuple[float, float]:
        started = time.monotonic()

        def read() -> float:
            return 900.0 if 4 < time.monotonic() - started < 6 else 100.0

        monitor = Monitor(read)
        time.sleep(10)
        closing = time.monotonic()
        monitor.close()
        return monitor.peak, time.monotonic() - closing

    def check(_: None, results: Sequence[tuple[float, float]]) -> None:
        (peak, waited), *_ = results
        if peak != 900:
            raise Violation("check", f"the job needed 900 MB for two seconds, and the monitor says {peak:g}")
        if waited:
            raise Violation("check", f"the end of the monitor took {waited:g} s")

    return explore(lambda: None, [job, lambda _: (0.0, 0.0)], check, modules=MODULES)
