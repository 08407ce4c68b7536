"""Time taken for synchronisation: time-outs whose answer is ignored, sleeps that are long enough as a rule.

The twins believe what they are told, or wait for the event itself.
"""

from __future__ import annotations

import threading
import time

from tests.quality.corpus.case import twins
from tests.quality.corpus.claims import nothing_lost


class Parcel:
    """Waits with a time-out and then takes what may not be there."""

    def __init__(self) -> None:
        self.parcels: list[str] = []
        self.arrival = threading.Condition()

    def deliver(self) -> None:
        time.sleep(0.02)
        with self.arrival:
            self.parcels.append("parcel")
            self.arrival.notify()

    def collect(self) -> str | None:
        with self.arrival:
            if not self.parcels:
                self.arrival.wait(timeout=0.01)
            return self.parcels.pop()


class HonestParcel(Parcel):
    def collect(self) -> str | None:
        with self.arrival:
            if not self.arrival.wait_for(lambda: self.parcels, timeout=0.01):
                return None
            return self.parcels.pop()


class Report:
    """Sleeps for as long as the other one usually takes."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.written = threading.Event()

    def write(self) -> None:
        time.sleep(0.02)
        self.lines.append("all is well")
        self.written.set()

    def read(self) -> list[str]:
        time.sleep(0.01)
        return list(self.lines)


class AwaitedReport(Report):
    def read(self) -> list[str]:
        self.written.wait()
        return list(self.lines)


class ImpatientCache:
    """``acquire`` with a time-out whose answer nobody reads."""

    def __init__(self) -> None:
        self.refreshed = 0
        self._lock = threading.Lock()

    def refresh(self) -> None:
        self._lock.acquire(timeout=0.01)
        try:
            time.sleep(0.03)
            self.refreshed += 1
        finally:
            self._lock.release()


class PatientCache(ImpatientCache):
    def refresh(self) -> None:
        with self._lock:
            time.sleep(0.03)
            self.refreshed += 1


CASES = (
    twins(
        "timed_wait_answer_ignored",
        "exception",
        Parcel,
        HonestParcel,
        [lambda parcel: parcel.deliver(), lambda parcel: parcel.collect()],
        check=lambda parcel, results: results[1] in ("parcel", None),
        says="IndexError",
    ),
    twins(
        "sleep_as_synchronisation",
        "check",
        Report,
        AwaitedReport,
        [lambda report: report.write(), lambda report: report.read()],
        check=lambda report, results: results[1] == ["all is well"],
    ),
    twins(
        "timed_acquire_answer_ignored",
        "exception",
        ImpatientCache,
        PatientCache,
        [lambda cache: cache.refresh()] * 2,
        check=lambda cache, results: nothing_lost(cache.refreshed, len(results)),
        says="RuntimeError",
    ),
)
