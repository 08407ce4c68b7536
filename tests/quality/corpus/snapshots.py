"""Torn reads and lost invariants: values that belong together, read or written one by one.

The twins read and write under one lock, or read one immutable value once.
"""

from __future__ import annotations

import threading

from tests.quality.corpus.case import twins
from tests.quality.corpus.claims import not_torn


class Window:
    """Two related fields that move together."""

    def __init__(self) -> None:
        self.low = 0
        self.high = 5

    def move(self, by: int) -> None:
        self.low += by
        self.high += by

    def span(self) -> int:
        return self.high - self.low


class LockedWindow(Window):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def move(self, by: int) -> None:
        with self._lock:
            self.low += by
            self.high += by

    def span(self) -> int:
        with self._lock:
            return self.high - self.low


class InferenceStats:
    """``get_stats`` adds up its answer from reads at different times."""

    def __init__(self) -> None:
        self.counts = {"total": 4, "successful": 3, "failed": 1}

    def succeed(self) -> None:
        self.counts["total"] += 1
        self.counts["successful"] += 1

    def get_stats(self) -> dict[str, int]:
        return {
            "total": self.counts["total"],
            "successful": self.counts["successful"],
            "failed": self.counts["failed"],
        }


class LockedInferenceStats(InferenceStats):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def succeed(self) -> None:
        with self._lock:
            self.counts["total"] += 1
            self.counts["successful"] += 1

    def get_stats(self) -> dict[str, int]:
        with self._lock:
            return dict(self.counts)


class Bank:
    """Money is on no account while it is being moved."""

    def __init__(self) -> None:
        self.accounts = {"ada": 60, "bob": 40}

    def move(self, amount: int) -> None:
        self.accounts["ada"] -= amount
        self.accounts["bob"] += amount

    def total(self) -> int:
        return sum(self.accounts.values())


class LockedBank(Bank):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def move(self, amount: int) -> None:
        with self._lock:
            self.accounts["ada"] -= amount
            self.accounts["bob"] += amount

    def total(self) -> int:
        with self._lock:
            return sum(self.accounts.values())


class Hands:
    """Two values swapped in one statement, which is four steps."""

    def __init__(self) -> None:
        self.left = "fork"
        self.right = "knife"

    def swap(self) -> None:
        self.left, self.right = self.right, self.left


class LockedHands(Hands):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def swap(self) -> None:
        with self._lock:
            self.left, self.right = self.right, self.left


class Rota:
    """Write skew: each doctor sees the other on call, and both leave."""

    def __init__(self) -> None:
        self.ada_on_call = True
        self.bob_on_call = True

    def ada_leaves(self) -> None:
        if self.bob_on_call:
            self.ada_on_call = False

    def bob_leaves(self) -> None:
        if self.ada_on_call:
            self.bob_on_call = False


class LockedRota(Rota):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def ada_leaves(self) -> None:
        with self._lock:
            if self.bob_on_call:
                self.ada_on_call = False

    def bob_leaves(self) -> None:
        with self._lock:
            if self.ada_on_call:
                self.bob_on_call = False


class Mean:
    """Sum and count are each updated under the lock, but not together."""

    def __init__(self) -> None:
        self._sum = 10.0
        self._count = 1
        self._lock = threading.Lock()

    def add(self, value: float) -> None:
        with self._lock:
            self._sum += value
        with self._lock:
            self._count += 1

    def mean(self) -> float:
        with self._lock:
            return self._sum / self._count


class SteadyMean(Mean):
    def add(self, value: float) -> None:
        with self._lock:
            self._sum += value
            self._count += 1


class Service:
    """Configuration is replaced as a whole; the reader asks for it twice."""

    def __init__(self) -> None:
        self.config = {"host": "old", "port": "old-port"}

    def reload(self) -> None:
        self.config = {"host": "new", "port": "new-port"}

    def address(self) -> str:
        return f"{self.config['host']}:{self.config['port']}"


class SnapshotService(Service):
    def address(self) -> str:
        config = self.config
        return f"{config['host']}:{config['port']}"


class BatchWriter:
    """An item is added to the buffer that has just been flushed."""

    def __init__(self) -> None:
        self.buffer: list[str] = []
        self.written: list[str] = []

    def add(self, item: str) -> None:
        self.buffer.append(item)

    def flush(self) -> None:
        batch = self.buffer
        self.buffer = []
        self.written.extend(batch)


class LockedBatchWriter(BatchWriter):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def add(self, item: str) -> None:
        with self._lock:
            self.buffer.append(item)

    def flush(self) -> None:
        with self._lock:
            batch = self.buffer
            self.buffer = []
        self.written.extend(batch)


def _steady_counts(_: object, results: list[dict[str, int]]) -> None:
    seen = results[1]
    not_torn(seen["total"] == seen["successful"] + seen["failed"], seen)


CASES = (
    twins(
        "torn_snapshot",
        "torn_read",
        Window,
        LockedWindow,
        [lambda window: window.move(10), lambda window: window.span()],
        check=lambda window, results: not_torn(results[1] == 5, results[1]),
    ),
    twins(
        "torn_statistics",
        "torn_read",
        InferenceStats,
        LockedInferenceStats,
        [lambda stats: stats.succeed(), lambda stats: stats.get_stats()],
        check=_steady_counts,
    ),
    twins(
        "transfer_seen_half_done",
        "torn_read",
        Bank,
        LockedBank,
        [lambda bank: bank.move(30), lambda bank: bank.total()],
        check=lambda bank, results: not_torn(results[1] == 100, results[1]),
    ),
    twins(
        "swap_is_not_atomic",
        "not_serializable",
        Hands,
        LockedHands,
        [lambda hands: hands.swap()] * 2,
        observe=lambda hands: (hands.left, hands.right),
    ),
    twins(
        "write_skew",
        "not_serializable",
        Rota,
        LockedRota,
        [lambda rota: rota.ada_leaves(), lambda rota: rota.bob_leaves()],
        observe=lambda rota: (rota.ada_on_call, rota.bob_on_call),
    ),
    twins(
        "two_locked_halves",
        "torn_read",
        Mean,
        SteadyMean,
        [lambda mean: mean.add(10.0), lambda mean: mean.mean()],
        check=lambda mean, results: not_torn(results[1] == 10.0, results[1]),
    ),
    twins(
        "configuration_read_twice",
        "torn_read",
        Service,
        SnapshotService,
        [lambda service: service.reload(), lambda service: service.address()],
        check=lambda service, results: not_torn(results[1] in ("old:old-port", "new:new-port"), results[1]),
    ),
    twins(
        "item_added_to_flushed_buffer",
        "check",
        BatchWriter,
        LockedBatchWriter,
        [lambda writer: writer.add("row"), lambda writer: writer.flush()],
        check=lambda writer: [*writer.written, *writer.buffer] == ["row"],
    ),
)
