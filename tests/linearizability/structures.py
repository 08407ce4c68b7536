"""Data structures as production code gets them wrong, each with the twin that is right; harness is unknown here."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict


class Counter:
    """Reads and writes back without a lock."""

    def __init__(self) -> None:
        self.value = 0

    def increment(self) -> None:
        self.value += 1

    def get(self) -> int:
        return self.value


class LockedCounter(Counter):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def increment(self) -> None:
        with self.lock:
            self.value += 1


class Stack:
    """Looks whether there is an element, then pops."""

    def __init__(self) -> None:
        self.items: list[int] = []

    def push(self, item: int) -> None:
        self.items.append(item)

    def pop(self) -> int | None:
        if not self.items:
            return None
        return self.items.pop()


class LockedStack(Stack):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def push(self, item: int) -> None:
        with self.lock:
            super().push(item)

    def pop(self) -> int | None:
        with self.lock:
            return super().pop()


class BlockingQueue:
    """Waits with `if`: a consumer that comes late takes the item of the one that was woken."""

    def __init__(self) -> None:
        self.items: list[int] = []
        self.filled = threading.Condition()

    def put(self, item: int) -> None:
        with self.filled:
            self.items.append(item)
            self.filled.notify()

    def get(self) -> int:
        with self.filled:
            if not self.items:
                self.filled.wait()
            return self.items.pop(0)


class LoopingQueue(BlockingQueue):
    def get(self) -> int:
        with self.filled:
            while not self.items:
                self.filled.wait()
            return self.items.pop(0)


class RingQueue:
    """Advances the head after it released the lock under which it read the item."""

    def __init__(self) -> None:
        self.slots: list[int | None] = [None] * 8
        self.head = 0
        self.tail = 0
        self.lock = threading.Lock()

    def enqueue(self, item: int) -> None:
        with self.lock:
            self.slots[self.tail % 8] = item
            self.tail += 1

    def dequeue(self) -> int | None:
        with self.lock:
            if self.head == self.tail:
                return None
            item = self.slots[self.head % 8]
        self.head += 1
        return item


class LockedRingQueue(RingQueue):
    def dequeue(self) -> int | None:
        with self.lock:
            if self.head == self.tail:
                return None
            item = self.slots[self.head % 8]
            self.head += 1
            return item


class UniqueSet:
    """Says whether an element is new, by looking first and adding then."""

    def __init__(self) -> None:
        self.members: set[str] = set()
        self.lock = threading.Lock()

    def add(self, key: str) -> bool:
        if key in self.members:
            return False
        with self.lock:
            self.members.add(key)
        return True

    def contains(self, key: str) -> bool:
        return key in self.members


class LockedSet(UniqueSet):
    def add(self, key: str) -> bool:
        with self.lock:
            if key in self.members:
                return False
            self.members.add(key)
            return True


class Register:
    """Compares in one step and sets in another."""

    def __init__(self) -> None:
        self.value = 0
        self.lock = threading.Lock()

    def read(self) -> int:
        with self.lock:
            return self.value

    def compare_and_set(self, expected: int, new: int) -> bool:
        if self.read() != expected:
            return False
        with self.lock:
            self.value = new
        return True


class AtomicRegister(Register):
    def compare_and_set(self, expected: int, new: int) -> bool:
        with self.lock:
            if self.value != expected:
                return False
            self.value = new
            return True


class Bank:
    """Locks each account by itself: the money of a transfer is nowhere for a while."""

    def __init__(self) -> None:
        self.balances = {"a": 100, "b": 100}
        self.locks = {"a": threading.Lock(), "b": threading.Lock()}

    def transfer(self, amount: int) -> None:
        with self.locks["a"]:
            self.balances["a"] -= amount
        with self.locks["b"]:
            self.balances["b"] += amount

    def total(self) -> int:
        with self.locks["a"], self.locks["b"]:
            return self.balances["a"] + self.balances["b"]


class OrderedBank(Bank):
    def transfer(self, amount: int) -> None:
        with self.locks["a"], self.locks["b"]:
            self.balances["a"] -= amount
            self.balances["b"] += amount


class LRU:
    """Evicts under the lock, but touches the entry it found without it."""

    def __init__(self, capacity: int = 1) -> None:
        self.capacity = capacity
        self.entries: OrderedDict[str, int] = OrderedDict()
        self.lock = threading.Lock()

    def put(self, key: str, value: int) -> None:
        with self.lock:
            self.entries[key] = value
            self.entries.move_to_end(key)
            if len(self.entries) > self.capacity:
                self.entries.popitem(last=False)

    def get(self, key: str) -> int | None:
        if key not in self.entries:
            return None
        self.entries.move_to_end(key)
        return self.entries[key]


class LockedLRU(LRU):
    def get(self, key: str) -> int | None:
        with self.lock:
            return super().get(key)


class Latch:
    """Barrier-like: counts arrivals under the lock and reads the count after it."""

    def __init__(self) -> None:
        self.arrived = 0
        self.lock = threading.Lock()

    def arrive(self) -> int:
        with self.lock:
            self.arrived += 1
        return self.arrived

    def is_open(self) -> bool:
        return self.arrived >= 2


class ExactLatch(Latch):
    def arrive(self) -> int:
        with self.lock:
            self.arrived += 1
            return self.arrived


class ReadWriteLock:
    """Many readers or one writer."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.readers = 0
        self.writing = False

    def acquire_read(self) -> None:
        with self.changed:
            while self.writing:
                self.changed.wait()
            self.readers += 1

    def release_read(self) -> None:
        with self.changed:
            self.readers -= 1
            self.changed.notify_all()

    def acquire_write(self) -> None:
        with self.changed:
            while self.writing or self.readers:
                self.changed.wait()
            self.writing = True

    def release_write(self) -> None:
        with self.changed:
            self.writing = False
            self.changed.notify_all()


class Visits:
    """Misuses its read-write lock: counts a visit under the read side."""

    def __init__(self) -> None:
        self.guard = ReadWriteLock()
        self.seen = 0

    def visit(self) -> int:
        self.guard.acquire_read()
        try:
            self.seen = self.seen + 1
            return self.seen
        finally:
            self.guard.release_read()


class GuardedVisits(Visits):
    def visit(self) -> int:
        self.guard.acquire_write()
        try:
            self.seen = self.seen + 1
            return self.seen
        finally:
            self.guard.release_write()


class BoundedBuffer:
    """Looks at the free space before it takes the lock."""

    def __init__(self, capacity: int = 1) -> None:
        self.capacity = capacity
        self.items: list[int] = []
        self.lock = threading.Lock()

    def offer(self, item: int) -> bool:
        if len(self.items) >= self.capacity:
            return False
        with self.lock:
            self.items.append(item)
        return True

    def poll(self) -> int | None:
        with self.lock:
            return self.items.pop(0) if self.items else None


class LockedBuffer(BoundedBuffer):
    def offer(self, item: int) -> bool:
        with self.lock:
            if len(self.items) >= self.capacity:
                return False
            self.items.append(item)
            return True


class TTLCache:
    """Looks at the expiry, then at the value, while `purge` may come between."""

    def __init__(self, ttl: float = 60.0) -> None:
        self.ttl = ttl
        self.values: dict[str, int] = {}
        self.expires: dict[str, float] = {}
        self.lock = threading.Lock()

    def put(self, key: str, value: int) -> None:
        with self.lock:
            self.values[key] = value
            self.expires[key] = time.monotonic() + self.ttl

    def get(self, key: str) -> int | None:
        if self.expires.get(key, 0.0) <= time.monotonic():
            return None
        return self.values[key]

    def drop(self, key: str) -> None:
        with self.lock:
            self.values.pop(key, None)
            self.expires.pop(key, None)


class LockedTTLCache(TTLCache):
    def get(self, key: str) -> int | None:
        with self.lock:
            return super().get(key)


class Table:
    """put-if-absent in two steps."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}

    def put_if_absent(self, key: str, value: int) -> int | None:
        found = self.rows.get(key)
        if found is None:
            self.rows[key] = value
        return found

    def get(self, key: str) -> int | None:
        return self.rows.get(key)


class LockedTable(Table):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def put_if_absent(self, key: str, value: int) -> int | None:
        with self.lock:
            return super().put_if_absent(key, value)


class Pair:
    """A snapshot of two fields that are written one after the other."""

    def __init__(self) -> None:
        self.low = 0
        self.high = 0

    def assign(self, value: int) -> None:
        self.low = value
        self.high = value

    def snapshot(self) -> tuple[int, int]:
        return (self.low, self.high)


class AtomicPair:
    def __init__(self) -> None:
        self.both = (0, 0)

    def assign(self, value: int) -> None:
        self.both = (value, value)

    def snapshot(self) -> tuple[int, int]:
        return self.both


class Registry:
    """Its iterator walks over the live dictionary."""

    def __init__(self) -> None:
        self.handlers: dict[str, int] = {"first": 0}
        self.lock = threading.Lock()

    def register(self, key: str) -> None:
        with self.lock:
            self.handlers[key] = 1

    def names(self) -> list[str]:
        found = []
        for name in self.handlers:
            found.append(name)
        return sorted(found)


class CopyingRegistry(Registry):
    def names(self) -> list[str]:
        with self.lock:
            return sorted(self.handlers)


class Ids:
    """Reads the next identifier and advances it in two critical sections."""

    def __init__(self) -> None:
        self.next = 1
        self.lock = threading.Lock()

    def take(self) -> int:
        with self.lock:
            taken = self.next
        with self.lock:
            self.next = taken + 1
        return taken


class AtomicIds(Ids):
    def take(self) -> int:
        with self.lock:
            taken = self.next
            self.next = taken + 1
            return taken


class CacheAside:
    """A slow reader puts the value it loaded before a write into the cache after it."""

    def __init__(self) -> None:
        self.store: dict[str, int] = {}
        self.cache: dict[str, int | None] = {}
        self.lock = threading.Lock()

    def read(self, key: str) -> int | None:
        with self.lock:
            if key in self.cache:
                return self.cache[key]
        value = self.store.get(key)
        with self.lock:
            self.cache[key] = value
        return value

    def write(self, key: str, value: int) -> None:
        self.store[key] = value
        with self.lock:
            self.cache.pop(key, None)


class LockedCacheAside(CacheAside):
    def read(self, key: str) -> int | None:
        with self.lock:
            if key not in self.cache:
                self.cache[key] = self.store.get(key)
            return self.cache[key]

    def write(self, key: str, value: int) -> None:
        with self.lock:
            self.store[key] = value
            self.cache.pop(key, None)


class Permits:
    """A semaphore that looks before it takes."""

    def __init__(self, count: int = 1) -> None:
        self.free = count
        self.lock = threading.Lock()

    def try_acquire(self) -> bool:
        if self.free <= 0:
            return False
        with self.lock:
            self.free -= 1
        return True

    def available(self) -> int:
        return self.free


class LockedPermits(Permits):
    def try_acquire(self) -> bool:
        with self.lock:
            if self.free <= 0:
                return False
            self.free -= 1
            return True


class Mailbox:
    """Notifies only when the box was empty: the second of two readers sleeps for ever."""

    def __init__(self) -> None:
        self.letters: list[int] = []
        self.changed = threading.Condition()

    def post(self, letter: int) -> None:
        with self.changed:
            if not self.letters:
                self.changed.notify()
            self.letters.append(letter)

    def read(self) -> int:
        with self.changed:
            while not self.letters:
                self.changed.wait()
            return self.letters.pop(0)


class NotifyingMailbox(Mailbox):
    def post(self, letter: int) -> None:
        with self.changed:
            self.letters.append(letter)
            self.changed.notify()
