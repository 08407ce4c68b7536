"""The reference modules, used by one thread or one task: every form keeps the promises of its docstrings."""

from __future__ import annotations

import asyncio
import itertools
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.event_loop.similarity import most_similar, similarity


@pytest.fixture(params=["released", "repaired"])
def sync(request: pytest.FixtureRequest) -> Any:
    return import_module(f"fixtures.sync.{request.param}")


@pytest.fixture(params=["released", "first_repair", "repaired"])
def lock(request: pytest.FixtureRequest) -> Any:
    return import_module(f"fixtures.sync.{request.param}").ReadWriteLock()


def test_the_counter_counts_alone(sync: Any) -> None:
    counter = sync.AtomicCounter(5)
    assert [counter.increment(), counter.add(-3), counter.get()] == [6, 3, 3]
    assert [counter.compare_and_set(2, 9), counter.compare_and_set(3, 9), counter.get()] == [False, True, 9]


def test_the_monitored_lock_excludes_and_counts(sync: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count().__next__  # a second between any two looks at it
    monkeypatch.setattr(sync, "time", SimpleNamespace(time=clock, monotonic=clock))
    lock = sync.MonitoredLock()
    with lock:
        assert not lock.acquire(timeout=0.01)
    assert lock.acquire()
    lock.release()
    # asked at 0, had at 1; refused to another who asked at 2; free at 3; asked at 4, had at 5, free at 6
    assert lock.stats() == {"acquisitions": 2, "wait_seconds": 2, "hold_seconds": 3}
    with pytest.raises(RuntimeError):
        lock.release()


def test_readers_share_and_a_writer_does_not(lock: Any) -> None:
    with lock.read(), lock.read():
        assert not lock.acquire_write(timeout=0.01)
        with pytest.raises(TimeoutError, match="no writer's turn within 0.01 s"), lock.write(timeout=0.01):
            pass


def test_a_writer_keeps_everybody_out(lock: Any) -> None:
    with lock.write():
        assert not lock.acquire_read(timeout=0.01)
        with pytest.raises(TimeoutError, match="no reader's turn within 0.01 s"), lock.read(timeout=0.01):
            pass
    with lock.read(timeout=1):
        pass


def test_letting_go_of_what_nobody_holds_is_an_error(lock: Any) -> None:
    for release in (lock.release_read, lock.release_write):
        with pytest.raises(RuntimeError, match="without a"):
            release()


def test_an_error_inside_lets_go(lock: Any) -> None:
    for turn in (lock.read, lock.write):
        with pytest.raises(KeyError), turn():
            raise KeyError
    with lock.write(timeout=1):
        pass


def test_similarity() -> None:
    assert (similarity("a b c", "a b c"), similarity("a b", "c d"), similarity("", "")) == (1.0, 0.0, 1.0)
    assert similarity("a b c d", "a x c d") == 0.75
    assert most_similar("a b", ["c d", "a b", "a b"]) == 1
    with pytest.raises(ValueError, match="no document"):
        most_similar("a", [])


def test_the_inline_service_ranks() -> None:
    from fixtures.event_loop.inline import RankingService

    async def serve() -> int:
        async with RankingService(["c d", "a b"]) as service:
            result: int = await service.rank("a b", deadline=10)
            return result

    assert asyncio.run(serve()) == 1


@pytest.mark.parametrize("form", ["onnx_racy", "onnx_locked"])
def test_the_classifier_loads_late_and_remembers(form: str, tmp_path: Path) -> None:
    from fixtures.inference_manager.network import write_network

    module = import_module(f"fixtures.inference_manager.{form}")
    network = tmp_path / "network.onnx"
    classifier = module.OnnxClassifier(network, cache_size=1)  # the file is not there yet
    vectors = [tuple(n * 4 % 16 / 16 for n in range(16)), tuple(-n / 16 for n in range(16))]
    with pytest.raises(Exception, match=r"network\.onnx"):
        classifier.classify(vectors[0])
    write_network(network)
    classes = [classifier.classify(vector) for vector in (*vectors, vectors[0])]
    assert classes[0] == classes[2]
    assert len(set(classes)) == 2, "the two vectors are of different classes, or a mixed-up cache would not show"
    assert classifier.session() is classifier.session()
    with pytest.raises(ValueError, match="cache_size"):
        module.OnnxClassifier(network, cache_size=0)


def test_the_network_is_the_same_every_time(tmp_path: Path) -> None:
    from fixtures.inference_manager.network import write_network

    one, other = (write_network(tmp_path / name).read_bytes() for name in ("one", "other"))
    assert one == other
    assert len(one) < 10_000


@pytest.mark.parametrize("form", ["batch", "batch_lambda", "batch_partial", "batch_closure"])
def test_a_batch_goes_on_without_the_symbol_that_fails(form: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import pandas as pd

    from fixtures.global_pool.repaired import GlobalPool

    pool = GlobalPool(lambda: ThreadPoolExecutor(2))  # threads need no pickling: every form computes the same
    analyzer = import_module(f"fixtures.parallel_analyzer.{form}").BatchAnalyzer(pool)
    rising, short = pd.DataFrame({"close": [float(day) for day in range(1, 41)]}), pd.DataFrame({"close": [1.0]})
    batch = asyncio.run(analyzer.run({"UP": rising, "NEW": short, "DOWN": rising[::-1].reset_index(drop=True)}))
    pool.close()
    assert (batch.signals["UP"].rising, batch.signals["DOWN"].rising) == (True, False)
    assert (batch.signals["UP"].close, round(batch.signals["UP"].distance, 4)) == (40.0, round(40 / 30.5 - 1, 4))
    assert str(batch.errors["NEW"]) == "NEW: 1 rows, but the slow average needs 20"
    assert analyzer.handler.results == ["UP", "DOWN"]
