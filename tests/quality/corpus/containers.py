"""Containers, iterators and generators that change, or run, while another thread is inside them.

The twins iterate over a copy made under the lock, or step under the lock.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator

from tests.quality.corpus.case import twins


class Registry:
    """A dict that grows while it is being iterated over."""

    def __init__(self) -> None:
        self.ages = {"ada": 36, "bob": 41}

    def add(self, name: str, age: int) -> None:
        self.ages[name] = age

    def oldest(self) -> int:
        oldest = 0
        for name in self.ages:
            oldest = max(oldest, self.ages[name])
        return oldest


class LockedRegistry(Registry):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def add(self, name: str, age: int) -> None:
        with self._lock:
            self.ages[name] = age

    def oldest(self) -> int:
        oldest = 0
        with self._lock:
            for name in self.ages:
                oldest = max(oldest, self.ages[name])
        return oldest


class Signal:
    """A list of handlers from which one removes itself while they are being called."""

    def __init__(self) -> None:
        self.handlers = ["log", "mail", "audit"]
        self.called: list[str] = []

    def emit(self) -> None:
        for handler in self.handlers:
            self.called.append(handler)

    def disconnect(self, handler: str) -> None:
        self.handlers.remove(handler)


class CopyingSignal(Signal):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def emit(self) -> None:
        with self._lock:
            handlers = list(self.handlers)
        for handler in handlers:
            self.called.append(handler)

    def disconnect(self, handler: str) -> None:
        with self._lock:
            self.handlers.remove(handler)


def numbers(issued: list[int]) -> Iterator[int]:
    number = 0
    while True:
        number += 1
        issued.append(number)
        yield number


class TicketOffice:
    """One generator for everybody: it cannot be entered twice."""

    def __init__(self) -> None:
        self.issued: list[int] = []
        self._numbers = numbers(self.issued)

    def ticket(self) -> int:
        return next(self._numbers)


class LockedTicketOffice(TicketOffice):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def ticket(self) -> int:
        with self._lock:
            return next(self._numbers)


class Pages:
    """An iterator class that two threads step."""

    def __init__(self) -> None:
        self.at = 0

    def __iter__(self) -> Pages:
        return self

    def __next__(self) -> str:
        if self.at >= 2:
            raise StopIteration
        self.at += 1
        return f"page {self.at}"


class LockedPages(Pages):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def __next__(self) -> str:
        with self._lock:
            return super().__next__()


class Servers:
    """Round robin by a shared position."""

    def __init__(self) -> None:
        self.names = ["a", "b", "c"]
        self.position = 0

    def pick(self) -> str:
        name = self.names[self.position]
        self.position = (self.position + 1) % len(self.names)
        return name


class LockedServers(Servers):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def pick(self) -> str:
        with self._lock:
            name = self.names[self.position]
            self.position = (self.position + 1) % len(self.names)
            return name


class Playlist:
    """Finds the position of a song and deletes what is there by then."""

    def __init__(self) -> None:
        self.songs = ["intro", "hit", "outro", "encore"]

    def drop(self, song: str) -> None:
        position = self.songs.index(song)
        del self.songs[position]


class LockedPlaylist(Playlist):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def drop(self, song: str) -> None:
        with self._lock:
            position = self.songs.index(song)
            del self.songs[position]


class Ring:
    """A ring buffer whose write position moves after the write."""

    def __init__(self) -> None:
        self.cells: list[str | None] = [None, None, None]
        self.head = 0

    def push(self, item: str) -> None:
        self.cells[self.head % 3] = item
        self.head += 1


class LockedRing(Ring):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def push(self, item: str) -> None:
        with self._lock:
            self.cells[self.head % 3] = item
            self.head += 1


class Link:
    """One cell of the history below."""

    def __init__(self, text: str, older: Link | None) -> None:
        self.text = text
        self.older = older


class History:
    """A linked list that grows at its head."""

    def __init__(self) -> None:
        self.newest: Link | None = None

    def add(self, text: str) -> None:
        self.newest = Link(text, self.newest)

    def texts(self) -> list[str]:
        texts: list[str] = []
        link = self.newest
        while link is not None:
            texts.append(link.text)
            link = link.older
        return texts


class LockedHistory(History):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def add(self, text: str) -> None:
        with self._lock:
            self.newest = Link(text, self.newest)


class Basket:
    """What a ``defaultdict`` makes for a missing key; its constructor is Python code."""

    def __init__(self) -> None:
        self.goods: list[str] = []

    def put(self, good: str) -> None:
        self.goods.append(good)


class Baskets:
    """Two threads miss the same key, and the second basket replaces the first."""

    def __init__(self) -> None:
        self.by_customer: defaultdict[str, Basket] = defaultdict(Basket)

    def buy(self, customer: str, good: str) -> None:
        self.by_customer[customer].put(good)


class LockedBaskets(Baskets):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def buy(self, customer: str, good: str) -> None:
        with self._lock:
            self.by_customer[customer].put(good)


CASES = (
    twins(
        "dict_changed_during_iteration",
        "exception",
        Registry,
        LockedRegistry,
        [lambda registry: registry.oldest(), lambda registry: registry.add("eve", 50)],
        check=lambda registry, results: results[0] in (41, 50),
        says="changed size during iteration",
    ),
    twins(
        "list_changed_during_iteration",
        "check",
        Signal,
        CopyingSignal,
        [lambda signal: signal.emit(), lambda signal: signal.disconnect("log")],
        check=lambda signal: signal.called[-2:] == ["mail", "audit"],
    ),
    twins(
        "generator_entered_twice",
        "exception",
        TicketOffice,
        LockedTicketOffice,
        [lambda office: office.ticket()] * 2,
        check=lambda office, results: len(set(results)) == len(results),
        says="already executing",
    ),
    twins(
        "iterator_stepped_by_two",
        "check",
        Pages,
        LockedPages,
        [lambda pages: [page for page in pages]] * 2,
        check=lambda pages, results: sorted(sum(results, [])) == ["page 1", "page 2"],
    ),
    twins(
        "round_robin_position",
        "not_serializable",
        Servers,
        LockedServers,
        [lambda servers: servers.pick()] * 2,
        observe=lambda servers: servers.position,
    ),
    twins(
        "position_found_then_deleted",
        "not_serializable",
        Playlist,
        LockedPlaylist,
        [lambda playlist: playlist.drop("intro"), lambda playlist: playlist.drop("hit")],
        observe=lambda playlist: playlist.songs,
    ),
    twins(
        "ring_buffer_overwrites",
        "not_serializable",
        Ring,
        LockedRing,
        [lambda ring: ring.push("x"), lambda ring: ring.push("y")],
        observe=lambda ring: (ring.head, ring.cells),
    ),
    twins(
        "linked_list_loses_its_head",
        "not_serializable",
        History,
        LockedHistory,
        [lambda history: history.add("x"), lambda history: history.add("y")],
        observe=lambda history: history.texts(),
    ),
    twins(
        "default_made_twice",
        "not_serializable",
        Baskets,
        LockedBaskets,
        [lambda baskets: baskets.buy("ada", "tea"), lambda baskets: baskets.buy("ada", "milk")],
        observe=lambda baskets: sorted(baskets.by_customer["ada"].goods),
    ),
)
