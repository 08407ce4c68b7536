"""faster-whisper on real speech: tiny.en where it is installed, else random weights, and the report says which."""

from __future__ import annotations

import dataclasses
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.model import UsageError, one_line
from harness.pools import weights
from harness.pools.workload import ONE_NATIVE_THREAD, optional
from harness.pools.workloads.random_whisper import make_random_whisper

CLIP = Path(__file__).parents[3] / "fixtures" / "audio" / "sense_and_sensibility_01.wav"
MOST_ERRORS = 0.05


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Edits (insert, delete, replace) per word of the reference; case, punctuation and hyphens do not count."""
    wanted, heard = _words(reference), _words(hypothesis)
    costs = list(range(len(heard) + 1))
    for row, word in enumerate(wanted, 1):
        previous, costs[0] = costs[0], row
        for column, other in enumerate(heard, 1):
            change = previous + (word != other)
            previous, costs[column] = costs[column], min(change, costs[column] + 1, costs[column - 1] + 1)
    return costs[-1] / max(len(wanted), 1)


def _words(text: str) -> list[str]:
    plain = re.sub(r"[^a-z' ]", " ", text.lower())
    return ["mister" if word == "mr" else word for word in plain.split()]


@dataclass(frozen=True)
class Whisper:
    """Transcribe one clip per item; one model per process, whose ``num_workers`` is the number of its threads."""

    name: str = "faster-whisper"
    model: str = ""
    audio: str = ""
    transcript: str = ""
    trained: bool = True
    shared: bool = True
    count: int = 4
    environment: Mapping[str, str] = field(default_factory=lambda: dict(ONE_NATIVE_THREAD))

    def configured(self, model: str = "", audio: str = "", transcript: str = "") -> Whisper:
        """Another model folder, another recording, or the text to hold it against."""
        return dataclasses.replace(
            self, model=model or self.model, audio=audio or self.audio, transcript=transcript or self.transcript
        )

    def items(self) -> Sequence[str]:
        clip = Path(self.audio) if self.audio else CLIP
        if not clip.is_file():
            raise UsageError(f"no recording {clip}: give one with whisper?audio=PATH")
        return (str(clip),) * self.count

    def _model(self) -> tuple[Path, str]:
        if self.model:
            path = Path(self.model)
            if not (path / "model.bin").is_file():
                raise UsageError(
                    f"no Whisper model in {path}: give a folder that holds model.bin in CTranslate2's format"
                )
            return path, "given"
        found = weights.TINY_EN.find() if self.trained else None
        return (found, "tiny.en") if found is not None else (make_random_whisper(), "random")

    def make(self, threads: int) -> Any:
        whisper = optional("faster_whisper", "asr")
        path, _ = self._model()
        try:
            return whisper.WhisperModel(
                str(path), device="cpu", compute_type="int8", cpu_threads=1, num_workers=threads, local_files_only=True
            )
        except Exception as error:
            raise UsageError(f"faster-whisper cannot load {path}: {one_line(error)}; give a valid model") from error

    def run(self, resource: Any, item: str) -> str:
        segments, _ = self._begin(resource, item, _decode(item))
        return " ".join(segment.text.strip() for segment in segments)

    def _begin(self, resource: Any, item: str, samples: Any) -> Any:
        return resource.transcribe(samples, language="en", vad_filter=True, beam_size=5, temperature=0.0)

    def stages(self, resource: Any, item: str) -> dict[str, float]:
        """Seconds of each stage; ``transcribe`` is lazy, and includes its own voice detection."""
        vad = optional("faster_whisper.vad", "asr")
        marks = [time.perf_counter()]
        samples = _decode(item)
        marks.append(time.perf_counter())
        vad.get_speech_timestamps(samples)
        marks.append(time.perf_counter())
        segments, _ = self._begin(resource, item, samples)
        marks.append(time.perf_counter())
        list(segments)
        marks.append(time.perf_counter())
        names = ("decode", "VAD", "transcribe()", "list(segments)")
        return {name: after - before for name, before, after in zip(names, marks, marks[1:], strict=False)}

    def check(self, item: str, result: str) -> str | None:
        _, kind = self._model()
        text = Path(self.transcript or CLIP.with_suffix(".txt"))
        if kind == "random" or (self.audio and not self.transcript) or not text.is_file():
            return None if result.strip() else "no text at all"
        errors = word_error_rate(text.read_text(encoding="utf-8"), result)
        return (
            None
            if errors <= MOST_ERRORS
            else f"word error rate {errors:.2f}, at most {MOST_ERRORS} is right: {result!r}"
        )

    def notes(self) -> tuple[str, ...]:
        _, kind = self._model()
        if kind == "random":
            return (
                "weights: a generated random Whisper, its text is meaningless (tiny.en: extra `weights`); "
                "the word error rate is not checked",
            )
        rate = (
            f"word error rate at most {MOST_ERRORS} in every result"
            if not self.audio or self.transcript
            else "no transcript"
        )
        return (f"weights: {kind}; {rate}",)


def _decode(path: str) -> Any:
    audio = optional("faster_whisper.audio", "asr")
    try:
        samples = audio.decode_audio(path)
    except Exception as error:
        raise UsageError(f"{os.path.basename(path)} is not audio that can be decoded: {one_line(error)}") from error
    if samples.size == 0:
        raise UsageError(f"{os.path.basename(path)} holds no audio: give a recording that is not empty")
    return samples


WHISPER = Whisper()
RANDOM = Whisper(name="faster-whisper, random weights", trained=False)
