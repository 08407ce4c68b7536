"""Reader-writer locks that let both in, or let nobody on.

The twins hold their guard until they have the room, and leave as readers before they enter as writers.
"""

from __future__ import annotations

import threading

from tests.quality.corpus.case import twins
from tests.quality.corpus.claims import not_torn


class Room:
    """A reader-writer lock: the first reader locks the room for all readers.

    It lets go of its own guard before it has the room, so a second reader walks in on a writer.
    """

    def __init__(self) -> None:
        self.first_name = "Ada"
        self.last_name = "Lovelace"
        self._readers = 0
        self._guard = threading.Lock()
        self._room = threading.Lock()

    def _enter_as_reader(self) -> None:
        with self._guard:
            self._readers += 1
            first = self._readers == 1
        if first:
            self._room.acquire()

    def _leave_as_reader(self) -> None:
        with self._guard:
            self._readers -= 1
            if self._readers == 0:
                self._room.release()

    def rename(self) -> None:
        with self._room:
            self.first_name = "Alan"
            self.last_name = "Turing"

    def name(self) -> str:
        self._enter_as_reader()
        try:
            return f"{self.first_name} {self.last_name}"
        finally:
            self._leave_as_reader()


class GuardedRoom(Room):
    def _enter_as_reader(self) -> None:
        with self._guard:
            self._readers += 1
            if self._readers == 1:
                self._room.acquire()


class SharedIndex:
    """A reader that becomes a writer without leaving first: two of them wait for each other."""

    def __init__(self) -> None:
        self.entries: dict[str, int] = {}
        self._readers = 0
        self._writing = False
        self._changed = threading.Condition()

    def _start_reading(self) -> None:
        with self._changed:
            while self._writing:
                self._changed.wait()
            self._readers += 1

    def _stop_reading(self) -> None:
        with self._changed:
            self._readers -= 1
            self._changed.notify_all()

    def _start_writing(self, own_readers: int) -> None:
        with self._changed:
            while self._writing or self._readers > own_readers:
                self._changed.wait()
            self._writing = True

    def _stop_writing(self) -> None:
        with self._changed:
            self._writing = False
            self._changed.notify_all()

    def add(self, word: str) -> None:
        self._start_reading()
        if word not in self.entries:
            self._start_writing(own_readers=1)
            self.entries[word] = len(self.entries)
            self._stop_writing()
        self._stop_reading()


class LeavingSharedIndex(SharedIndex):
    def add(self, word: str) -> None:
        self._start_reading()
        missing = word not in self.entries
        self._stop_reading()
        if missing:
            self._start_writing(own_readers=0)
            self.entries.setdefault(word, len(self.entries))
            self._stop_writing()


def _only_whole_names(_: object, results: list[str | None]) -> None:
    for name in results:
        not_torn(name in (None, "Ada Lovelace", "Alan Turing"), name)


CASES = (
    twins(
        "reader_writer_lock_lets_both_in",
        "torn_read",
        Room,
        GuardedRoom,
        [lambda room: room.rename(), lambda room: room.name(), lambda room: room.name()],
        check=_only_whole_names,
    ),
    twins(
        "reader_becomes_writer",
        "deadlock",
        SharedIndex,
        LeavingSharedIndex,
        [lambda index: index.add("word")] * 2,
        check=lambda index: index.entries == {"word": 0},
    ),
)
