"""What Thread, Timer and local do, from their first start to their last join."""

from __future__ import annotations

import copy
import pickle
import threading
import time
from typing import Any

from ..outcome import attempt, kind, text


def life() -> list[object]:
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait)
    outcomes: list[object] = [
        thread.is_alive(),
        thread.ident,
        text(repr(thread)),
        attempt(thread.join),
        attempt(thread.start),
        thread.is_alive(),
        type(thread.ident).__name__,
        type(thread.native_id).__name__,
        text(repr(thread)),
        attempt(thread.start),
        attempt(thread.join, 0.01),
        attempt(thread.join, timeout=0),
        attempt(thread.join, -1),
        thread.is_alive(),
        attempt(setattr, thread, "daemon", True),
        thread in threading.enumerate(),
    ]
    leave.set()
    return [
        *outcomes,
        attempt(thread.join),
        thread.is_alive(),
        text(repr(thread)),
        attempt(thread.join),
        attempt(thread.start),
        thread in threading.enumerate(),
    ]


def naming() -> list[object]:
    def work() -> None:
        pass

    thread = threading.Thread(target=work)
    named = threading.Thread(target=work, name="mine", daemon=True)
    outcomes: list[object] = [text(thread.name), named.name, named.daemon, text(repr(named))]
    named.name = "yours"
    named.start()
    named.join()
    return [*outcomes, text(repr(named)), attempt(threading.Thread, group=1), kind(threading.Thread, "x", "y", "z", 5)]


def join_current() -> list[object]:
    outcomes: list[object] = [attempt(threading.current_thread().join)]
    thread = threading.Thread(target=lambda: outcomes.append(attempt(threading.current_thread().join)))
    thread.start()
    thread.join()
    return outcomes


def identity() -> list[object]:
    found: list[object] = []

    def look() -> None:
        me = threading.current_thread()
        found.extend([me is thread, me.ident == threading.get_ident(), me.is_alive(), me in threading.enumerate()])
        found.append(me.native_id == threading.get_native_id())
        found.append(threading.active_count() == len(threading.enumerate()))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    me = threading.current_thread()
    return [*found, me.ident == threading.get_ident(), me in threading.enumerate(), me.is_alive()]


def daemon_is_inherited() -> list[object]:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(threading.Thread().daemon), daemon=True)
    thread.start()
    thread.join()
    return [found]


def arguments() -> list[object]:
    found: list[object] = []
    thread = threading.Thread(target=lambda *args, **kwargs: found.append([list(args), kwargs["c"]]), args=(1, 2))
    thread._kwargs = {"c": 3}  # type: ignore[attr-defined]
    thread.start()
    thread.join()
    return [found, hasattr(thread, "_target"), hasattr(thread, "_args")]


class Subclass(threading.Thread):
    """Overrides run and join."""

    def __init__(self) -> None:
        super().__init__(name="subclass")
        self.seen: list[object] = []

    def run(self) -> None:
        self.seen.append(threading.current_thread() is self)

    def join(self, timeout: float | None = None) -> None:
        super().join(timeout)
        self.seen.append("joined")


class Uninitialised(threading.Thread):
    """Forgets to call the base class."""

    def __init__(self) -> None:
        pass


def subclassing() -> list[object]:
    thread = Subclass()
    outcomes = [attempt(thread.start), attempt(thread.join), thread.seen, text(repr(thread))]
    broken = Uninitialised()
    return [*outcomes, attempt(broken.start), attempt(broken.join), attempt(Subclass().run)]


def uncaught_exceptions() -> list[object]:
    found: list[object] = []
    before = threading.excepthook

    def hook(args: Any) -> None:
        found.append([args.exc_type.__name__, str(args.exc_value), args.thread.name])

    def fail(error: BaseException) -> None:
        raise error

    threading.excepthook = hook
    try:
        for error in (LookupError("lost"), SystemExit(3), KeyError("k")):
            thread = threading.Thread(target=fail, args=(error,), name="failing")
            thread.start()
            thread.join()
            found.append(thread.is_alive())
    finally:
        threading.excepthook = before
    return found


def timer() -> list[object]:
    found: list[object] = []
    fires = threading.Timer(0.01, found.append, args=["fired"])
    outcomes: list[object] = [isinstance(fires, threading.Thread), fires.interval, fires.finished.is_set()]
    fires.start()
    outcomes.append(attempt(fires.start))
    fires.join()
    cancelled = threading.Timer(5, found.append, ["never"], {})
    cancelled.start()
    outcomes += [cancelled.is_alive(), attempt(cancelled.cancel), attempt(cancelled.join), cancelled.is_alive()]
    early = threading.Timer(5, found.append, args=["never"])
    outcomes += [attempt(early.cancel), attempt(early.start), attempt(early.join)]
    zero = threading.Timer(0, found.append, kwargs=None, args=["at once"])
    zero.start()
    zero.join()
    return [*outcomes, found, fires.finished.is_set(), text(repr(fires))]


class Counter(threading.local):
    """Its __init__ runs in each thread, with the arguments of the first."""

    kind = "class attribute"

    def __init__(self, start: int, *, step: int = 1) -> None:
        self.value = start
        self.step = step

    def advance(self) -> int:
        self.value += self.step
        return self.value


class Slotted(threading.local):
    """A slot of a local is shared by all threads: CPython documents it so."""

    __slots__ = ("shared",)


def local_values() -> list[object]:
    values = threading.local()
    values.name = "here"
    found: list[object] = []

    def look() -> None:
        found.append(attempt(lambda: values.name))
        values.name = "there"
        found.append([values.name, vars(values)["name"], sorted(vars(values))])
        found.append(attempt(delattr, values, "name"))
        found.append(attempt(delattr, values, "name"))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return [
        *found,
        values.name,
        kind(threading.local, 1),
        attempt(setattr, values, "__dict__", {}),
        kind(pickle.dumps, values),
        kind(copy.copy, values),
    ]


def local_subclass() -> list[object]:
    counter = Counter(10, step=5)
    slotted: Any = Slotted()
    slotted.shared = "by all"
    found: list[object] = []

    def look() -> None:
        found.append([counter.value, counter.advance(), counter.kind, slotted.shared])
        slotted.shared = "changed"

    outcomes: list[object] = [counter.advance()]
    for _ in range(2):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    return [*outcomes, found, counter.value, slotted.shared, isinstance(counter, threading.local)]


def time_functions() -> list[object]:
    before = [time.monotonic(), time.perf_counter(), time.time()]
    outcomes: list[object] = [attempt(time.sleep, 0.01), attempt(time.sleep, 0)]
    after = [time.monotonic(), time.perf_counter(), time.time()]
    return [
        *outcomes,
        [late - early >= 0.009 for early, late in zip(before, after, strict=True)],
        [type(value).__name__ for value in after],
        [type(value).__name__ for value in (time.time_ns(), time.monotonic_ns(), time.perf_counter_ns())],
        abs(time.time() - time.time_ns() / 1e9) < 5,
        attempt(time.sleep, -1),
        kind(time.sleep, "soon"),
        kind(time.sleep, None),
        kind(time.sleep),
        kind(time.monotonic, 1),
    ]


SCRIPTS = (
    life,
    naming,
    join_current,
    identity,
    daemon_is_inherited,
    arguments,
    subclassing,
    uncaught_exceptions,
    timer,
    local_values,
    local_subclass,
    time_functions,
)
