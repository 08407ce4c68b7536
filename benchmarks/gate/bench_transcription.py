"""The transcription worker on threads, on a real recogniser with random weights."""

from __future__ import annotations

import math
import tempfile
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Semaphore

from fixtures.asr_worker.engine import WhisperEngine
from fixtures.asr_worker.threaded import Transcriber
from fixtures.asr_worker.tiny_whisper import write_model
from harness import benchmark


@contextmanager
def transcriber() -> Iterator[tuple[Transcriber, ThreadPoolExecutor]]:
    import numpy

    samples = numpy.frombuffer(array("f", (math.sin(at / 20) / 10 for at in range(16000))), numpy.float32)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as callers:
        engine = WhisperEngine(write_model(Path(folder)))
        worker = Transcriber(engine, Semaphore(2), decode=lambda _: samples, threads=2)
        yield worker, callers
        worker.close()


@benchmark(tasks=2, setup=transcriber)
def transcription(service: tuple[Transcriber, ThreadPoolExecutor]) -> list[str]:
    worker, callers = service
    return [transcript.text for transcript in callers.map(worker.transcribe, range(2))]
