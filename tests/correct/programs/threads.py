"""threading.Thread started inside the target, Timer, threading.local."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from types import SimpleNamespace

from ..program import Program


def shared() -> SimpleNamespace:
    return SimpleNamespace(lock=threading.Lock(), total=0, log=[], idents=set())


def add(state: SimpleNamespace, amount: int = 1) -> None:
    with state.lock:
        state.total += amount


def add_in_thread(state: SimpleNamespace) -> None:
    child = threading.Thread(target=add, args=(state,), kwargs={"amount": 2})
    child.start()
    add(state)
    child.join()
    assert not child.is_alive()


def six(state: SimpleNamespace) -> bool:
    return bool(state.total == 6)


class Worker(threading.Thread):
    """A subclass that overrides __init__ and run, and keeps its result."""

    def __init__(self, state: SimpleNamespace, amount: int) -> None:
        super().__init__(name=f"worker-{amount}")
        self.state = state
        self.amount = amount
        self.result: int | None = None

    def run(self) -> None:
        with self.state.lock:
            self.state.total += self.amount
            self.result = self.state.total


def run_worker(state: SimpleNamespace) -> int | None:
    worker = Worker(state, 3)
    worker.start()
    worker.join()
    return worker.result


def results_grew(state: SimpleNamespace, results: Sequence[int]) -> bool:
    return sorted(results) == [3, 6] and state.total == 6


def chain(state: SimpleNamespace) -> None:
    grandchild = threading.Thread(target=add, args=(state,))

    def begin() -> None:
        grandchild.start()
        grandchild.join()
        add(state)

    child = threading.Thread(target=begin)
    child.start()
    child.join()


def four(state: SimpleNamespace) -> bool:
    return bool(state.total == 4)


def idle_daemon(state: SimpleNamespace) -> None:
    """The daemon waits in `get` for ever after its only job: neither a leak nor a deadlock."""
    inbox: queue.Queue[int] = queue.Queue()

    def serve() -> None:
        while True:
            add(state, inbox.get())
            inbox.task_done()

    threading.Thread(target=serve, daemon=True).start()
    inbox.put(2)
    inbox.join()


def join_with_timeout(state: SimpleNamespace) -> list[bool]:
    leave = threading.Event()
    child = threading.Thread(target=leave.wait)
    seen = [child.is_alive()]
    child.start()
    child.join(timeout=0.005)
    seen.append(child.is_alive())
    leave.set()
    child.join(timeout=60)
    add(state)
    return [*seen, child.is_alive()]


def lived_and_died(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == [[False, True, False]] * 2 and state.total == 2


def watch_child(state: SimpleNamespace) -> None:
    child = threading.Thread(target=add, args=(state, 2))
    child.start()
    while child.is_alive():
        time.sleep(0.001)


def note_identity(state: SimpleNamespace) -> bool:
    me = threading.current_thread()
    with state.lock:
        state.idents.add(threading.get_ident())
    child = threading.Thread(target=lambda: state.log.append(threading.current_thread() is child))
    child.start()
    child.join()
    return me.ident == threading.get_ident() and me in threading.enumerate() and child.ident is not None


def identities_differ(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == [True, True] and state.log == [True, True] and len(state.idents) == 2


def made_in_setup() -> SimpleNamespace:
    state = shared()
    state.child = threading.Thread(target=add, args=(state, 5))
    state.started = threading.Event()
    return state


def start_child(state: SimpleNamespace) -> None:
    state.child.start()
    state.started.set()


def join_child(state: SimpleNamespace) -> int:
    state.started.wait()
    state.child.join()
    return int(state.total)


def joined_after_run(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return 5 in results and not state.child.is_alive()


def fan_out(state: SimpleNamespace) -> None:
    children = [threading.Thread(target=add, args=(state,)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()


def timer_fires(state: SimpleNamespace) -> bool:
    timer = threading.Timer(0.005, add, args=(state,), kwargs={"amount": 2})
    timer.start()
    timer.join()
    return timer.finished.is_set()


def both_fired(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == [True, True] and state.total == 4


def cancel_timer(state: SimpleNamespace) -> bool:
    timer = threading.Timer(5, add, args=(state, 100))
    timer.start()
    add(state)
    timer.cancel()
    timer.join()
    return timer.is_alive()


def none_fired(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == [False, False] and state.total == 2


def cancel_as_it_fires(state: SimpleNamespace) -> None:
    timer = threading.Timer(0.005, add, args=(state, 10))
    timer.start()
    time.sleep(0.005)
    timer.cancel()
    timer.join()
    add(state)


def fired_or_not(state: SimpleNamespace) -> bool:
    return state.total in (2, 12, 22)


class Scratch(threading.local):
    """A subclass: __init__ runs again, with the same arguments, in each thread that looks."""

    def __init__(self, start: int) -> None:
        self.value = start
        self.trace = [start]


def with_locals() -> SimpleNamespace:
    state = shared()
    state.local = threading.local()
    state.scratch = Scratch(7)
    state.scratch.value = 99
    return state


def use_own_value(state: SimpleNamespace) -> object:
    fresh = not hasattr(state.local, "value")
    state.local.value = state.scratch.value + 1
    add(state)
    state.scratch.trace.append(state.local.value)
    with state.lock:
        state.log.append(state.local.value)
    return fresh, state.local.value, state.scratch.trace


def nothing_leaked(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == [(True, 8, [7, 8])] * 2 and state.log == [8, 8] and state.scratch.value == 99


def local_in_children(state: SimpleNamespace) -> bool:
    state.local.value = "parent"
    found: list[bool] = []
    child = threading.Thread(target=lambda: found.append(hasattr(state.local, "value")))
    child.start()
    child.join()
    add(state)
    return found == [False] and state.local.value == "parent"


def all_true(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return all(results) and state.total == len(results)


PROGRAMS = (
    Program("thread_started_inside", shared, [add_in_thread, add_in_thread], six),
    Program("thread_subclass", shared, [run_worker, run_worker], results_grew),
    Program("thread_chain", shared, [chain, chain], four),
    Program("thread_idle_daemon", shared, [idle_daemon, idle_daemon], four),
    Program("thread_join_timeout", shared, [join_with_timeout, join_with_timeout], lived_and_died),
    Program("thread_is_alive", shared, [watch_child, watch_child], four),
    Program("thread_identity", shared, [note_identity, note_identity], identities_differ),
    Program("thread_made_in_setup", made_in_setup, [start_child, join_child], joined_after_run),
    Program("thread_joined_by_two", made_in_setup, [join_child, start_child, join_child], joined_after_run),
    Program("thread_fan_out", shared, [fan_out, add], lambda state: state.total == 3),
    Program("timer_fires", shared, [timer_fires, timer_fires], both_fired),
    Program("timer_cancelled", shared, [cancel_timer, cancel_timer], none_fired),
    Program("timer_cancel_races", shared, [cancel_as_it_fires, cancel_as_it_fires], fired_or_not),
    Program("local_own_value", with_locals, [use_own_value, use_own_value], nothing_leaked),
    Program("local_in_children", with_locals, [local_in_children, local_in_children], all_true),
)
