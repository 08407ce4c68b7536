"""The work of the soak, inference by onnxruntime and recognition by faster-whisper, as its workers import it."""

from __future__ import annotations

import functools
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np

from fixtures.asr_worker import managed, supervised
from scenarios.asr_worker.under_chaos import ManagedPool, Recogniser

FOLDER = "SOAK_FOLDER"
FEATURES = 16
SECONDS = (2, 3, 4)


def prepare(folder: Path) -> None:
    """Write the network, the speech model and the recordings that the workers load, and say where they are."""
    from fixtures.asr_worker.tiny_whisper import write_model
    from fixtures.inference_manager.network import write_network
    from scenarios.asr_worker.engines import recording

    write_network(folder / "network.onnx")
    write_model(folder)
    for seed, seconds in enumerate(SECONDS):
        recording(folder / f"{seed}.wav", seconds, seed)
    os.environ[FOLDER] = str(folder)


@functools.cache
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = os.path.join(os.environ[FOLDER], "network.onnx")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def classify(number: int) -> int:
    """The class of the vector of that number."""
    vector = np.random.default_rng(number).standard_normal((1, FEATURES)).astype(np.float32)
    return int(_session().run(["scores"], {"x": vector})[0][0].argmax())


@functools.cache
def _engine() -> Any:
    from fixtures.asr_worker.engine import WhisperEngine

    return WhisperEngine(os.environ[FOLDER])


@functools.cache
def _samples(path: str) -> Any:
    from fixtures.asr_worker.engine import decode

    return decode(path)


class LoadedRecogniser(Recogniser):
    """Has loaded the engine and the recordings, and used both, before the first job."""

    def __init__(self) -> None:
        for number in range(len(SECONDS)):
            hear(number)


def transcription() -> ManagedPool:
    """The managed worker; a job may take as long as a machine with other work to do needs."""
    return ManagedPool(managed, supervised, threading.Semaphore(1), LoadedRecogniser, 6.0)


def hear(number: int) -> str:
    """The text that the engine hears in the recording of that number."""
    segments, _ = _engine().transcribe(_samples(os.path.join(os.environ[FOLDER], f"{number % len(SECONDS)}.wav")))
    return "".join(segment.text for segment in segments)
