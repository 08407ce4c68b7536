"""onnxruntime workloads: the real magika and Silero models, and generated perceptrons of chosen cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.model import UsageError, one_line
from harness.pools import weights
from harness.pools.workload import ONE_NATIVE_THREAD, optional
from harness.pools.workloads.mlp import make_mlp
from harness.pools.workloads.plain import compute

Feed = Callable[[Any, int], dict[str, Any]]


def rows(width: int, count: int) -> Feed:
    """Inputs for a perceptron: ``count`` rows of float32 from a seeded generator."""

    def feed(numpy: Any, item: int) -> dict[str, Any]:
        return {"x": numpy.random.RandomState(item).standard_normal((count, width)).astype(numpy.float32)}

    return feed


def file_bytes(numpy: Any, item: int) -> dict[str, Any]:
    """Input of magika: 2048 byte values of one file, as int32."""
    return {"bytes": numpy.random.RandomState(item).randint(0, 257, (1, 2048)).astype(numpy.int32)}


def speech(numpy: Any, item: int) -> dict[str, Any]:
    """Input of the Silero voice detector: one window of 576 samples and the state it starts from."""
    state = numpy.zeros((1, 1, 128), numpy.float32)
    wave = numpy.random.RandomState(item).standard_normal((1, 576)).astype(numpy.float32) * 0.1
    return {"input": wave, "h": state, "c": state}


@dataclass(frozen=True)
class Onnx:
    """One inference per item; the session is shared by the threads of a process, as onnxruntime documents it safe.

    ``threads`` is onnxruntime's ``intra_op_num_threads`` (0: its own default, one per core).
    """

    name: str
    model: Callable[[], Path]
    feed: Feed
    threads: int = 1
    count: int = 8
    python_steps: int = 0
    shared: bool = True
    environment: Mapping[str, str] = field(default_factory=lambda: dict(ONE_NATIVE_THREAD))

    def configured(self, model: str | None = None, threads: str | None = None, steps: str | None = None) -> Onnx:
        """Another model file, number of native threads, or steps of a Python loop after each inference."""
        return dataclasses.replace(
            self,
            model=self.model if model is None else lambda: _existing(Path(model)),
            threads=self.threads if threads is None else _number("threads", threads),
            python_steps=self.python_steps if steps is None else _number("steps", steps),
        )

    def items(self) -> Sequence[int]:
        return range(self.count)

    def make(self, threads: int) -> Any:
        numpy = optional("numpy", "ml")  # first: onnxruntime tells its absence in words of its own
        runtime = optional("onnxruntime", "ml")
        path = self.model()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise UsageError(f"onnxruntime cannot load {path}: {one_line(error)}; give a valid ONNX model") from error
        return session, [self.feed(numpy, item) for item in self.items()]

    def run(self, resource: Any, item: int) -> Any:
        session, inputs = resource
        output = session.run(None, inputs[item])[0]
        if self.python_steps:
            return output, compute(item, self.python_steps)
        return output

    def check(self, item: int, result: Any) -> str | None:
        output = result[0] if self.python_steps else result
        numpy = optional("numpy", "ml")
        return None if output.size and bool(numpy.isfinite(output).all()) else "the output is empty or not finite"

    def notes(self) -> tuple[str, ...]:
        return ()


def _number(name: str, value: str) -> int:
    if not value.isdecimal():
        raise UsageError(f"{name}={value}: give a whole number, 0 or more")
    return int(value)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise UsageError(f"no model file {path}: give the path of an ONNX file")
    return path


def _mlp(width: int, layers: int) -> Callable[[], Path]:
    return lambda: make_mlp(width, layers)


MLP_65US = Onnx("onnxruntime MLP 65 us", _mlp(64, 8), rows(64, 16))
MLP_2MS = Onnx("onnxruntime MLP 2 ms", _mlp(256, 48), rows(256, 64))
MLP_50MS = Onnx("onnxruntime MLP 50 ms", _mlp(256, 600), rows(256, 128), count=4)
MLP_DEFAULT_THREADS = dataclasses.replace(MLP_50MS, name="onnxruntime MLP, default threads", threads=0, environment={})
MAGIKA = Onnx("magika (onnxruntime)", weights.MAGIKA.require, file_bytes)
SILERO = Onnx("Silero VAD (onnxruntime)", weights.SILERO.require, speech)
INFERENCE_AND_PYTHON = dataclasses.replace(MLP_2MS, name="inference and a Python loop", python_steps=60_000)
