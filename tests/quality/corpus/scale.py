"""How many: threads from 2 to 100, and preemptions up to 3.

The checks count what was asked for, so they hold for any number of threads.
"""

from __future__ import annotations

import threading

from tests.quality.corpus.case import Case, Variant, twins
from tests.quality.corpus.claims import not_torn, nothing_lost


class Visitors:
    """The counter of the post-mortem."""

    def __init__(self) -> None:
        self.count = 0

    def enter(self) -> None:
        self.count += 1


class LockedVisitors(Visitors):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def enter(self) -> None:
        with self._lock:
            self.count += 1


def enter(visitors: Visitors) -> None:
    visitors.enter()


def all_counted(visitors: Visitors, results: list[object]) -> None:
    nothing_lost(visitors.count, len(results))


def crowd(size: int) -> Case:
    """The same lost update with any number of threads."""
    return twins(
        f"lost_update_{size}_threads", "lost_update", Visitors, LockedVisitors, [enter] * size, check=all_counted
    )


class Exchange:
    """A rate in two directions; writers change both, readers compare them."""

    def __init__(self) -> None:
        self.buying = 10
        self.selling = 12

    def shift(self) -> None:
        self.buying += 1
        self.selling += 1

    def spread(self) -> int:
        return self.selling - self.buying


class LockedExchange(Exchange):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def shift(self) -> None:
        with self._lock:
            self.buying += 1
            self.selling += 1

    def spread(self) -> int:
        with self._lock:
            return self.selling - self.buying


def shift(exchange: Exchange) -> None:
    exchange.shift()


def spread(exchange: Exchange) -> int:
    return exchange.spread()


def spread_is_steady(_: Exchange, results: list[int | None]) -> None:
    for seen in results:
        not_torn(seen in (None, 2), seen)


class Unsettled(Exception):
    """The value would not stand still."""


class Feed:
    """A price that is read until two readings in a row agree, at most three times.

    The failure needs three different readings: the reader's first, a write, its second, a write,
    its third. That is reader | writer | reader | writer | reader: four switches. At the first three
    the thread that is left could go on (the reader has a reading left, the writer its second write;
    there is no lock, so nobody ever blocks), so each of them is a preemption; only at the last may the
    writer have ended. Starting with the writer adds a switch. Hence three preemptions, and no
    schedule with two fails.
    """

    def __init__(self) -> None:
        self.price = 100

    def publish(self) -> None:
        self.price = 101
        self.price = 102

    def settled(self) -> int:
        last = self.price
        for _ in range(2):
            price = self.price
            if price == last:
                return price
            last = price
        raise Unsettled(f"still moving at {last}")


class PatientFeed(Feed):
    """Two writes can disturb at most two comparisons: the loop ends under every schedule."""

    def settled(self) -> int:
        last = self.price
        while (price := self.price) != last:
            last = price
        return price


def publish(feed: Feed) -> None:
    feed.publish()


def settled(feed: Feed) -> int:
    return feed.settled()


def a_published_price(_: Feed, results: list[int | None]) -> None:
    assert results[1] in (100, 101, 102)


THREE_PREEMPTIONS = Case(
    "three_preemptions",
    Variant(Feed, [publish, settled], a_published_price),
    Variant(PatientFeed, [publish, settled], a_published_price),
    "exception",
    options={"preemptions": 3},
    says="Unsettled",
)

CASES = (
    crowd(2),
    crowd(3),
    crowd(100),
    twins(
        "two_writers_eight_readers",
        "torn_read",
        Exchange,
        LockedExchange,
        [shift] * 2 + [spread] * 8,
        check=spread_is_steady,
    ),
    THREE_PREEMPTIONS,
)
