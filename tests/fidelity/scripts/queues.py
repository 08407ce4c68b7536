"""What the four queues return, raise and refuse."""

from __future__ import annotations

import copy
import pickle
import queue
import sys
import threading
import weakref
from typing import Any

from ..outcome import attempt, kind
from .locks import in_thread


def bounded() -> list[object]:
    outcomes: list[object] = []
    for make in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
        line: Any = make(maxsize=2)
        outcomes += [
            attempt(line.get_nowait),
            attempt(line.get, False),
            attempt(line.get, timeout=0.01),
            attempt(line.get, timeout=-1),
            attempt(line.get, True, 0),
            attempt(line.put, 2),
            attempt(line.put_nowait, 1),
            [line.qsize(), line.full(), line.empty(), line.maxsize],
            attempt(line.put_nowait, 3),
            attempt(line.put, 3, False),
            attempt(line.put, 3, timeout=0.01),
            attempt(line.put, 3, timeout=-1),
            attempt(line.get),
            attempt(line.get, timeout=5),
            [line.qsize(), line.full(), line.empty()],
        ]
    return outcomes


def priorities() -> list[object]:
    line: Any = queue.PriorityQueue()
    for item in ((3, "c"), (1, "a"), (2, "b")):
        line.put(item)
    outcomes: list[object] = [line.get() for _ in range(3)]
    line.put((1, object()))
    outcomes.append(attempt(line.put, (1, object())))
    return outcomes


def task_done() -> list[object]:
    line: queue.Queue[int] = queue.Queue()
    outcomes = [attempt(line.task_done), attempt(line.join)]
    line.put(1)
    outcomes.append(line.unfinished_tasks)
    line.get()
    outcomes += [attempt(line.task_done), attempt(line.task_done), attempt(line.join)]
    line.put(2)
    worker = threading.Thread(target=lambda: (line.get(), line.task_done()))
    worker.start()
    outcomes.append(attempt(line.join))
    worker.join()
    return outcomes


def simple() -> list[object]:
    line: Any = queue.SimpleQueue()
    outcomes: list[object] = [
        attempt(line.get_nowait),
        attempt(line.get, False),
        attempt(line.get, block=False),
        attempt(line.get, timeout=0.01),
        attempt(line.get, True, 0),
        attempt(line.get, timeout=-1),
        attempt(line.get, False, -1),
        kind(line.get, timeout="soon"),
        attempt(line.put, 1),
        attempt(line.put, 2, False),
        attempt(line.put, 3, block=True, timeout=-5),
        attempt(line.put_nowait, 4),
        [line.qsize(), line.empty()],
        [attempt(line.get) for _ in range(4)],
        line.empty(),
    ]
    thread = threading.Thread(target=line.put, args=("late",))
    thread.start()
    outcomes.append(attempt(line.get, timeout=60))
    thread.join()
    return outcomes


def simple_identity() -> list[object]:
    line: Any = queue.SimpleQueue()
    return [
        isinstance(line, queue.SimpleQueue),
        type(line).__name__,
        isinstance(queue.SimpleQueue, type),
        kind(pickle.dumps, line),
        kind(copy.deepcopy, line),
        weakref.ref(line)() is line,
        attempt(lambda: str(queue.SimpleQueue[int]).endswith("SimpleQueue[int]")),
        queue.Empty.__module__,
        issubclass(queue.Empty, Exception),
        attempt(in_thread, line.get_nowait),
    ]


def subclasses() -> list[object]:
    class Mine(queue.SimpleQueue):  # type: ignore[type-arg]
        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
            super().put([item], block, timeout)

    class Bag(queue.Queue):  # type: ignore[type-arg]
        def _init(self, maxsize: int) -> None:
            self.queue: Any = []

        def _get(self) -> Any:
            return self.queue.pop()

        def _put(self, item: Any) -> None:
            self.queue.append(item)

    mine: Any = Mine()
    mine.put(1)
    bag: Any = Bag()
    bag.put(1)
    bag.put(2)
    return [mine.get(), bag.get(), bag.get(timeout=1), attempt(bag.get, timeout=0.01)]


def shutdown() -> list[object]:
    if sys.version_info < (3, 13):
        return []
    line: Any = queue.Queue()
    line.put(1)
    outcomes = [
        attempt(line.shutdown),
        attempt(line.put, 2),
        attempt(line.get),
        attempt(line.get),
        attempt(line.get_nowait),
    ]
    other: Any = queue.Queue()
    other.put(1)
    return [*outcomes, attempt(other.shutdown, immediate=True), attempt(other.get), attempt(other.join)]


SCRIPTS = (bounded, priorities, task_done, simple, simple_identity, subclasses, shutdown)
