"""The transcription worker of the reference modules, one job at a time: what its docstrings promise."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import pytest

from fixtures.asr_worker import process, supervised
from fixtures.asr_worker.job import Job, JobFailed, Monitor, Overdue, monitored


@dataclass(frozen=True)
class Said:
    start: float
    end: float
    text: str


class WordEngine:
    """Recognises the words it is given: "die" ends its process, "fail" raises, "sleep" takes a minute."""

    def transcribe(self, samples: Sequence[str], /) -> tuple[Iterator[Said], None]:
        return self._segments(samples), None

    def _segments(self, samples: Sequence[str]) -> Iterator[Said]:
        for number, word in enumerate(samples):
            if word == "die":
                raise SystemExit(3)
            if word == "fail":
                raise ValueError("out of memory")
            if word == "sleep":
                time.sleep(60)
            yield Said(number, number + 1, word)


def words(recording: str) -> list[str]:
    return recording.split()


def no_engine() -> Any:
    raise OSError("no model")


def seven() -> float:
    return 7.0


FORMS = ["direct", "threaded", "threaded_released", "threaded_first_repair", "threaded_raised"]


@pytest.mark.parametrize("form", FORMS)
def test_a_job_has_its_text_its_stages_and_its_peak(form: str) -> None:
    lease = threading.Semaphore(1)
    worker = import_module(f"fixtures.asr_worker.{form}").Transcriber(WordEngine(), lease, words)
    transcript = worker.transcribe("one two", itertools.chain([3.0], itertools.repeat(1.0)).__next__)
    assert (transcript.text, transcript.peak) == ("onetwo", 3.0)
    assert set(transcript.seconds) == {"decode", "lease", "encode", "segments"}
    assert worker.transcribe("three").peak is None
    worker.close()
    assert lease.acquire(blocking=False)


@pytest.mark.parametrize("form", ["direct", "threaded", "threaded_first_repair", "threaded_raised"])
def test_a_job_that_fails_gives_the_gpu_back(form: str) -> None:
    lease = threading.Semaphore(1)
    worker = import_module(f"fixtures.asr_worker.{form}").Transcriber(WordEngine(), lease, words)
    with pytest.raises(ValueError, match="out of memory"):
        worker.transcribe("fail")
    worker.close()
    assert lease.acquire(blocking=False)


def test_the_monitor_reads_until_it_is_closed() -> None:
    read = iter(range(10_000)).__next__
    with monitored(Job("", read)) as monitor:
        assert isinstance(monitor, Monitor)
        before = set(threading.enumerate())
    assert len(before - set(threading.enumerate())) == 1
    assert monitor.peak == read() - 1


def test_what_a_limit_says() -> None:
    error = Overdue(25, "segments")
    assert str(error) == "not transcribed within 25 s, and still at the stage 'segments'"


@pytest.fixture
def worker() -> Iterator[supervised.Transcriber]:
    worker = supervised.Transcriber(WordEngine, threading.Semaphore(1), words, limit=60)
    yield worker
    worker.close()


def test_a_process_transcribes_fails_and_goes_on(worker: supervised.Transcriber) -> None:
    first = worker.pid
    transcript = worker.transcribe("one two", seven)
    assert (transcript.text, transcript.peak) == ("onetwo", 7.0)
    assert list(transcript.seconds) == ["decode", "lease", "encode", "segments"]
    with pytest.raises(JobFailed, match="ValueError: out of memory"):
        worker.transcribe("fail")
    assert worker.transcribe("three").text == "three"
    assert worker.pid == first
    worker.close()
    with pytest.raises(JobFailed, match="closed"):
        worker.transcribe("four")


def test_a_process_that_dies_is_replaced(worker: supervised.Transcriber) -> None:
    first = worker.pid
    with pytest.raises(RuntimeError, match="the worker process ended at the stage 'segments'"):
        worker.transcribe("one die")
    assert worker.pid != first
    assert worker.transcribe("three").text == "three"


def test_a_job_that_waits_for_the_gpu_too_long_is_overdue(worker: supervised.Transcriber) -> None:
    worker.transcribe("one")  # the process is ready
    worker._lease.acquire()
    stage, limit = "", 0.25
    while stage != "lease" and limit < 60:  # a busy machine may not come so far at once
        with pytest.raises(Overdue) as caught:
            worker.transcribe("one", limit=limit)
        stage, limit = caught.value.stage, limit * 2
    assert stage == "lease"
    worker._lease.release()
    assert worker.transcribe("one").text == "one"
    assert worker._lease.acquire(timeout=0), "it gave back what it had not taken"
    assert not worker._lease.acquire(timeout=0), "it gave back what it had not taken"
    worker._lease.release()


def test_an_engine_that_cannot_be_loaded_is_said() -> None:
    worker = supervised.Transcriber(no_engine, threading.Semaphore(1), words)
    with pytest.raises(RuntimeError, match="the worker process did not start"):
        worker.transcribe("one")
    worker.close()


def test_a_process_that_ignores_its_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE", 0.2)
    stubborn = process.WorkerProcess(partial(ignore_the_end))
    stubborn.await_ready()
    stubborn.end()
    with pytest.raises(OSError, match="closed"):
        stubborn.send("anything")


def ignore_the_end(pipe: Any) -> None:
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pipe.send(("ready", None))
    time.sleep(60)
