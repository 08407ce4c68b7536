"""The pools of the outcome table behind one interface, that of :class:`concurrent.futures.Executor`.

A pool of the user's needs no adapter: whatever has `submit(function, *args) -> Future` will do.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.faults.catalogue import Where
from harness.faults.event_loop import LoopPool
from harness.model import UsageError

Initializer = Callable[[], None] | None


@dataclass(frozen=True, slots=True)
class PoolType:
    """One way to run tasks: `make(workers, initializer)` returns the pool; `needs` is the package it comes from."""

    name: str
    where: Where
    make: Callable[[int, Initializer], Any]
    needs: str = ""
    slowness: float = 1.0
    """How much more patience it needs than others: its parts ask each other at intervals."""

    @property
    def installed(self) -> bool:
        return not self.needs or find_spec(self.needs) is not None


def _process_pool(method: str, workers: int, initializer: Initializer) -> Executor:
    return ProcessPoolExecutor(workers, multiprocessing.get_context(method), initializer)


class MultiprocessingPool:
    """:class:`multiprocessing.pool.Pool` with `submit`."""

    def __init__(self, workers: int, initializer: Initializer, method: str = "spawn") -> None:
        self._pool = multiprocessing.get_context(method).Pool(workers, initializer)

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run `function(*args)` in a worker."""
        future: Future[Any] = Future()
        self._pool.apply_async(function, args, callback=future.set_result, error_callback=future.set_exception)
        return future

    def shutdown(self) -> None:
        """What its `with` block does at its end."""
        self._pool.terminate()
        self._pool.join()


def _to_thread(workers: int, _: Initializer) -> LoopPool:
    return LoopPool(workers)


def _in_executor(workers: int, initializer: Initializer) -> LoopPool:
    return LoopPool(workers, _process_pool("spawn", workers, initializer))


def _loky(workers: int, initializer: Initializer) -> Any:
    return import_module("loky.process_executor").ProcessPoolExecutor(workers, initializer=initializer)


class PebblePool:
    """pebble's ProcessPool with `submit` and `shutdown`."""

    def __init__(self, workers: int, initializer: Initializer) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = import_module("pebble").ProcessPool(workers, initializer=initializer, context=context)

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run `function(*args)` in a worker."""
        future: Future[Any] = self._pool.schedule(function, args=args)
        return future

    def shutdown(self) -> None:
        """What its `with` block does at its end."""
        self._pool.close()
        self._pool.join()


class DaskPool:
    """A dask cluster of this machine, by the executor of its client. Answers are not kept, and so not reused.

    Its scratch space lies beside the temporary files, which are counted: the next worker removes what one that was
    killed left in it, and whether a worker that hangs has removed its part by then is a matter of luck.
    """

    def __init__(self, workers: int, _: Initializer) -> None:
        dask, distributed = import_module("dask"), import_module("distributed")
        dask.config.set({
            "distributed.worker.daemon": False, "distributed.admin.large-graph-warning-threshold": "1GB",
            "temporary-directory": str(Path(tempfile.gettempdir()).parent / "scratch"),
        })  # fmt: skip
        self._cluster = distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        )
        self._client = distributed.Client(self._cluster)
        self._executor = self._client.get_executor(pure=False)

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run `function(*args)` in a worker."""
        future: Future[Any] = self._executor.submit(function, *args)
        return future

    def shutdown(self) -> None:
        """End the client and the cluster."""
        self._client.close()
        self._cluster.close()


def _threads(workers: int, initializer: Initializer) -> Executor:
    return ThreadPoolExecutor(workers, initializer=initializer)


POOLS = {
    pool.name: pool
    for pool in (
        PoolType("thread", Where.THREAD, _threads),
        PoolType("fork", Where.PROCESS, partial(_process_pool, "fork")),
        PoolType("spawn", Where.PROCESS, partial(_process_pool, "spawn")),
        PoolType("forkserver", Where.PROCESS, partial(_process_pool, "forkserver")),
        PoolType("mp-pool", Where.PROCESS, MultiprocessingPool),
        PoolType("to-thread", Where.LOOP, _to_thread),
        PoolType("in-executor", Where.PROCESS, _in_executor),
        PoolType("loky", Where.PROCESS, _loky, "loky"),
        PoolType("pebble", Where.PROCESS, PebblePool, "pebble"),
        PoolType("dask", Where.PROCESS, DaskPool, "distributed", slowness=3.0),
    )
}


def pool_type(name: str) -> PoolType:
    """The pool type of that name; raises :class:`harness.UsageError` with the names there are."""
    if name not in POOLS:
        raise UsageError(f"there is no pool type {name!r}; the pool types are {', '.join(POOLS)}")
    return POOLS[name]
