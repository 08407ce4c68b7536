"""ThreadPoolExecutor and futures: submit, map, callbacks, waiting, cancelling, failing, shutting down."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from types import SimpleNamespace

from ..program import Program, both_ways


def shared() -> SimpleNamespace:
    return SimpleNamespace(lock=threading.Lock(), total=0, log=[])


def add(state: SimpleNamespace, amount: int = 1) -> int:
    with state.lock:
        state.total += amount
    return amount


def submit_two(state: SimpleNamespace) -> int:
    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(add, state, amount) for amount in (1, 2)]
        return sum(future.result() for future in futures)


def map_two(state: SimpleNamespace) -> int:
    with ThreadPoolExecutor(max_workers=2) as pool:
        assert list(pool.map(lambda amount: add(state, amount), (1, 2))) == [1, 2]
    return 3


def leave_on_exit(state: SimpleNamespace) -> int:
    """The with-block waits for what was submitted, though no one asks for the result."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(add, state, 3)
    return 3


def four(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return state.total == 4 and results[0] == 3


def with_pool() -> SimpleNamespace:
    state = shared()
    state.pool = ThreadPoolExecutor(max_workers=1)
    return state


def use_shared_pool(state: SimpleNamespace) -> int:
    return int(state.pool.submit(add, state, 2).result(timeout=60))


def pool_is_usable_after(state: SimpleNamespace, results: Sequence[object]) -> bool:
    """The idle worker was unwound at the end of the schedule, so shutting down must not wait for it."""
    state.pool.shutdown(wait=True)
    return state.total == 4 and list(results) == [2, 2]


def pool_left_open(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return state.total == 4 and list(results) == [2, 2]


def call_back(state: SimpleNamespace) -> int:
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(add, state, 1)
        future.add_done_callback(lambda done: state.log.append(add(state, 2) and done.result()))
    assert state.log == [1]
    return 3


def complete_in_any_order(state: SimpleNamespace) -> int:
    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(add, state, amount) for amount in (1, 2)]
        return sum(future.result() for future in as_completed(futures, timeout=60))


def wait_for_first_and_all(state: SimpleNamespace) -> int:
    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(add, state, amount) for amount in (1, 2)]
        first = wait(futures, return_when=concurrent.futures.FIRST_COMPLETED)
        assert first.done
        everything = wait(futures)
        assert not everything.not_done
        return sum(future.result() for future in everything.done)


def initialise_workers(state: SimpleNamespace) -> int:
    own = threading.local()

    def prepare(value: int) -> None:
        own.value = value
        state.log.append(value)

    with ThreadPoolExecutor(max_workers=2, initializer=prepare, initargs=(3,)) as pool:
        future = pool.submit(lambda: add(state, own.value))
        assert future.result() == 3 and len(state.log) == 1
    return 3


def fail(state: SimpleNamespace) -> int:
    def broken() -> None:
        add(state, 3)
        raise LookupError("no such thing")

    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(broken)
        assert isinstance(future.exception(), LookupError)
        try:
            future.result()
        except LookupError as error:
            assert str(error) == "no such thing"
            return 3
    return 0


def refuse_after_shutdown(state: SimpleNamespace) -> int:
    pool = ThreadPoolExecutor(max_workers=1)
    future = pool.submit(add, state, 3)
    pool.shutdown(wait=False)
    try:
        pool.submit(add, state, 100)
    except RuntimeError:
        return int(future.result())
    return 0


def cancel_the_second(state: SimpleNamespace) -> int:
    leave = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as pool:
        first = pool.submit(leave.wait)
        second = pool.submit(add, state, 100)
        assert second.cancel() and second.cancelled()
        leave.set()
        assert first.result() is True
    return add(state, 3)


def cancel_on_shutdown(state: SimpleNamespace) -> int:
    running, leave = threading.Event(), threading.Event()
    pool = ThreadPoolExecutor(max_workers=1)
    pool.submit(lambda: (running.set(), leave.wait()))
    # Else shutdown may drain the first task and the worker, late, still take the second.
    running.wait()
    pending = pool.submit(add, state, 100)
    pool.shutdown(wait=False, cancel_futures=True)
    leave.set()
    pool.shutdown(wait=True)
    assert pending.cancelled()
    return add(state, 3)


def time_out_once(state: SimpleNamespace) -> int:
    leave = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(leave.wait)
        try:
            future.result(timeout=0.005)
        except concurrent.futures.TimeoutError:
            add(state, 3)
        leave.set()
    return 3


def bare_future() -> SimpleNamespace:
    return SimpleNamespace(future=Future(), value=0)


def await_future(state: SimpleNamespace) -> object:
    return state.future.result(timeout=60), state.value


def fulfil_future(state: SimpleNamespace) -> None:
    state.value = 1
    state.future.set_result("done")


def fulfilled(state: SimpleNamespace, results: Mapping[str, object]) -> bool:
    return results["waiter"] == ("done", 1)


PROGRAMS = (
    Program("executor_submit", shared, [submit_two, add], four),
    Program("executor_map", shared, [map_two, add], four),
    Program("executor_with_waits", shared, [leave_on_exit, add], four),
    Program("executor_shared", with_pool, [use_shared_pool, use_shared_pool], pool_is_usable_after),
    Program("executor_left_open", with_pool, [use_shared_pool, use_shared_pool], pool_left_open),
    Program("executor_callback", shared, [call_back, add], four),
    Program("executor_as_completed", shared, [complete_in_any_order, add], four),
    Program("executor_wait", shared, [wait_for_first_and_all, add], four),
    Program("executor_initializer", shared, [initialise_workers, add], four),
    Program("executor_exception", shared, [fail, add], four),
    Program("executor_after_shutdown", shared, [refuse_after_shutdown, add], four),
    Program("executor_cancel", shared, [cancel_the_second, add], four),
    Program("executor_cancel_futures", shared, [cancel_on_shutdown, add], four),
    Program("executor_result_times_out", shared, [time_out_once, add], four),
    *both_ways("future_result", bare_future, await_future, fulfil_future, fulfilled),
)
