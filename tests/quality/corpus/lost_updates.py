"""Lost updates: read, change, write back, through every road that leads to a value.

The twins take one lock round the whole road. All counters stay plain integers.
"""

from __future__ import annotations

import threading
from typing import Any

from tests.quality.corpus.case import twins
from tests.quality.corpus.claims import nothing_lost


class RequestStats:
    """Totals in a dict, as the module of the post-mortem kept them."""

    def __init__(self) -> None:
        self.stats = {"total": 0, "failed": 0}

    def record(self) -> None:
        self.stats["total"] += 1


class LockedRequestStats(RequestStats):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def record(self) -> None:
        with self._lock:
            self.stats["total"] += 1


class PageViews:
    """A total in an attribute."""

    def __init__(self) -> None:
        self.views = 0

    def visit(self) -> None:
        self.views += 1


class LockedPageViews(PageViews):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def visit(self) -> None:
        with self._lock:
            self.views += 1


class Odometer:
    """A distance that is added up in a local variable before it is stored."""

    def __init__(self) -> None:
        self.km = 0

    def drive(self, distance: int) -> None:
        before = self.km
        after = before + distance
        self.km = after


class LockedOdometer(Odometer):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def drive(self, distance: int) -> None:
        with self._lock:
            before = self.km
            after = before + distance
            self.km = after


class Account:
    """A balance behind a pair of private methods."""

    def __init__(self) -> None:
        self._balance = 0

    def _load(self) -> int:
        return self._balance

    def _store(self, balance: int) -> None:
        self._balance = balance

    def deposit(self, amount: int) -> None:
        self._store(self._load() + amount)

    @property
    def balance(self) -> int:
        return self._balance


class LockedAccount(Account):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def deposit(self, amount: int) -> None:
        with self._lock:
            self._store(self._load() + amount)


class Shelf:
    """A stock behind a property that validates."""

    def __init__(self) -> None:
        self._stock = 0

    @property
    def stock(self) -> int:
        return self._stock

    @stock.setter
    def stock(self, pieces: int) -> None:
        if pieces < 0:
            raise ValueError("stock cannot be negative")
        self._stock = pieces

    def deliver(self, pieces: int) -> None:
        self.stock += pieces


class LockedShelf(Shelf):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def deliver(self, pieces: int) -> None:
        with self._lock:
            self.stock += pieces


class Metrics:
    """Counters addressed by name, through ``getattr`` and ``setattr``."""

    def __init__(self) -> None:
        self.requests = 0

    def bump(self, name: str) -> None:
        setattr(self, name, getattr(self, name) + 1)


class LockedMetrics(Metrics):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def bump(self, name: str) -> None:
        with self._lock:
            setattr(self, name, getattr(self, name) + 1)


class Gauges:
    """Counters addressed by name, through ``__dict__``."""

    def __init__(self) -> None:
        self.hits = 0

    def bump(self, name: str) -> None:
        self.__dict__[name] += 1


class LockedGauges(Gauges):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def bump(self, name: str) -> None:
        with self._lock:
            self.__dict__[name] += 1


class Progress:
    """An attribute refreshed through ``vars(self).update``."""

    def __init__(self) -> None:
        self.done = 0

    def advance(self) -> None:
        vars(self).update(done=self.done + 1)


class LockedProgress(Progress):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def advance(self) -> None:
        with self._lock:
            vars(self).update(done=self.done + 1)


class Particle:
    """A value in a slot: there is no instance dict."""

    __slots__ = ("charge",)

    def __init__(self) -> None:
        self.charge = 0

    def collide(self) -> None:
        self.charge += 1


class LockedParticle(Particle):
    __slots__ = ("_lock",)

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def collide(self) -> None:
        with self._lock:
            self.charge += 1


class Whole:
    """A data descriptor that keeps its value in the instance dict of the owner."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.key = f"_{name}"

    def __get__(self, instance: Any, owner: type) -> Any:
        return instance.__dict__[self.key]

    def __set__(self, instance: Any, value: int) -> None:
        if value != int(value):
            raise ValueError(f"{self.key[1:]} must be a whole number")
        instance.__dict__[self.key] = value


class Ballot:
    """Votes behind a hand-written descriptor."""

    votes = Whole()

    def __init__(self) -> None:
        self.votes = 0

    def vote(self) -> None:
        self.votes += 1


class LockedBallot(Ballot):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def vote(self) -> None:
        with self._lock:
            self.votes += 1


class Connection:
    """Instances counted in an attribute of the class."""

    opened = 0

    @classmethod
    def reset(cls) -> type[Connection]:
        cls.opened = 0
        return cls

    def __init__(self) -> None:
        type(self).opened += 1


class LockedConnection(Connection):
    _lock = threading.Lock()

    def __init__(self) -> None:
        with self._lock:
            type(self).opened += 1


class Chessboard:
    """A count in a cell of a list of lists."""

    def __init__(self) -> None:
        self.visits = [[0, 0], [0, 0]]

    def visit(self, row: int, column: int) -> None:
        self.visits[row][column] += 1


class LockedChessboard(Chessboard):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def visit(self, row: int, column: int) -> None:
        with self._lock:
            self.visits[row][column] += 1


def _connect(connection: type[Connection]) -> None:
    connection()


CASES = (
    twins(
        "lost_update_dict_item",
        "lost_update",
        RequestStats,
        LockedRequestStats,
        [lambda stats: stats.record()] * 2,
        check=lambda s, results: nothing_lost(s.stats["total"], len(results)),
    ),
    twins(
        "lost_update_attribute",
        "lost_update",
        PageViews,
        LockedPageViews,
        [lambda page: page.visit()] * 2,
        check=lambda page, results: nothing_lost(page.views, len(results)),
    ),
    twins(
        "lost_update_local_temporary",
        "lost_update",
        Odometer,
        LockedOdometer,
        [lambda car: car.drive(3), lambda car: car.drive(4)],
        check=lambda car: nothing_lost(car.km, 7),
    ),
    twins(
        "lost_update_helper_call",
        "lost_update",
        Account,
        LockedAccount,
        [lambda account: account.deposit(50)] * 2,
        check=lambda account, results: nothing_lost(account.balance, 50 * len(results)),
    ),
    twins(
        "lost_update_property",
        "lost_update",
        Shelf,
        LockedShelf,
        [lambda shelf: shelf.deliver(5)] * 2,
        check=lambda shelf, results: nothing_lost(shelf.stock, 5 * len(results)),
    ),
    twins(
        "lost_update_setattr",
        "lost_update",
        Metrics,
        LockedMetrics,
        [lambda metrics: metrics.bump("requests")] * 2,
        check=lambda metrics, results: nothing_lost(metrics.requests, len(results)),
    ),
    twins(
        "lost_update_dunder_dict",
        "lost_update",
        Gauges,
        LockedGauges,
        [lambda gauges: gauges.bump("hits")] * 2,
        check=lambda gauges, results: nothing_lost(gauges.hits, len(results)),
    ),
    twins(
        "lost_update_vars_update",
        "lost_update",
        Progress,
        LockedProgress,
        [lambda progress: progress.advance()] * 2,
        check=lambda progress, results: nothing_lost(progress.done, len(results)),
    ),
    twins(
        "lost_update_slots",
        "lost_update",
        Particle,
        LockedParticle,
        [lambda particle: particle.collide()] * 2,
        check=lambda particle, results: nothing_lost(particle.charge, len(results)),
    ),
    twins(
        "lost_update_descriptor",
        "lost_update",
        Ballot,
        LockedBallot,
        [lambda ballot: ballot.vote()] * 2,
        check=lambda ballot, results: nothing_lost(ballot.votes, len(results)),
    ),
    twins(
        "lost_update_class_attribute",
        "lost_update",
        Connection.reset,
        LockedConnection.reset,
        [_connect] * 2,
        check=lambda connection, results: nothing_lost(connection.opened, len(results)),
    ),
    twins(
        "lost_update_nested_list_cell",
        "lost_update",
        Chessboard,
        LockedChessboard,
        [lambda board: board.visit(1, 0)] * 2,
        check=lambda board, results: nothing_lost(board.visits[1][0], len(results)),
    ),
)
