"""The managed worker of `fixtures.asr_worker` as a pool: a task is a recording, and strikes where it is recognised.

So the lease is held when the process is killed or hangs. The worker process imports this, so no harness.
"""

from __future__ import annotations

import ast
import functools
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from fixtures.asr_worker import managed, managed_released, supervised, supervised_released
from fixtures.asr_worker.job import Transcript

LIMIT = 6.0
"""Of a job, in seconds: a busy machine may keep one waiting that nothing befalls."""
SHORTER = 3.0
"""The same where job after job uses it up."""


@dataclass(frozen=True)
class Said:
    start: float
    end: float
    text: str


class Recogniser:
    """Recognises in a recording what its task returns."""

    def transcribe(self, samples: Callable[[], Any], /) -> tuple[Iterator[Said], None]:
        return self._segments(samples), None

    def _segments(self, task: Callable[[], Any]) -> Iterator[Said]:
        yield Said(0.0, 1.0, repr(task()))


def as_it_is(recording: Any) -> Any:
    return recording


class ManagedPool:
    """A manager, its worker and its lease, with the results of tasks in place of transcripts."""

    def __init__(
        self, form: Any, worker: Any, lease: Any, engine: Callable[[], Any] = Recogniser, limit: float = LIMIT
    ) -> None:
        self.lease = lease
        self.manager = form.Manager(functools.partial(worker.Transcriber, engine, lease, as_it_is, limit))

    def submit(self, task: Callable[[], Any]) -> Future[Any]:
        told: Future[Any] = Future()
        self.manager.submit(task).add_done_callback(functools.partial(self._pass_on, told))
        return told

    @staticmethod
    def _pass_on(told: Future[Any], transcript: Future[Transcript]) -> None:
        if error := transcript.exception():
            told.set_exception(error)
        else:
            told.set_result(ast.literal_eval(transcript.result().text))

    def close(self) -> None:
        self.manager.close()


def repaired_pool() -> ManagedPool:
    return ManagedPool(managed, supervised, threading.Semaphore(1))


def no_second_try() -> ManagedPool:
    return ManagedPool(managed_released, supervised, threading.Semaphore(1), limit=SHORTER)


def lease_in_the_worker() -> ManagedPool:
    return ManagedPool(managed, supervised_released, multiprocessing.get_context("spawn").Semaphore(1), limit=SHORTER)


def lease_is_free(pool: ManagedPool) -> str:
    """What is wrong with the lease after all jobs."""
    if not pool.lease.acquire(timeout=0.1):
        return "all jobs are done, and the GPU is still leased"
    pool.lease.release()
    return ""
