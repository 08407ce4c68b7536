"""The process in which one pool is measured: it obeys a driver, so that a crash, a hang or a leak stays in here.

One pool, one workload, one number of workers; commands arrive and answers leave over a connection, never over stdout.
"""

from __future__ import annotations

import asyncio
import concurrent.futures as futures
import faulthandler
import os
import pickle
import random
import signal
import statistics
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from harness.model import UsageError, one_line
from harness.pools import gil, lockwait, tree, worker
from harness.pools.executors import Executor, Pool, pool
from harness.pools.workload import fingerprint, resolve

HOLD = 0.03
ROUNDS_TO_MEET = 6


class WorkloadError(Exception):
    """The workload failed in a worker; the message is one line."""


class Host:
    """Obeys the driver's commands: each public method is one."""

    def __init__(self, reference: str, pool_reference: str, workers: int) -> None:
        self.reference, self.workers = reference, workers
        self.pool: Pool = pool(pool_reference)
        self.workload = resolve(reference)
        self.executor: Executor | None = None
        self.threads = 1 if self.pool.processes else workers

    def open(self) -> dict[str, Any]:
        """Open the pool and wait for its workers: seconds until as many empty tasks as it has workers were begun."""
        worker.forget()
        begun = time.monotonic_ns()
        self.executor = self.pool.open(self.workers)
        # A built-in function: what a worker imports for a task of the harness is no part of its start-up.
        first = max(
            future.result() for future in [self.executor.submit(time.monotonic_ns) for _ in range(self.workers)]
        )
        met: set[tuple[int, int]] = set()
        for attempt in range(ROUNDS_TO_MEET):
            hold = 0.0 if self._serial else HOLD * 2**attempt
            met.update(
                future.result() for future in [self.executor.submit(worker.hello, hold) for _ in range(self.workers)]
            )
            if len(met) >= self.workers or self._serial:
                break
        processes = len({process for process, _ in met} - {os.getpid()})
        return {"seconds": (first - begun) / 1e9, "answered": len(met), "processes": processes}

    @property
    def _serial(self) -> bool:
        return self.pool.name == "serial"

    def warm(self) -> dict[str, Any]:
        """Have every worker make its resource and do one item: medians over the workers, in seconds."""
        making: dict[tuple[int, int], float] = {}
        first: dict[tuple[int, int], float] = {}
        begun = time.monotonic()
        for attempt in range(ROUNDS_TO_MEET):
            hold = 0.0 if self._serial else HOLD * 2**attempt
            answers = self._all(
                [self._submit(worker.warm, self.reference, self.threads, hold) for _ in range(self.workers)]
            )
            for answer in answers:
                making.setdefault(answer.worker, answer.cpu / 1e9)
                first.setdefault(answer.worker, (answer.ended - answer.begun - answer.cpu) / 1e9)
            if len(making) >= self.workers or self._serial:
                break
        return {
            "make": statistics.median(making.values()),
            "first": statistics.median(first.values()),
            "seconds": time.monotonic() - begun - hold,
            "warmed": len(making),
        }

    def noop(self, count: int) -> dict[str, Any]:
        """Seconds per task that does nothing: the pool's own cost."""
        begun, used = time.monotonic(), self._use()
        for future in [self._submit(worker.nothing, number) for number in range(count)]:
            future.result()
        return {"wall": (time.monotonic() - begun) / count, "cpu": _less(self._use(), used)[0] / count}

    def batch(self, count: int, chunk: int, expected: Sequence[str] | None) -> dict[str, Any]:
        """Throughput: submit everything at once in chunks, wait for all; then compare every result."""
        used, begun = self._use(), time.monotonic()
        pending = [
            self._submit(worker.run_chunk, self.reference, self.threads, range(start, min(start + chunk, count)))
            for start in range(0, count, chunk)
        ]
        answers = self._all(pending)
        wall = time.monotonic() - begun
        cpu, voluntary, involuntary = _less(self._use(), used)
        results = [result for answer in answers for result in answer.results]
        prints = self._compared(results, expected)
        return {
            "wall": wall,
            "cpu": cpu,
            "voluntary": voluntary,
            "involuntary": involuntary,
            "count": len(results),
            "fingerprints": prints,
            "workers": len({answer.worker for answer in answers}),
        }

    def _compared(self, results: Sequence[Any], expected: Sequence[str] | None) -> list[str]:
        items = self.workload.items()
        prints: list[str] = []
        for number, result in enumerate(results):
            wrong = self.workload.check(items[number % len(items)], result) if number < len(items) else None
            if wrong is not None:
                raise WorkloadError(f"item {number} in the pool {self.pool.name}: wrong result: {wrong}")
            prints.append(fingerprint(result))
            wanted = prints[number % len(items)] if expected is None else expected[number % len(items)]
            if prints[number] != wanted:
                whose = next((i for i, known in enumerate(expected or ()) if known == prints[number]), None)
                other = f": it is the result of item {whose}" if whose is not None else ""
                against = "an earlier run of the same item" if expected is None else "the serial result"
                raise WorkloadError(
                    f"item {number % len(items)} in the pool {self.pool.name} differs from {against}{other}; "
                    "the workload must not depend on the pool"
                )
        return prints[: len(items)]

    def paced(self, count: int, expected: Sequence[str] | None, ahead: int = 1) -> dict[str, Any]:
        """``ahead`` tasks per worker in flight: submit to done, queue wait, and the workers' wall time, in seconds."""
        used, started, driven = self._use(), time.monotonic(), time.thread_time_ns()
        done: dict[futures.Future[Any], int] = {}
        sent: dict[futures.Future[Any], int] = {}
        finished: list[futures.Future[Any]] = []
        number = 0
        while len(finished) < count:
            while number < count and len(sent) - len(finished) < ahead * self.workers:
                now = time.monotonic_ns()
                future = self._submit(worker.run_chunk, self.reference, self.threads, (number,))
                sent[future] = now
                future.add_done_callback(lambda one: done.setdefault(one, time.monotonic_ns()))
                number += 1
            waiting = [future for future in sent if future not in finished]
            ready, _ = futures.wait(waiting, return_when=futures.FIRST_COMPLETED)
            finished += ready
        elapsed, driven = time.monotonic() - started, time.thread_time_ns() - driven
        cpu, voluntary, involuntary = _less(self._use(), used)
        order = {future: number for number, future in enumerate(sent)}
        finished.sort(key=order.__getitem__)
        answers = self._all(finished)
        self._compared([answer.results[0] for answer in answers], expected)
        wall = sum(answer.ended - answer.begun for answer in answers)
        queued = -1 if any(answer.queued < 0 for answer in answers) else sum(answer.queued for answer in answers)
        locked = -1 if any(answer.locked < 0 for answer in answers) else sum(answer.locked for answer in answers)
        return {
            "latency": [
                (done.get(future, answer.ended) - sent[future]) / 1e9
                for future, answer in zip(finished, answers, strict=True)
            ],
            "queue_wait": [
                (answer.begun - sent[future]) / 1e9 for future, answer in zip(finished, answers, strict=True)
            ],
            "wall": elapsed,
            "cpu": cpu,
            "voluntary": voluntary,
            "involuntary": involuntary,
            "count": count,
            "inside": wall / 1e9,
            "together": _together(answers) / 1e9,
            "inside_cpu": sum(answer.cpu for answer in answers) / 1e9,
            "native": self._native(answers, cpu, driven),
            "run_queue": queued / 1e9 if queued >= 0 else None,
            "locked": locked / 1e9 if locked >= 0 else None,
        }

    def _native(self, answers: Sequence[worker.Answer], cpu: float, driven: int) -> float:
        """CPU seconds of threads that are neither workers nor the one that hands tasks out.

        A process does one task at a time, so that its own clock tells; threads share one clock, and what the pool's own
        threads use is in it.
        """
        if all(answer.worker[0] != os.getpid() for answer in answers):
            return sum(answer.beside for answer in answers) / 1e9
        inside = sum(answer.cpu for answer in answers if answer.worker[1] != threading.get_native_id())
        return max(0.0, cpu - (inside + driven) / 1e9)

    def memory(self) -> dict[str, Any]:
        """PSS and USS of this process and its workers."""
        found = tree.memory(tree.members(os.getpid()))
        return {"pss": found.pss, "uss": found.uss, "processes": found.processes}

    def hold(self, seconds: float, seed: int) -> dict[str, Any]:
        """How much of its time one item after another holds the GIL."""
        items = self.workload.items()
        resource = self.workload.make(1)
        state = iter(range(sys.maxsize))
        found = gil.probe(
            lambda: self.workload.run(resource, items[next(state) % len(items)]), seconds, random.Random(seed)
        )
        return {"wakes": found.wakes, "held": found.held, "late": found.late}

    def serialise(self) -> dict[str, Any]:
        """Bytes and seconds that one task's call and result cost to pickle and to load again."""
        answer = worker.run_chunk(self.reference, self.threads, (0,))
        _refuse(answer)
        call = (worker.run_chunk, (self.reference, self.threads, (0,)))
        try:
            sizes = [len(pickle.dumps(part)) for part in (call, answer)]
        except Exception as error:
            return {"error": one_line(error)}
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            for part in (call, answer):
                pickle.loads(pickle.dumps(part))
            times.append(time.perf_counter() - begun)
        return {"bytes": sum(sizes), "seconds": statistics.median(times), "error": ""}

    def stages(self, count: int) -> list[dict[str, float]]:
        return [worker.stages(self.reference, self.threads, number) for number in range(count)]

    def loop_lag(self, seconds: float) -> dict[str, Any]:
        """How late an event loop runs that keeps one task per worker in this pool, in seconds."""
        lags = asyncio.run(self._service(seconds))
        return {"lags": lags}

    async def _service(self, seconds: float) -> list[float]:
        end, lags, number = time.monotonic() + seconds, [], 0

        async def client() -> None:
            nonlocal number
            while time.monotonic() < end:
                number += 1
                task = self._submit(worker.run_chunk, self.reference, self.threads, (number,))
                _refuse(await asyncio.wrap_future(task))
                await asyncio.sleep(0)

        async def beat() -> None:
            while time.monotonic() < end:
                begun = time.monotonic()
                await asyncio.sleep(0.005)
                lags.append(max(0.0, time.monotonic() - begun - 0.005))

        await asyncio.gather(beat(), *(client() for _ in range(self.workers)))
        return lags

    def close(self) -> dict[str, Any]:
        if self.executor is not None:
            self.executor.shutdown(wait=True)
            self.executor = None
        worker.forget()
        return {}

    def _submit(self, call: Callable[..., Any], *args: Any) -> futures.Future[Any]:
        assert self.executor is not None, "open comes first"
        return self.executor.submit(call, *args)

    def _all(self, pending: Sequence[futures.Future[Any]]) -> list[worker.Answer]:
        answers = [future.result() for future in pending]
        for answer in answers:
            _refuse(answer)
        return answers

    def _use(self) -> tree.Use:
        return tree.use(tree.members(os.getpid()) if self.pool.processes else [os.getpid()])


def _together(answers: Sequence[worker.Answer]) -> int:
    """Nanoseconds of these tasks in which another was in hand too."""
    total = at_once = before = 0
    for now, step in sorted([(one.begun, 1) for one in answers] + [(one.ended, -1) for one in answers]):
        total += at_once * (now - before) if at_once > 1 else 0
        at_once, before = at_once + step, now
    return total


def _refuse(answer: worker.Answer) -> None:
    if answer.error:
        raise UsageError(answer.error) if answer.usage else WorkloadError(f"an item failed: {answer.error}")


def _less(after: tree.Use, before: tree.Use) -> tuple[float, int, int]:
    if after.cpu is None or before.cpu is None:
        return -1.0, -1, -1
    return (
        after.cpu - before.cpu,
        (after.voluntary or 0) - (before.voluntary or 0),
        (after.involuntary or 0) - (before.involuntary or 0),
    )


def _told(error: BaseException, host: str) -> tuple[str, str, str]:
    kind = "usage" if isinstance(error, UsageError) else "workload" if isinstance(error, WorkloadError) else "error"
    text = str(error) if kind != "error" else one_line(error)
    if isinstance(error, futures.BrokenExecutor) or type(error).__name__ in (
        "BrokenProcessPool",
        "TerminatedWorkerError",
    ):
        kind, text = "broken", f"a worker of the pool {host} died: {one_line(error)}"
    return kind, text, "".join(traceback.format_exception(error))


def serve(connection: Connection, reference: str, pool_reference: str, workers: int, watch_locks: bool) -> None:
    """Obey until the driver hangs up."""
    host: Host | None = None
    while True:
        try:
            command, arguments = connection.recv()
        except EOFError:
            return
        try:
            if host is None:
                if watch_locks:
                    lockwait.watch()
                host = Host(reference, pool_reference, workers)
            answer = ("ok", getattr(host, command)(**arguments) if command != "ready" else {"pid": os.getpid()})
        except Exception as error:
            answer = ("failed", _told(error, pool_reference))
        connection.send(answer)


def main() -> None:
    worker.die_with_parent()
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1, all_threads=True)
    handle, reference, pool_reference, workers, watch_locks = sys.argv[1:]
    serve(Connection(int(handle)), reference, pool_reference, int(workers), watch_locks == "watch")
    os._exit(0)  # a worker that never ends must not keep this process
