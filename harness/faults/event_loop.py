"""An event loop on a thread of its own, behind the interface of :class:`concurrent.futures.Executor`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class LoopPool:
    """Awaits each task on the loop, which sends it where `asyncio` would.

    To the loop's default executor, of `workers` threads, by `to_thread`, which copies the context; or to `executor` by
    `run_in_executor`.
    """

    def __init__(self, workers: int, executor: Executor | None = None) -> None:
        self._executor = executor
        self._default = ThreadPoolExecutor(workers)
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(self._default)
        self._thread = threading.Thread(target=self.loop.run_forever, name="event loop", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run `fn(*args, **kwargs)` off the loop, awaited on it."""

        async def wait() -> T:
            if self._executor is None:
                return await asyncio.to_thread(fn, *args, **kwargs)
            return await self.loop.run_in_executor(self._executor, partial(fn, *args, **kwargs))

        return asyncio.run_coroutine_threadsafe(wait(), self.loop)

    def shutdown(self, wait: bool = True) -> None:
        """Wait for the tasks, whatever `wait` says, then end the loop: what an ended loop awaits never ends."""
        if self._executor is not None:
            self._executor.shutdown()
        asyncio.run_coroutine_threadsafe(self.loop.shutdown_default_executor(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
