"""Caches: looked up, missed, filled and thrown out in separate steps.

The twins do each of it in one locked section.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict

from tests.quality.corpus.case import twins


class LruCache:
    """Least recently used first, in an ``OrderedDict``."""

    def __init__(self) -> None:
        self.entries = OrderedDict(old=1)

    def get(self, key: str) -> int | None:
        if key not in self.entries:
            return None
        self.entries.move_to_end(key)
        return self.entries[key]

    def put(self, key: str, value: int) -> None:
        self.entries[key] = value
        if len(self.entries) > 1:
            self.entries.popitem(last=False)


class LockedLruCache(LruCache):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def get(self, key: str) -> int | None:
        with self._lock:
            if key not in self.entries:
                return None
            self.entries.move_to_end(key)
            return self.entries[key]

    def put(self, key: str, value: int) -> None:
        with self._lock:
            self.entries[key] = value
            if len(self.entries) > 1:
                self.entries.popitem(last=False)


class PriceCache:
    """A cache that loads what it misses; loading is paid for each time."""

    def __init__(self) -> None:
        self.prices: dict[str, int] = {}
        self.loads: list[str] = []

    def _load(self, item: str) -> int:
        self.loads.append(item)
        return 7

    def price(self, item: str) -> int:
        if item not in self.prices:
            self.prices[item] = self._load(item)
        return self.prices[item]


class LockedPriceCache(PriceCache):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def price(self, item: str) -> int:
        with self._lock:
            if item not in self.prices:
                self.prices[item] = self._load(item)
            return self.prices[item]


class ReadThroughCache:
    """A reader that missed stores the old value after the writer has thrown it out."""

    def __init__(self) -> None:
        self.table = {"rate": 1}
        self.cache: dict[str, int] = {}

    def read(self, key: str) -> int:
        value = self.cache.get(key)
        if value is None:
            value = self.table[key]
            self.cache[key] = value
        return value

    def write(self, key: str, value: int) -> None:
        self.table[key] = value
        self.cache.pop(key, None)


class LockedReadThroughCache(ReadThroughCache):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def read(self, key: str) -> int:
        with self._lock:
            value = self.cache.get(key)
            if value is None:
                value = self.table[key]
                self.cache[key] = value
            return value

    def write(self, key: str, value: int) -> None:
        with self._lock:
            self.table[key] = value
            self.cache.pop(key, None)


class Session:
    """What a pool of sessions hands out: one for each user as long as somebody uses it."""


class WeakSessions:
    def __init__(self) -> None:
        self.sessions: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()

    def of(self, user: str) -> Session:
        session = self.sessions.get(user)
        if session is None:
            session = self.sessions[user] = Session()
        return session


class LockedWeakSessions(WeakSessions):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def of(self, user: str) -> Session:
        with self._lock:
            return super().of(user)


CASES = (
    twins(
        "ordered_dict_lru",
        "exception",
        LruCache,
        LockedLruCache,
        [lambda cache: cache.get("old"), lambda cache: cache.put("new", 2)],
        check=lambda cache, results: len(cache.entries) == 1 and results[0] in (1, None),
        says="KeyError",
    ),
    twins(
        "duplicate_cache_fill",
        "check",
        PriceCache,
        LockedPriceCache,
        [lambda cache: cache.price("tea")] * 2,
        check=lambda cache: cache.loads == ["tea"],
    ),
    twins(
        "stale_cache_fill",
        "check",
        ReadThroughCache,
        LockedReadThroughCache,
        [lambda cache: cache.read("rate"), lambda cache: cache.write("rate", 2)],
        check=lambda cache: cache.cache.get("rate", 2) == 2,
    ),
    twins(
        "weak_cache_fill",
        "check",
        WeakSessions,
        LockedWeakSessions,
        [lambda sessions: sessions.of("ann")] * 2,
        check=lambda sessions, results: results[0] is results[1],
    ),
)
