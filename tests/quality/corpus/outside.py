"""State outside the interpreter: files and tables. What it holds between two calls is anybody's.

The twins take a lock round the whole road, or let the outside do the step atomically.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path

from tests.quality.corpus.case import twins
from tests.quality.corpus.claims import nothing_lost


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="visits-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class VisitFile:
    """A number kept in a file."""

    def __init__(self) -> None:
        self.path = _folder() / "visits.txt"
        self.path.write_text("0")

    def visit(self) -> None:
        visits = int(self.path.read_text())
        self.path.write_text(str(visits + 1))

    def visits(self) -> int:
        return int(self.path.read_text())


class LockedVisitFile(VisitFile):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def visit(self) -> None:
        with self._lock:
            visits = int(self.path.read_text())
            self.path.write_text(str(visits + 1))


class LockFile:
    """Whoever makes the file is the one instance that may run."""

    def __init__(self) -> None:
        self.path = _folder() / "daemon.lock"
        self.path.unlink(missing_ok=True)

    def claim(self) -> bool:
        if self.path.exists():
            return False
        self.path.touch()
        return True


class ExclusiveLockFile(LockFile):
    def claim(self) -> bool:
        try:
            self.path.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


@functools.cache
def _database() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    atexit.register(database.close)
    database.execute("CREATE TABLE stock (pieces INTEGER)")
    return database


class StockTable:
    """A number kept in a table, read and written by two statements."""

    def __init__(self) -> None:
        self.database = _database()
        self.database.execute("DELETE FROM stock")
        self.database.execute("INSERT INTO stock VALUES (0)")

    def pieces(self) -> int:
        (pieces,) = self.database.execute("SELECT pieces FROM stock").fetchone()
        return int(pieces)

    def deliver(self, pieces: int) -> None:
        present = self.pieces()
        self.database.execute("UPDATE stock SET pieces = ?", (present + pieces,))


class AtomicStockTable(StockTable):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def deliver(self, pieces: int) -> None:
        with self._lock:  # one connection is used by one thread at a time
            self.database.execute("UPDATE stock SET pieces = pieces + ?", (pieces,))


CASES = (
    twins(
        "lost_update_file",
        "lost_update",
        VisitFile,
        LockedVisitFile,
        [lambda file: file.visit()] * 2,
        check=lambda file, results: nothing_lost(file.visits(), len(results)),
    ),
    twins(
        "lock_file_claimed_twice",
        "check",
        LockFile,
        ExclusiveLockFile,
        [lambda file: file.claim()] * 2,
        check=lambda file, results: results.count(True) == 1,
    ),
    twins(
        "lost_update_table",
        "lost_update",
        StockTable,
        AtomicStockTable,
        [lambda table: table.deliver(5)] * 2,
        check=lambda table, results: nothing_lost(table.pieces(), 5 * len(results)),
    ),
)
