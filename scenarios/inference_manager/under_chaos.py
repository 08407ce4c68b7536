"""The ONNX classifiers of `fixtures.inference_manager` as pools of threads: a task strikes when its request is read."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from fixtures.inference_manager import onnx_locked, onnx_unreleased
from fixtures.inference_manager.network import FEATURES, write_network


@functools.cache
def network() -> Path:
    """The network, once for each process."""
    return write_network(Path(tempfile.mkdtemp(prefix="network-"), "network.onnx"))


def vector(number: int) -> tuple[float, ...]:
    return tuple(np.random.default_rng(number).standard_normal(FEATURES).tolist())


@functools.cache
def _reference() -> Any:
    return onnx_locked.OnnxClassifier(network(), 1).session()


def class_of(number: int) -> int:
    """The class of the vector of a task, by the network itself."""
    scores = _reference().run(["scores"], {"x": np.array([vector(number)], np.float32)})[0]
    return int(scores[0].argmax())


class Request(Sequence[float]):
    """The vector of a task, read when it is needed, as from a file."""

    def __init__(self, task: Callable[[], int], number: int) -> None:
        self._task, self._number = task, number
        self._values: tuple[float, ...] = ()

    def _read(self) -> tuple[float, ...]:
        if not self._values:
            self._task()
            self._values = vector(self._number)
        return self._values

    def __len__(self) -> int:
        return FEATURES

    def __getitem__(self, index: Any) -> Any:
        return self._read()[index]

    def __iter__(self) -> Iterator[float]:
        return iter(self._read())

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class ClassifierPool(ThreadPoolExecutor):
    """Two threads that ask one classifier."""

    def __init__(self, form: Any) -> None:
        super().__init__(2)
        self.classifier = form.OnnxClassifier(network())

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(self.classifier.classify, Request(fn, int(fn.task[1:])))


def locked() -> ClassifierPool:
    return ClassifierPool(onnx_locked)


def unreleased() -> ClassifierPool:
    return ClassifierPool(onnx_unreleased)
