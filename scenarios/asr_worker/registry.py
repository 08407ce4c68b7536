"""The worker of `fixtures.asr_worker`: its threads explored in virtual time, its engine and its process real."""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import Chaos, Exploration, Violation, survives
from scenarios.asr_worker.alone import each_its_own, peak_of_a_job
from scenarios.asr_worker.under_chaos import LIMIT, SHORTER
from scenarios.reference import Explore, Form
from scenarios.reference.child import in_new_process

MODULES = tuple(f"fixtures.asr_worker.{name}" for name in ("job", "direct", "threaded", "threaded_released"))
STAGES = ("decode", "lease", "encode", "segments")
TRIES = 7


class _Desk:
    """A worker with one GPU and an engine whose time is known."""

    def __init__(self, form: str, decoding: float = 0.0) -> None:
        from scenarios.asr_worker.engines import SlowEngine

        def decode(recording: Sequence[float]) -> Sequence[float]:
            time.sleep(decoding)
            return recording

        self.engine = SlowEngine()
        self.lease = threading.Semaphore(1)
        self.worker = _module(form).Transcriber(self.engine, self.lease, decode)

    def ask(self, after: float, recording: Sequence[float]) -> tuple[str, float]:
        """What the caller has in the end, and the seconds that it took."""
        time.sleep(after)
        started = time.monotonic()
        try:
            got = str(self.worker.transcribe(recording).text)
        except TimeoutError as error:
            got = f"TimeoutError: {error}"
        return got, time.monotonic() - started


def after_an_overrun(explore: Explore, form: str) -> Exploration:
    """A job that overruns has the GPU until it stops, and not longer."""

    def check(desk: _Desk, results: Sequence[tuple[str, float]]) -> None:
        desk.worker.close()
        if desk.engine.most_at_once > 1:
            raise Violation("check", f"{desk.engine.most_at_once} recordings were on one GPU at the same time")
        (first, _), (second, waited), (third, idle) = results
        if not first.startswith("TimeoutError"):
            raise Violation("check", f"a job of 60 s ended with {first!r}, but the limit is 25 s")
        if third != " 0":
            raise Violation("starvation", f"nobody uses the GPU, and a job waited for it for {idle:g} s: {third}")
        if second != " 0":
            raise Violation("starvation", f"a job waited {waited:g} s for a GPU that worked for nobody: {second}")

    def asking(after: float, *recording: float) -> Any:
        return lambda desk: desk.ask(after, recording)

    threads = [asking(0, 20, 20, 20), asking(32, 1), asking(70, 1)]
    return explore(lambda: _Desk(form), threads, check, modules=MODULES, preemptions=1, schedules=150)


def three_at_once(explore: Explore, form: str) -> Exploration:
    """Three recordings of 6 s decoding and 6 s GPU come almost at once; with one GPU the last is there after 24 s."""
    from fixtures.asr_worker.job import PROMISED

    def check(desk: _Desk, results: Sequence[tuple[str, float]]) -> None:
        desk.worker.close()
        for got, seconds in results:
            if seconds > PROMISED:
                raise Violation(
                    "check",
                    f"24 s suffice and {PROMISED:g} s are promised, but a transcript took {seconds:g} s, "
                    f"and no time-out told: the limit is {desk.worker._limit:g} s",
                )
            if got != " 0 1":
                raise Violation("check", f"a job ended with {got!r} after {seconds:g} s")

    def asking(after: float) -> Any:
        return lambda desk: desk.ask(after, (3.0, 3.0))

    threads = [asking(after) for after in (0, 0.1, 0.2)]
    modules = (*MODULES, _module(form).__name__)
    return explore(lambda: _Desk(form, decoding=6), threads, check, modules=modules, preemptions=1, schedules=150)


def real_recordings(form: str) -> str:
    """The real engine through the worker, several recordings at the same time: what it says when asked alone."""
    from fixtures.asr_worker.engine import WhisperEngine, decode
    from scenarios.asr_worker.engines import resident_megabytes

    with _studio() as (folder, recordings):
        engine = WhisperEngine(folder)
        alone = [_plain(engine.transcribe(decode(path))[0]) for path in recordings]
        if len(set(alone)) < len(alone):
            raise AssertionError("the recordings sound alike: a mixed-up transcript would not show")
        lease: Any = threading.Semaphore(1)
        worker: Any
        if form == "supervised":
            worker = _module(form).Transcriber(functools.partial(WhisperEngine, folder), lease, limit=60)
        else:
            worker = _module(form).Transcriber(engine, lease, **({} if form == "direct" else {"limit": 60}))
        with ThreadPoolExecutor(len(recordings)) as callers:
            transcripts = list(callers.map(lambda path: worker.transcribe(path, resident_megabytes), recordings))
        worker.close()
    for transcript, expected in zip(transcripts, alone, strict=True):
        if transcript.segments != expected:
            raise Violation("check", f"the worker heard {transcript.segments}, the engine alone {expected}")
        if (
            list(transcript.seconds) != ["decode", "lease", "encode", "segments"]
            or min(transcript.seconds.values()) < 0
        ):
            raise Violation("check", f"the stages took {transcript.seconds}")
        if not 20 < transcript.peak < 4000:
            raise Violation("check", f"a process with a model peaked at {transcript.peak} MB")
    if not lease.acquire(blocking=False):
        raise Violation("starvation", "all jobs are done, and the GPU is still leased")
    listed = sum(transcript.seconds["segments"] for transcript in transcripts)
    return f"{len(alone)} recordings by faster-whisper, as the engine alone; {listed:.2f} s of it in list(segments)"


def after_a_replacement(form: str) -> str:
    """On a real process: the worker of a job that overruns is replaced, and the next job gets the GPU."""
    from fixtures.asr_worker.job import Overdue
    from scenarios.asr_worker.engines import StuckEngine, recording

    with _studio() as (folder, recordings):
        endless = recording(Path(folder, "endless.wav"), 21, seed=9)
        lease = multiprocessing.get_context("spawn").Semaphore(1)
        worker = _module(form).Transcriber(functools.partial(StuckEngine, folder), lease)
        try:
            for limit in (0.5 * 2**number for number in range(TRIES)):
                first = worker.pid
                try:
                    worker.transcribe(endless, limit=limit)
                except Overdue as error:
                    stage = error.stage
                if worker.pid == first:
                    raise Violation("check", "a job overran, and its worker was not replaced")
                if not lease.acquire(timeout=0):
                    raise Violation("starvation", f"the worker was ended at the stage {stage!r}, and its lease with it")
                lease.release()
                if stage == "segments":
                    break
            else:
                return ""  # too busy a machine: it never came so far
            transcript = worker.transcribe(recordings[0], limit=60)
        finally:
            worker.close()
    return f"ended at the stage 'segments' and replaced; the next recording has {len(transcript.segments)} segments"


LOST_PROCESSES = ("kill-in-body@2", "hang-sleep@2", "hang-gil@3", "kill-in-result@2")


def process_is_lost(_: Explore, form: str) -> Chaos:
    """A transcription that hangs or kills its process: another process hears it again, and the lease is free."""
    plans = LOST_PROCESSES if form == "repaired_pool" else LOST_PROCESSES[1:2]
    return _managed(form, plans)


def engine_fails(_: Explore, form: str) -> Chaos:
    """An error of the engine is its recording's alone."""
    return _managed(form, ("error-that-does-not-load@2", "memory-limit@2"))


def _managed(form: str, plans: Sequence[str]) -> Chaos:
    module = "scenarios.asr_worker.under_chaos"
    pool, check = f"{module}:{form}", f"{module}:lease_is_free"
    patience = 1.5 * (LIMIT if form == "repaired_pool" else SHORTER)
    return survives(pool, plans, delivery="at-least-once", check=check, workers=1, tasks=4, patience=patience)


@contextmanager
def _studio() -> Iterator[tuple[str, list[str]]]:
    """A folder with a model, and recordings."""
    from scenarios.asr_worker.engines import model, recording

    with tempfile.TemporaryDirectory() as folder:
        model(folder)
        yield folder, [recording(Path(folder, f"{n}.wav"), 4 + 5 * n, seed=n) for n in range(3)]


def _plain(segments: Any) -> tuple[Any, ...]:
    return tuple((found.start, found.end, found.text) for found in segments)


def _module(form: str) -> Any:
    return importlib.import_module(f"fixtures.asr_worker.{form}")


def _explored(form: str, scenario: Any, kind: str = "") -> Form:
    title = scenario.__name__.replace("_", " ")
    return Form("asr_worker", form, title, lambda explore: scenario(explore, form), kind)


def _chaotic(form: str, pool: str, scenario: Any, kind: str = "") -> Form:
    title = scenario.__name__.replace("_", " ")
    return Form("asr_worker", form, title, lambda explore: scenario(explore, pool), kind)


def _real(form: str, scenario: Any, kind: str = "") -> Form:
    title, name = scenario.__name__.replace("_", " "), f"{__name__}:{scenario.__name__}"
    return Form("asr_worker", form, title, lambda _: in_new_process(name, form, seconds=180), kind)


FORMS = (
    _explored("threaded_released", after_an_overrun, "starvation"),
    _explored("threaded_first_repair", after_an_overrun, "check"),
    _explored("threaded", after_an_overrun),
    _explored("threaded_raised", three_at_once, "check"),
    _explored("threaded", three_at_once),
    _explored("supervised", each_its_own),
    _explored("supervised", peak_of_a_job),
    _real("supervised_released", after_a_replacement, "starvation"),
    _real("supervised", after_a_replacement),
    _chaotic("managed_released", "no_second_try", process_is_lost, "lost_task"),
    _chaotic("supervised_released", "lease_in_the_worker", process_is_lost, "lost_task"),
    _chaotic("managed", "repaired_pool", process_is_lost),
    _chaotic("managed", "repaired_pool", engine_fails),
    _real("direct", real_recordings),
    _real("threaded", real_recordings),
    _real("supervised", real_recordings),
)
