"""The building blocks of `fixtures.sync` under controlled interleaving, and one on a wall clock that steps."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Sequence
from typing import Any

from harness import Exploration, Violation, linearizable
from scenarios.reference import Explore, Form
from scenarios.reference.child import in_new_process

HOLD = 0.5
HOUR = 3600.0


def tickets(explore: Explore, form: str) -> Exploration:
    """No two threads are given the same number, and none is left out."""

    def check(counter: Any, numbers: Sequence[int]) -> None:
        if counter.get() != len(numbers):
            raise Violation("lost_update", f"the counter is at {counter.get()} after {len(numbers)} increments")
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            raise Violation("not_linearizable", f"{len(numbers)} increments returned {sorted(numbers)}")

    counter = _class(form, "AtomicCounter")
    return explore(counter, [counter.increment] * 10, check, modules=(counter.__module__,))


def programs(_: Explore, form: str) -> Exploration:
    """Generated programs of all operations, judged against the counter used by one thread."""
    return linearizable(_class(form, "AtomicCounter"), schedules=800)


def accounting(explore: Explore, form: str) -> Exploration:
    """Every turn counts once, with the time that it was held and waited for."""

    def turn(lock: Any) -> None:
        with lock:
            time.sleep(HOLD)

    def check(lock: Any, turns: Sequence[None]) -> None:
        stats, count = lock.stats(), len(turns)
        if stats["acquisitions"] != count:
            raise Violation("lost_update", f"{stats['acquisitions']} acquisitions after {count} turns")
        if abs(stats["hold_seconds"] - count * HOLD) > 1e-3:
            raise Violation("lost_update", f"held for {stats['hold_seconds']:g} s in {count} turns of {HOLD:g} s")
        if abs(stats["wait_seconds"] - HOLD * count * (count - 1) / 2) > 1e-3:
            raise Violation("lost_update", f"waited {stats['wait_seconds']:g} s for {count} turns of {HOLD:g} s")

    lock = _class(form, "MonitoredLock")
    return explore(lock, [turn] * 3, check, modules=(lock.__module__,))


def clock_step(_: Explore, form: str) -> str:
    return in_new_process("scenarios.sync.registry:waited_over_a_step", form)


def waited_over_a_step(form: str) -> str:
    """A wait that the wall clock is put back an hour in is as long as it was."""
    lock = _class(form, "MonitoredLock")()
    wall, asked = time.time, threading.Event()

    def wait() -> None:
        asked.set()
        with lock:
            pass

    waiter = threading.Thread(target=wait, daemon=True)
    with lock:
        waiter.start()
        asked.wait()
        time.sleep(0.2)
        time.time = lambda: wall() - HOUR  # what an administrator or ntpd does to every reader of the clock
    waiter.join(20)
    stats = lock.stats()
    for name in ("wait_seconds", "hold_seconds"):
        if not 0 <= stats[name] < HOUR / 2:
            raise Violation("check", f"{name} is {stats[name]:.0f} after the clock was put back an hour")
    return f"waited {stats['wait_seconds']:.1f} s across a step of the clock"


def many_readers_one_writer(explore: Explore, form: str) -> Exploration:
    """Nobody is inside with a writer, and readers do share."""

    class Shelf:
        def __init__(self) -> None:
            self.lock = _class(form, "ReadWriteLock")()
            self.pages = (0, 0)

    def read(shelf: Shelf) -> tuple[int, int]:
        with shelf.lock.read():
            left = shelf.pages[0]
            return left, shelf.pages[1]

    def write(shelf: Shelf) -> None:
        with shelf.lock.write():
            shelf.pages = (shelf.pages[0] + 1, shelf.pages[1])
            shelf.pages = (shelf.pages[0], shelf.pages[1] + 1)

    def check(shelf: Shelf, results: Sequence[tuple[int, int] | None]) -> None:
        writes = results.count(None)
        if shelf.pages != (writes, writes):
            raise Violation("lost_update", f"{shelf.pages} after {writes} writes")
        for seen in results:
            if seen is not None and seen[0] != seen[1]:
                raise Violation("torn_read", f"a reader saw {seen}")

    return explore(Shelf, [read, write, write], check, modules=(f"fixtures.sync.{form}",), preemptions=1)


def readers_without_end(explore: Explore, form: str) -> Exploration:
    """Readers whose turns overlap leave a writer its turn."""

    def reader(delay: float) -> Any:
        def read(lock: Any) -> None:
            time.sleep(delay)
            for _ in range(3):
                with lock.read():
                    time.sleep(1)

        return read

    def write(lock: Any) -> bool:
        time.sleep(0.25)
        got: bool = lock.acquire_write(timeout=2)
        if got:
            lock.release_write()
        return got

    def check(_: Any, results: Sequence[bool | None]) -> None:
        if False in results:
            raise Violation("starvation", "readers with turns of 1 s kept a writer out for 2 s")

    threads = [reader(0), reader(0.5), write]
    lock = _class(form, "ReadWriteLock")
    return explore(lock, threads, check, modules=(lock.__module__,), preemptions=1, schedules=200)


def writer_gives_up(explore: Explore, form: str) -> Exploration:
    """A writer that runs out of time leaves the lock as if it had never asked."""

    def read_long(lock: Any) -> None:
        with lock.read():
            time.sleep(2)

    def write_soon(lock: Any) -> bool:
        time.sleep(0.5)
        got: bool = lock.acquire_write(timeout=1)
        if got:
            lock.release_write()
        return got

    def read_after(lock: Any) -> bool:
        time.sleep(3)
        got: bool = lock.acquire_read(timeout=10)
        if got:
            lock.release_read()
        return got

    def check(_: Any, results: Sequence[bool | None]) -> None:
        if results[2] is False:
            raise Violation("starvation", "a reader was kept out for 10 s of a lock that nobody holds or waits for")

    threads = [read_long, write_soon, read_after]
    lock = _class(form, "ReadWriteLock")
    return explore(lock, threads, check, modules=(lock.__module__,), preemptions=1)


def _class(form: str, name: str) -> Any:
    return getattr(importlib.import_module(f"fixtures.sync.{form}"), name)


def _form(name: str, form: str, scenario: Any, kind: str = "") -> Form:
    title = scenario.__name__.replace("_", " ")
    return Form(f"sync.{name}", form, title, lambda explore: scenario(explore, form), kind)


FORMS = (
    _form("AtomicCounter", "released", tickets, "not_linearizable"),
    _form("AtomicCounter", "repaired", tickets),
    _form("AtomicCounter", "released", programs, "not_linearizable"),
    _form("AtomicCounter", "repaired", programs),
    _form("MonitoredLock", "released", accounting, "lost_update"),
    _form("MonitoredLock", "repaired", accounting),
    _form("MonitoredLock", "released", clock_step, "check"),
    _form("MonitoredLock", "repaired", clock_step),
    _form("ReadWriteLock", "released", readers_without_end, "starvation"),
    _form("ReadWriteLock", "first_repair", writer_gives_up, "starvation"),
    _form("ReadWriteLock", "repaired", readers_without_end),
    _form("ReadWriteLock", "repaired", writer_gives_up),
    _form("ReadWriteLock", "repaired", many_readers_one_writer),
)
