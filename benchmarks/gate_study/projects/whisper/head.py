import os

import numpy
from faster_whisper import WhisperModel

CLIP = numpy.sin(numpy.arange(16000) / 20).astype(numpy.float32) * 0.1


def load():
    return WhisperModel(os.environ["GATE_STUDY_MODEL"], device="cpu", cpu_threads=1, num_workers=1)


def transcribe(model, clip):
    segments, _ = model.transcribe(CLIP, language="en", beam_size=1, temperature=0.0, without_timestamps=True)
    return [segment.text for segment in segments]
