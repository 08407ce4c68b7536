"""What ThreadPoolExecutor and Future return and raise."""

from __future__ import annotations

import concurrent.futures
import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ..outcome import attempt, kind, text


def fail() -> None:
    raise LookupError("lost")


def results() -> list[object]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        good, bad = pool.submit(pow, 2, 3), pool.submit(fail)
        return [
            attempt(good.result),
            attempt(good.result, 60),
            attempt(good.exception),
            attempt(bad.result),
            attempt(lambda: type(bad.exception(timeout=60)).__name__),
            good.done(),
            good.running(),
            good.cancelled(),
            attempt(good.cancel),
            text(repr(good)),
            text(repr(bad)),
            attempt(lambda: list(pool.map(pow, (2, 3), (2, 2)))),
            attempt(lambda: list(pool.map(lambda number: 1 // number, (1, 0)))),
            attempt(lambda: list(pool.map(abs, ()))),
        ]


def shutting_down() -> list[object]:
    pool = ThreadPoolExecutor(max_workers=1)
    future = pool.submit(abs, -1)
    outcomes = [attempt(pool.shutdown), attempt(pool.shutdown), attempt(pool.submit, abs, -1), attempt(future.result)]
    with ThreadPoolExecutor(1) as other:
        pass
    return [
        *outcomes,
        attempt(other.submit, abs, 1),
        attempt(lambda: list(other.map(abs, [1]))),
        attempt(ThreadPoolExecutor, 0),
        attempt(ThreadPoolExecutor, max_workers=-1),
        attempt(ThreadPoolExecutor, initializer=5),
        kind(ThreadPoolExecutor(1).submit),
    ]


def time_outs_and_cancelling() -> list[object]:
    leave = threading.Event()
    running = threading.Event()

    def hold() -> bool:
        running.set()
        return leave.wait()

    with ThreadPoolExecutor(max_workers=1) as pool:
        held, waiting = pool.submit(hold), pool.submit(abs, -1)
        running.wait()
        outcomes = [
            attempt(held.result, 0.01),
            attempt(held.exception, timeout=0.01),
            held.running(),
            attempt(held.cancel),
            attempt(waiting.cancel),
            waiting.cancelled(),
            attempt(waiting.result),
            text(repr(waiting)),
            attempt(lambda: list(concurrent.futures.as_completed([held], timeout=0.01))),
            attempt(lambda: [len(each) for each in concurrent.futures.wait([held, waiting], timeout=0.01)]),
        ]
        leave.set()
    return [*outcomes, attempt(held.result)]


def callbacks() -> list[object]:
    found: list[object] = []
    logging.getLogger("concurrent.futures").disabled = True
    try:
        with ThreadPoolExecutor(max_workers=1) as pool:
            future = pool.submit(abs, -3)
            future.add_done_callback(lambda done: found.append(done.result()))
            future.add_done_callback(lambda done: fail())
            future.result()
        future.add_done_callback(lambda done: found.append(done is future))
    finally:
        logging.getLogger("concurrent.futures").disabled = False
    return found


def bare_futures() -> list[object]:
    future: Future[Any] = Future()
    outcomes: list[object] = [text(repr(future)), attempt(future.result, 0.01), attempt(future.result, timeout=0)]
    outcomes += [
        attempt(future.set_result, 1),
        attempt(future.set_result, 2),
        attempt(future.set_exception, KeyError()),
    ]
    cancelled: Future[Any] = Future()
    outcomes += [attempt(cancelled.cancel), attempt(cancelled.set_running_or_notify_cancel), attempt(cancelled.result)]
    return [*outcomes, text(repr(future)), text(repr(cancelled))]


def initializers() -> list[object]:
    calls: list[str] = []
    with ThreadPoolExecutor(1, thread_name_prefix="mine", initializer=calls.append, initargs=("call",)) as pool:
        name = pool.submit(lambda: threading.current_thread().name).result()
    logging.getLogger("concurrent.futures").disabled = True
    try:
        broken = ThreadPoolExecutor(1, initializer=fail)
        future = broken.submit(abs, 1)
        outcomes = [attempt(lambda: type(future.exception()).__name__), attempt(broken.submit, abs, 1)]
        broken.shutdown()
    finally:
        logging.getLogger("concurrent.futures").disabled = False
    return [calls, text(name), *outcomes]


def waiting() -> list[object]:
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(abs, -1), pool.submit(fail)]
        everything = concurrent.futures.wait(futures)
        first = concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_EXCEPTION)
        return [
            [len(everything.done), len(everything.not_done)],
            len(first.done),
            len(list(concurrent.futures.as_completed(futures))),
            attempt(concurrent.futures.wait, futures, return_when="NEVER"),
        ]


SCRIPTS = (
    results,
    shutting_down,
    time_outs_and_cancelling,
    callbacks,
    bare_futures,
    initializers,
    waiting,
)
