"""The cases: a wrong structure, its twin, how they are called, and the size of the smallest program that fails."""

from __future__ import annotations

import functools
import queue
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.linearizability import structures as s

ALL = 100_000
"""Schedules that no proof of the programs here needs: none is cut short."""


@dataclass(frozen=True)
class Case:
    """``threads`` and ``operations`` bound the smallest failing program; ``seeds`` is how many must find it."""

    name: str
    wrong: Callable[[], Any]
    right: Callable[[], Any]
    calls: Sequence[str] | Mapping[str, Any] | None = None
    kind: str = "not_linearizable"
    threads: int = 2
    operations: int = 2
    options: dict[str, Any] = field(default_factory=dict)
    seeds: int = 20


CASES = (
    Case("counter", s.Counter, s.LockedCounter),
    Case("stack", s.Stack, s.LockedStack),
    Case("blocking_queue", s.BlockingQueue, s.LoopingQueue),
    Case("ring_queue", s.RingQueue, s.LockedRingQueue),
    Case("set", s.UniqueSet, s.LockedSet, options={"key": "key"}),
    Case("register", s.Register, s.AtomicRegister,
         {"read": [], "compare_and_set": [st.integers(0, 1), st.integers(1, 2)]}),
    Case("bank", s.Bank, s.OrderedBank),
    Case("lru", s.LRU, s.LockedLRU),
    Case("latch", s.Latch, s.ExactLatch),
    Case("read_write_lock", s.Visits, s.GuardedVisits),
    Case("bounded_buffer", s.BoundedBuffer, s.LockedBuffer),
    Case("ttl_cache", s.TTLCache, s.LockedTTLCache),
    Case("put_if_absent", s.Table, s.LockedTable, options={"key": "key"}),
    Case("snapshot", s.Pair, s.AtomicPair),
    Case("iterator", s.Registry, s.CopyingRegistry),
    Case("id_generator", s.Ids, s.AtomicIds),
    Case("cache_aside", s.CacheAside, s.LockedCacheAside),
    Case("semaphore", s.Permits, s.LockedPermits),
    Case("mailbox", s.Mailbox, s.NotifyingMailbox, ["post(1)", "read()"], kind="lost_wakeup", threads=3,
         options={"programs": 250}, seeds=5),
)  # fmt: skip

LIBRARY: dict[str, tuple[Callable[[], Any], Sequence[str] | Mapping[str, Any]]] = {
    "queue.Queue": (queue.Queue, ["put(1)", "put(2)", "get()", "get_nowait()", "qsize()"]),
    "queue.Queue(maxsize=1)": (functools.partial(queue.Queue, 1), ["put(1)", "put(2)", "get()", "full()"]),
    "collections.deque": (deque, ["append(1)", "appendleft(2)", "pop()", "popleft()", "copy()"]),
    "functools.lru_cache": (
        lambda: functools.lru_cache(maxsize=1)(abs),
        ["__call__(1)", "__call__(-2)", "cache_info()", "cache_clear()"],
    ),
}
