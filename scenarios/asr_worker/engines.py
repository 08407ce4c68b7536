"""The engines and recordings of the scenarios of the transcription worker. Its processes import it, so no harness."""

from __future__ import annotations

import itertools
import time
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fixtures.asr_worker.engine import Segment, WhisperEngine
from fixtures.asr_worker.tiny_whisper import write_model

RATE = 16000


@dataclass(frozen=True)
class Said:
    start: float
    end: float
    text: str


class SlowEngine:
    """Its samples are the seconds that it takes for each segment. Knows how many recordings were on the GPU at once."""

    def __init__(self) -> None:
        self.at_once = 0
        self.most_at_once = 0

    def transcribe(self, samples: Sequence[float], /) -> tuple[Iterator[Said], None]:
        return self._segments(samples), None

    def _segments(self, samples: Sequence[float]) -> Iterator[Said]:
        for number, seconds in enumerate(samples):
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            time.sleep(seconds)
            self.at_once -= 1
            yield Said(number, number + 1, f" {number}")


class StuckEngine:
    """A real recogniser that never comes to the end of a recording of more than 20 s."""

    def __init__(self, folder: str) -> None:
        self._engine = WhisperEngine(folder)

    def transcribe(self, samples: Any, /) -> tuple[Iterator[Segment], Any]:
        segments, info = self._engine.transcribe(samples)
        if len(samples) <= 20 * RATE:
            return iter(segments), info
        rounds = (self._engine.transcribe(samples)[0] for _ in itertools.count())
        return itertools.chain.from_iterable(rounds), info


def model(folder: str) -> str:
    """A folder with a small real model."""
    return str(write_model(Path(folder)))


def recording(path: Path, seconds: float, seed: int) -> str:
    """Write a recording: noise that comes and goes, as speech does."""
    times = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).normal(0, 0.2, len(times)) * np.sin(2 * np.pi * (0.3 + 0.2 * seed) * times) ** 2
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(noise, -1, 1) * 32767).astype("<i2").tobytes())
    return str(path)


def resident_megabytes() -> float:
    """The memory of this process."""
    import psutil

    return float(psutil.Process().memory_info().rss / 1e6)
