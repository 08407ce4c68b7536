"""The pools: each is a name and a factory of an executor; whatever has that interface plugs in."""

from __future__ import annotations

import concurrent.futures as futures
import importlib
import inspect
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from harness.faults.event_loop import LoopPool
from harness.model import UsageError, one_line

T = TypeVar("T")


class Executor(Protocol):
    """The part of ``concurrent.futures.Executor`` that a comparison uses."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> futures.Future[T]: ...
    def shutdown(self, wait: bool = True) -> None: ...


@dataclass(frozen=True)
class Pool:
    """A kind of pool. ``processes``: arguments and results are serialised and each worker has memory of its own."""

    name: str
    open: Callable[[int], Executor]
    processes: bool


class Serial:
    """Runs each task at once in the thread that submits it: what every pool is compared with."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> futures.Future[T]:
        future: futures.Future[T] = futures.Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True) -> None:
        """Nothing to end."""


def _in_executor(workers: int) -> LoopPool:
    return LoopPool(workers, futures.ThreadPoolExecutor(workers))


def _processes(method: str) -> Callable[[int], Executor]:
    def open_pool(workers: int) -> Executor:
        return futures.ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context(method))

    return open_pool


def _interpreters(workers: int) -> Executor:
    factory: Callable[[int], Executor] = getattr(futures, "InterpreterPoolExecutor")  # noqa: B009 (3.14 and later)
    return factory(workers)


POOLS = {
    pool.name: pool
    for pool in (
        Pool("serial", lambda workers: Serial(), processes=False),
        Pool("threads", futures.ThreadPoolExecutor, processes=False),
        Pool("fork", _processes("fork"), processes=True),
        Pool("spawn", _processes("spawn"), processes=True),
        Pool("forkserver", _processes("forkserver"), processes=True),
        Pool("asyncio-to-thread", LoopPool, processes=False),
        Pool("asyncio-executor", _in_executor, processes=False),
        Pool("interpreters", _interpreters, processes=False),
    )
}
DEFAULT = ("threads", "fork", "spawn", "forkserver", "asyncio-to-thread")


def available() -> tuple[str, ...]:
    """The pools that this Python and platform have."""
    methods = multiprocessing.get_all_start_methods()
    return tuple(
        name
        for name, pool in POOLS.items()
        if (not pool.processes or name in methods)
        and (name != "interpreters" or hasattr(futures, "InterpreterPoolExecutor"))
    )


def pool(reference: str) -> Pool:
    """A pool by name, or a user's own as ``[name=]package.module:factory``.

    ``factory(workers)`` or ``factory(max_workers=...)`` returns an executor. Whether it serialises cannot be known
    beforehand; the workers' process ids tell. Raises :class:`UsageError` for what does not exist here.
    """
    if reference in POOLS:
        if reference not in available():
            raise UsageError(f"the pool {reference!r} does not exist here; this Python has {', '.join(available())}")
        return POOLS[reference]
    name, _, target = reference.rpartition("=")
    module, colon, attribute = target.partition(":")
    if not colon:
        raise UsageError(
            f"no pool {reference!r}: give [name=]package.module:factory, or one of {', '.join(available())}"
        )
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise UsageError(f"the pool {reference} cannot be imported: {one_line(error)}") from error
    return Pool(name or attribute, _adapted(factory), processes=True)


def _adapted(factory: Any) -> Callable[[int], Executor]:
    try:
        by_name = "max_workers" in inspect.signature(factory).parameters
    except (TypeError, ValueError):
        by_name = False
    return (lambda workers: factory(max_workers=workers)) if by_name else factory
