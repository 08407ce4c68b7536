"""The ranking services of `fixtures.event_loop` as pools: a task is a query, and strikes when a worker compares it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from fixtures.event_loop import long_lived_pool, surviving_pool

DOCUMENTS = [f"document number {number}" for number in range(8)]
DEADLINE = 60.0


def best(number: int) -> int:
    """What a task asks for, and so its answer."""
    return number % len(DOCUMENTS)


class Query(str):
    """The text that is most like the document that its task returns; it is known when it is first compared."""

    def __new__(cls, task: Callable[[], int]) -> Query:
        query = super().__new__(cls, "query")
        query.task, query.words = task, []
        return query

    task: Callable[[], int]
    words: list[str]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.task,)

    def split(self, *_: Any) -> list[str]:  # type: ignore[override]
        if not self.words:
            self.words = DOCUMENTS[self.task()].split()
        return self.words


class ServicePool:
    """A service on its event loop, with the index that it answers as the result of a task."""

    def __init__(self, form: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self.service = form.RankingService(DOCUMENTS, 2)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def submit(self, task: Callable[[], int]) -> Future[int]:
        return asyncio.run_coroutine_threadsafe(self.service.rank(Query(task), DEADLINE), self.loop)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.service.__aexit__(None, None, None), self.loop).result()
        asyncio.run_coroutine_threadsafe(self.loop.shutdown_default_executor(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


def one_pool() -> ServicePool:
    return ServicePool(long_lived_pool)


def pool_that_survives() -> ServicePool:
    return ServicePool(surviving_pool)
