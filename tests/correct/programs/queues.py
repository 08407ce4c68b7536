"""queue.Queue, LifoQueue, PriorityQueue and SimpleQueue: blocking, time-outs, limits, join."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from ..program import Program, both_ways


def line(kind: Callable[[], Any]) -> Callable[[], SimpleNamespace]:
    def setup() -> SimpleNamespace:
        return SimpleNamespace(queue=kind(), log=[], ready=threading.Event())

    return setup


def get(state: SimpleNamespace) -> object:
    return state.queue.get()


def get_in_time(state: SimpleNamespace) -> object:
    return state.queue.get(timeout=60)


def put(state: SimpleNamespace) -> None:
    state.queue.put((1, "item"))


def received(state: SimpleNamespace, results: Mapping[str, object]) -> bool:
    return results["waiter"] == (1, "item") and state.queue.empty()


def put_three(state: SimpleNamespace) -> None:
    for number in range(3):
        state.queue.put(number)


def get_three(state: SimpleNamespace) -> list[object]:
    return [state.queue.get() for _ in range(3)]


def in_order(state: SimpleNamespace, results: Mapping[str, object]) -> bool:
    return results["waiter"] == [0, 1, 2]


def small() -> queue.Queue[int]:
    return queue.Queue(maxsize=1)


def fill_then_tell(state: SimpleNamespace) -> None:
    for number in (2, 3, 1):
        state.queue.put(number)
    state.ready.set()


def drain_when_told(state: SimpleNamespace) -> list[object]:
    state.ready.wait()
    return [state.queue.get_nowait() for _ in range(3)]


def last_in_first_out(state: SimpleNamespace, results: Mapping[str, object]) -> bool:
    return results["waiter"] == [1, 3, 2]


def smallest_first(state: SimpleNamespace, results: Mapping[str, object]) -> bool:
    return results["waiter"] == [1, 2, 3]


def put_two_and_join(state: SimpleNamespace) -> list[object]:
    state.queue.put(1)
    state.queue.put(2)
    state.queue.join()
    return list(state.log)


def work_two(state: SimpleNamespace) -> None:
    for _ in range(2):
        state.log.append(state.queue.get())
        state.queue.task_done()


def joined_after_work(state: SimpleNamespace, results: Mapping[str, object]) -> bool:
    return results["waiter"] == [1, 2]


def get_in_vain(state: SimpleNamespace) -> str:
    try:
        state.queue.get(timeout=0.005)
    except queue.Empty:
        state.log.append("empty")
        return "empty"
    return "got"


def note(state: SimpleNamespace) -> str:
    state.log.append("noted")
    return "noted"


def got_nothing(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return results[0] == "empty" and sorted(state.log) == ["empty", "noted"]


def full_line() -> SimpleNamespace:
    state = line(small)()
    state.queue.put("old")
    return state


def put_in_vain(state: SimpleNamespace) -> str:
    try:
        state.queue.put("new", timeout=0.005)
    except queue.Full:
        state.log.append("full")
        return "full"
    return "put"


def was_full(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return results[0] == "full" and state.queue.get_nowait() == "old"


def put_nowait(state: SimpleNamespace) -> bool:
    try:
        state.queue.put_nowait("item")
    except queue.Full:
        return False
    return True


def get_nowait(state: SimpleNamespace) -> bool:
    try:
        state.queue.get_nowait()
    except queue.Empty:
        return False
    return True


def sizes_add_up(state: SimpleNamespace, results: Sequence[object]) -> bool:
    put, put_again, got = map(bool, results)
    return state.queue.qsize() == put + put_again - got and (put or put_again)


def produce_until_end(state: SimpleNamespace) -> None:
    for number in range(2):
        state.queue.put(number)
    state.queue.put(None)


def consume_until_end(state: SimpleNamespace) -> int:
    total = 0
    while (item := state.queue.get()) is not None:
        total += item
    return total


def consumed_all(state: SimpleNamespace, results: Mapping[str, object]) -> bool:
    return results["waiter"] == 1 and state.queue.empty()


def put_two(state: SimpleNamespace) -> None:
    state.queue.put("first")
    state.queue.put("second")


def one_each(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return {"first", "second"} <= set(results)


def shut_down(state: SimpleNamespace) -> None:
    state.queue.put("last")
    state.queue.shutdown()


def get_until_shut_down(state: SimpleNamespace) -> list[object]:
    items: list[object] = []
    while True:
        try:
            items.append(state.queue.get())
        except queue.ShutDown:  # type: ignore[attr-defined,unused-ignore]
            return items


def got_the_last(state: SimpleNamespace, results: Mapping[str, object]) -> bool:
    return results["waiter"] == ["last"]


KINDS: tuple[tuple[str, Callable[[], Any]], ...] = (
    ("queue", queue.Queue),
    ("lifo_queue", queue.LifoQueue),
    ("priority_queue", queue.PriorityQueue),
    ("simple_queue", queue.SimpleQueue),
)
SHUTDOWN = (
    both_ways("queue_shutdown", line(queue.Queue), get_until_shut_down, shut_down, got_the_last)
    if sys.version_info >= (3, 13)
    else ()
)

PROGRAMS = (
    *(
        program
        for name, kind in KINDS
        for program in (
            *both_ways(f"{name}_get", line(kind), get, put, received),
            *both_ways(f"{name}_get_timeout", line(kind), get_in_time, put, received),
            Program(f"{name}_times_out", line(kind), [get_in_vain, note], got_nothing),
        )
    ),
    *both_ways("queue_maxsize", line(small), get_three, put_three, in_order),
    *both_ways("lifo_order", line(queue.LifoQueue), drain_when_told, fill_then_tell, last_in_first_out),
    *both_ways("priority_order", line(queue.PriorityQueue), drain_when_told, fill_then_tell, smallest_first),
    *both_ways("queue_join", line(queue.Queue), put_two_and_join, work_two, joined_after_work),
    Program("queue_put_times_out", full_line, [put_in_vain, note], was_full),
    Program("queue_nowait", line(small), [put_nowait, put_nowait, get_nowait], sizes_add_up),
    *both_ways("queue_sentinel", line(queue.Queue), consume_until_end, produce_until_end, consumed_all),
    *both_ways(
        "simple_queue_sentinel",
        line(queue.SimpleQueue),
        consume_until_end,
        produce_until_end,
        consumed_all,
    ),
    Program("queue_two_getters_first", line(queue.Queue), [get, get, put_two], one_each),
    Program("simple_queue_two_getters", line(queue.SimpleQueue), [get, get, put_two], one_each),
    *SHUTDOWN,
)
