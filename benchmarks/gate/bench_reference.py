"""The repaired reference modules under load: a shared manager, a network on threads, MapReduce on processes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from operator import add
from pathlib import Path

from fixtures.chunked_map.repaired import ChunkedMap
from fixtures.event_loop.similarity import similarity
from fixtures.inference_manager.locked import InferenceManager
from fixtures.inference_manager.network import FEATURES, write_network
from fixtures.inference_manager.onnx_locked import OnnxClassifier
from harness import benchmark

REQUESTS = [f"the service is {word} today" for word in ("good", "slow", "reliable", "broken", "what it is")]
DOCUMENT = " ".join(REQUESTS)


@contextmanager
def served_by_threads() -> Iterator[ThreadPoolExecutor]:
    InferenceManager()
    with ThreadPoolExecutor(2) as pool:
        yield pool


@benchmark(tasks=200, setup=served_by_threads)
def shared_manager(pool: ThreadPoolExecutor) -> list[str]:
    manager = InferenceManager()
    return list(pool.map(manager.infer, REQUESTS * 40))


@contextmanager
def classifier() -> Iterator[tuple[ThreadPoolExecutor, OnnxClassifier]]:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        yield pool, OnnxClassifier(write_network(Path(folder) / "network.onnx"), cache_size=0)


@benchmark(tasks=100, setup=classifier)
def network_on_threads(service: tuple[ThreadPoolExecutor, OnnxClassifier]) -> list[int]:
    pool, network = service
    return list(pool.map(network.classify, [(float(number % 7),) * FEATURES for number in range(100)]))


@contextmanager
def workers() -> Iterator[ChunkedMap]:
    with ChunkedMap(2) as pool:
        yield pool


def likeness(text: str) -> float:
    return similarity(text, DOCUMENT)


@benchmark(tasks=40, setup=workers)
def map_reduce(pool: ChunkedMap) -> float:
    return pool.map_reduce(likeness, REQUESTS * 8, add, 0.0)
