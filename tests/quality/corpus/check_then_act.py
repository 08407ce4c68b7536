"""Check-then-act: what was tested is no longer true when it is acted upon.

The twins test and act in one locked section, or in one atomic step that reports what it did.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque

from tests.quality.corpus.case import twins


class Inbox:
    """A deque that is tested before it is popped."""

    def __init__(self) -> None:
        self.messages = deque(["hello"])

    def take(self) -> str | None:
        if self.messages:
            return self.messages.popleft()
        return None


class CarefulInbox(Inbox):
    def take(self) -> str | None:
        try:
            return self.messages.popleft()
        except IndexError:
            return None


class Stack:
    """A list whose length is tested before it is popped."""

    def __init__(self) -> None:
        self.plates = ["plate"]

    def take(self) -> str | None:
        if len(self.plates) > 0:
            return self.plates.pop()
        return None


class LockedStack(Stack):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def take(self) -> str | None:
        with self._lock:
            if len(self.plates) > 0:
                return self.plates.pop()
            return None


class Deduplicator:
    """A set that says which events are new."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def is_new(self, event: str) -> bool:
        if event in self.seen:
            return False
        self.seen.add(event)
        return True


class LockedDeduplicator(Deduplicator):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def is_new(self, event: str) -> bool:
        with self._lock:
            if event in self.seen:
                return False
            self.seen.add(event)
            return True


class Agenda:
    """Looks at the first job of a heap and pops what is first by then."""

    def __init__(self) -> None:
        self.jobs = [(1, "mail"), (2, "backup"), (99, "audit")]

    def due(self, now: int) -> str | None:
        when, job = self.jobs[0]
        if when > now:
            return None
        heapq.heappop(self.jobs)
        return job


class LockedAgenda(Agenda):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def due(self, now: int) -> str | None:
        with self._lock:
            when, job = self.jobs[0]
            if when > now:
                return None
            heapq.heappop(self.jobs)
            return job


class Topics:
    """The list of a topic is made by its first subscriber."""

    def __init__(self) -> None:
        self.listeners: dict[str, list[str]] = {}

    def subscribe(self, topic: str, listener: str) -> None:
        if topic not in self.listeners:
            self.listeners[topic] = []
        self.listeners[topic].append(listener)


class AtomicTopics(Topics):
    def subscribe(self, topic: str, listener: str) -> None:
        self.listeners.setdefault(topic, []).append(listener)


CASES = (
    twins(
        "deque_check_then_pop",
        "exception",
        Inbox,
        CarefulInbox,
        [lambda inbox: inbox.take()] * 2,
        check=lambda inbox, results: results.count("hello") == 1,
        says="IndexError",
    ),
    twins(
        "list_check_then_pop",
        "exception",
        Stack,
        LockedStack,
        [lambda stack: stack.take()] * 2,
        check=lambda stack, results: results.count("plate") == 1,
        says="IndexError",
    ),
    twins(
        "set_check_then_add",
        "check",
        Deduplicator,
        LockedDeduplicator,
        [lambda events: events.is_new("paid")] * 2,
        check=lambda events, results: results.count(True) == 1,
    ),
    twins(
        "heapq_look_then_pop",
        "not_serializable",
        Agenda,
        LockedAgenda,
        [lambda agenda: agenda.due(10)] * 2,
        observe=lambda agenda: sorted(agenda.jobs),
    ),
    twins(
        "first_subscriber_makes_the_list",
        "not_serializable",
        Topics,
        AtomicTopics,
        [lambda topics: topics.subscribe("news", "ada"), lambda topics: topics.subscribe("news", "bob")],
        observe=lambda topics: sorted(topics.listeners["news"]),
    ),
)
