"""A benchmark made ready: marked functions, and workloads on pools that are made here. It takes no time itself."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from inspect import iscoroutinefunction
from typing import Any

from harness.gate.marks import Mark
from harness.model import UsageError

POOLS = {"serial": "serial", "threads": "threads", "processes": "spawn", "asyncio": "asyncio-executor"}
"""On which a workload is measured, and the comparison's names for them; the settings may name others of these too."""
Run = Callable[[int], Any]
"""Does so many calls (of a workload: tasks) and returns the result of the last."""


@contextlib.contextmanager
def marked_run(function: Callable[..., Any], mark: Mark) -> Iterator[Run]:
    """A marked function, ready: its setup is entered here and left at the end."""
    with contextlib.ExitStack() as stack:
        arguments = () if mark.setup is None else (stack.enter_context(mark.setup()),)
        if iscoroutinefunction(function):
            import asyncio  # not needed by most: tens of milliseconds of every process

            runner = stack.enter_context(asyncio.Runner())

            async def repeat(calls: int) -> Any:
                for _ in range(calls - 1):
                    await function(*arguments)
                return await function(*arguments)

            yield lambda calls: runner.run(repeat(calls))
            return

        def run(calls: int) -> Any:
            for _ in range(calls - 1):
                function(*arguments)
            return function(*arguments)

        yield run


@contextlib.contextmanager
def workload_run(reference: str, name: str, workers: int) -> Iterator[Run]:
    """A workload on a pool that is made here; each call submits its tasks, waits for all and checks the last."""
    from harness.pools import executors, worker  # not needed by most, as above
    from harness.pools.workload import resolve

    workload = resolve(reference)
    items = itertools.cycle(workload.items())
    pool = executors.pool(POOLS.get(name, name))
    threads = 1 if pool.processes else workers
    with contextlib.ExitStack() as stack:
        executor = pool.open(workers)
        stack.callback(executor.shutdown)

        def run(count: int) -> Any:
            given = list(itertools.islice(items, count))
            tasks = [executor.submit(worker.work, reference, item, threads) for item in given]
            result = [task.result() for task in tasks][-1]
            if problem := workload.check(given[-1], result):
                raise UsageError(f"{reference} on {name}: {problem}")
            return result

        yield run
