"""Idioms: operations that are atomic in CPython, immutable snapshots, reader-writer lock, pipelines, weak caches."""

from __future__ import annotations

import collections
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import MappingProxyType, SimpleNamespace

from ..program import Program, both_ways


def tasks() -> SimpleNamespace:
    return SimpleNamespace(
        tasks=collections.deque([1, 2, 3]),
        stack=[1, 2, 3],
        table={"a": 1, "b": 2},
        done=[],
        names=set(),
        numbers=itertools.count(),
        lock=threading.Lock(),
    )


def pop_left(state: SimpleNamespace) -> None:
    while True:
        try:
            state.done.append(state.tasks.popleft())
        except IndexError:
            return


def pop_stack(state: SimpleNamespace) -> None:
    while True:
        try:
            state.done.append(state.stack.pop())
        except IndexError:
            return


def did_three(state: SimpleNamespace) -> bool:
    return sorted(state.done) == [1, 2, 3]


def claim_keys(state: SimpleNamespace) -> int:
    return sum(int(state.table.pop(name, 0)) for name in ("a", "b"))


def claimed_once(state: SimpleNamespace, results: Sequence[int]) -> bool:
    return sum(results) == 3 and not state.table


def take_number(state: SimpleNamespace) -> int:
    number = next(state.numbers)
    state.names.add(f"job-{number}")
    return number


def numbers_differ(state: SimpleNamespace, results: Sequence[int]) -> bool:
    return sorted(results) == [0, 1] and state.names == {"job-0", "job-1"}


def set_default(owner: str) -> Callable[[SimpleNamespace], str]:
    def claim(state: SimpleNamespace) -> str:
        return str(state.table.setdefault("owner", owner))

    return claim


def agree_on_owner(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return len(set(results)) == 1 and state.table["owner"] in results


def own_key(name: str) -> Callable[[SimpleNamespace], None]:
    def write(state: SimpleNamespace) -> None:
        state.table[name] = name.upper()

    return write


def both_keys(state: SimpleNamespace) -> bool:
    return state.table["x"] == "X" and state.table["y"] == "Y"


class Config:
    """Copy on write: readers take one reference, writers replace it under a lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.current: MappingProxyType[str, int] = MappingProxyType({"low": 0, "high": 0})

    def raise_both(self) -> None:
        with self._lock:
            copy = dict(self.current)
            copy["low"] += 1
            copy["high"] += 1
            self.current = MappingProxyType(copy)

    def read(self) -> bool:
        seen = self.current
        return seen["low"] == seen["high"]


def raise_config(config: Config) -> bool:
    config.raise_both()
    return True


def read_config(config: Config) -> bool:
    return config.read()


def never_torn(config: Config, results: Sequence[object]) -> bool:
    return all(results) and dict(config.current) == {"low": 2, "high": 2}


class ReadWriteLock:
    """Many readers or one writer; a writer waits until the readers have left."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._writing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._writing)
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._writing and not self._readers)
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()


def record() -> SimpleNamespace:
    return SimpleNamespace(lock=ReadWriteLock(), left=0, right=0)


def write_record(state: SimpleNamespace) -> bool:
    with state.lock.writing():
        state.left += 1
        state.right += 1
    return True


def read_record(state: SimpleNamespace) -> bool:
    with state.lock.reading():
        return bool(state.left == state.right)


def record_whole(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return all(results) and state.left == state.right


class Latch:
    """Run once: the first caller initialises, the others wait until it has."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._taken = False
        self.value: object = None

    def get(self) -> object:
        with self._lock:
            first = not self._taken
            self._taken = True
        if first:
            self.value = object()
            self._done.set()
        else:
            self._done.wait()
        return self.value


def same_object(latch: Latch, results: Sequence[object]) -> bool:
    return len({id(result) for result in results}) == 1 and results[0] is not None


class Image:
    """Weakly cached."""

    def __init__(self, name: str) -> None:
        self.name = name


class Gallery:
    """A cache of weak references, filled under a lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._images: weakref.WeakValueDictionary[str, Image] = weakref.WeakValueDictionary()
        self.loads = 0

    def get(self, name: str) -> Image:
        with self._lock:
            image = self._images.get(name)
            if image is None:
                image = Image(name)
                self._images[name] = image
                self.loads += 1
            return image


def keep_image(gallery: Gallery) -> Image:
    return gallery.get("a")


def drop_image(gallery: Gallery) -> str:
    return gallery.get("a").name


def image_is_shared(gallery: Gallery, results: Sequence[object]) -> bool:
    return results[0] is results[1] and gallery.loads == 1


def images_named(gallery: Gallery, results: Sequence[object]) -> bool:
    return list(results) == ["a", "a"] and gallery.loads in (1, 2)


class Pool:
    """Counts open handles; `Handle.__del__` gives them back and takes the lock to do so."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.opened = 0
        self.closed = 0
        self.released: list[str] = []


class Handle:
    """Closes itself when the last reference goes."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        with pool.lock:
            pool.opened += 1

    def __del__(self) -> None:
        with self.pool.lock:
            self.pool.closed += 1


def use_handle(pool: Pool) -> None:
    handle = Handle(pool)
    with pool.lock:
        assert pool.opened > pool.closed
    del handle


def all_closed(pool: Pool) -> bool:
    return pool.opened == pool.closed == 2


def finalize(pool: Pool) -> None:
    handle = SimpleNamespace()
    image = Image("x")
    weakref.finalize(image, pool.released.append, "x")
    handle.image = image
    del handle, image


def all_released(pool: Pool) -> bool:
    return pool.released == ["x", "x"]


def pipeline() -> SimpleNamespace:
    return SimpleNamespace(slots=threading.Semaphore(1), items=threading.Semaphore(0), belt=[], out=[])


def produce(state: SimpleNamespace) -> None:
    for number in range(2):
        state.slots.acquire()
        state.belt.append(number)
        state.items.release()


def consume(state: SimpleNamespace) -> list[int]:
    taken = []
    for _ in range(2):
        state.items.acquire()
        taken.append(state.belt.pop())
        state.slots.release()
    return taken


class Cell:
    """Compare-and-swap built on a lock, and a loop that retries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 0

    def compare_and_swap(self, old: int, new: int) -> bool:
        with self._lock:
            if self.value != old:
                return False
            self.value = new
            return True

    def increment(self) -> None:
        while True:
            seen = self.value
            if self.compare_and_swap(seen, seen + 1):
                return


def swap_up(cell: Cell) -> None:
    cell.increment()


class Bank:
    """Used without a check: what is observed must equal a sequential order's outcome."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.balance = 10
        self.refused = 0

    def withdraw(self, amount: int) -> bool:
        with self.lock:
            if self.balance < amount:
                self.refused += 1
                return False
            self.balance -= amount
            return True


def observe_bank(bank: Bank) -> dict[str, int]:
    return {"balance": bank.balance, "refused": bank.refused}


def ticket_office() -> SimpleNamespace:
    return SimpleNamespace(lock=threading.Lock(), next=1)


def draw_ticket(state: SimpleNamespace) -> int:
    with state.lock:
        ticket: int = state.next
        state.next += 1
        return ticket


PROGRAMS = (
    Program("deque_popleft", tasks, [pop_left, pop_left], did_three),
    Program("list_pop", tasks, [pop_stack, pop_stack], did_three),
    Program("dict_pop", tasks, [claim_keys, claim_keys], claimed_once),
    Program("itertools_count", tasks, [take_number, take_number], numbers_differ),
    Program("dict_setdefault", tasks, [set_default("a"), set_default("b")], agree_on_owner),
    Program("dict_own_keys", tasks, [own_key("x"), own_key("y")], both_keys),
    Program("copy_on_write", Config, [raise_config, read_config, raise_config], never_torn),
    Program("read_write_lock_two_readers", record, [read_record, write_record, read_record], record_whole),
    Program("read_write_lock_two_writers", record, [write_record, read_record, write_record], record_whole),
    Program("run_once", Latch, [lambda latch: latch.get(), lambda latch: latch.get()], same_object),
    Program("weak_cache_kept", Gallery, [keep_image, keep_image], image_is_shared),
    Program("weak_cache_dropped", Gallery, [drop_image, drop_image], images_named),
    Program("del_takes_lock", Pool, [use_handle, use_handle], all_closed),
    Program("weakref_finalize", Pool, [finalize, finalize], all_released),
    *both_ways("producer_consumer", pipeline, consume, produce, lambda state, results: results["waiter"] == [0, 1]),
    Program("compare_and_swap", Cell, [swap_up, swap_up], lambda cell: cell.value == 2),
    Program(
        "observed_bank",
        Bank,
        [lambda bank: bank.withdraw(6), lambda bank: bank.withdraw(5)],
        observe=observe_bank,
    ),
    Program("results_alone", ticket_office, [draw_ticket] * 3),
)
