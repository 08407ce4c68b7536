"""The ledger: an append-only file to which every process of a case writes, and which outlives all of them.

A record is one write of one line to a file opened with O_APPEND, so records of several processes do not mix and a
killed process loses none that it has written. Tasks are counted by the same means: a byte is appended to a file, and
where it came to stand is the number. Marks are files; they tell the other processes that something has happened.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from pathlib import Path

from harness import procfs
from harness.oracles.survival import Record

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
LONGEST = 400


def birth(pid: int) -> int:
    """When a process was started, in clock ticks since boot: with the pid it names the process for good; 0: unknown."""
    fields = procfs.stat(pid)
    return int(fields[procfs.START_TICKS]) if fields else 0


class Ledger:
    """The ledger in a folder. Any number of processes may hold one."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def write(self, event: str, task: str = "", number: int = 0, text: str = "", pid: int = 0) -> None:
        """Append a record about `pid` (default: this process)."""
        pid = pid or os.getpid()
        record = Record(event, task, pid, birth(pid), time.monotonic(), number, text[:LONGEST])
        line = json.dumps(asdict(record), separators=(",", ":")) + "\n"
        descriptor = os.open(self._path("ledger"), _APPEND, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def ticket(self) -> int:
        """Take the next number, 1 first: no two calls get the same, in whatever processes and threads they are."""
        descriptor = os.open(self._path("tickets"), _APPEND, 0o600)
        try:
            os.write(descriptor, b".")
            return os.lseek(descriptor, 0, os.SEEK_CUR)  # O_APPEND leaves it behind the byte that was written
        finally:
            os.close(descriptor)

    def mark(self, name: str) -> None:
        """Make it known that `name` has happened."""
        os.close(os.open(self._path(f"mark-{name}"), _APPEND, 0o600))

    def marked(self, name: str) -> bool:
        """Whether `name` has happened."""
        return os.path.exists(self._path(f"mark-{name}"))

    def await_mark(self, name: str, seconds: float = 60.0) -> None:
        """Wait until `name` has happened; whoever should say so may have died, so not for ever."""
        deadline = time.monotonic() + seconds
        while not self.marked(name) and time.monotonic() < deadline:
            time.sleep(0.01)

    def size(self) -> int:
        """Bytes written so far: it grows while anything happens."""
        try:
            return os.stat(self._path("ledger")).st_size
        except FileNotFoundError:
            return 0

    def read(self) -> tuple[Record, ...]:
        """All records; a line without its end, from a machine that went down, is left out."""
        path = Path(self._path("ledger"))
        text = path.read_text("utf-8") if path.exists() else ""
        return tuple(Record(**json.loads(line)) for line in text.split("\n")[:-1])
