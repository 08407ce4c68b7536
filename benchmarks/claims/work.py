"""What the measurements of claims send to workers: importable, and as wrong as the claims need."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any


def nothing(number: int) -> int:
    return number


def scale(factor: int, number: int) -> int:
    return factor * number


def size(payload: bytes) -> int:
    return len(payload)


def make_lock(number: int) -> Any:
    return threading.Lock()


class Refused(Exception):
    """Pickles, and cannot be loaded: its initialiser wants an argument that pickle does not know."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)


def refuse(number: int) -> int:
    raise Refused(number, "refused")


def fail(number: int = 0) -> None:
    raise RuntimeError("the initialiser failed")


class Service:
    """Owns a lock, as services do."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def prepare(self) -> None:
        """A bound method as an initialiser takes the whole service along."""

    def work(self, number: int) -> int:
        return number


def with_lock(lock: Any, number: int) -> int:
    with lock:
        return number


TABLE: Any = None


def private_growth(read: bool) -> int:
    """Bytes that this process has for itself more than before, after it read the table it inherited."""
    before = private()
    if read:
        total = 0
        for entry in TABLE:
            total += entry if isinstance(entry, int) else len(entry)
    return private() - before


def digest_growth(read: bool) -> int:
    """The same for one flat buffer."""
    before = private()
    if read:
        hashlib.sha256(TABLE).digest()
    return private() - before


def private() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return sizes["Private_Clean"] + sizes["Private_Dirty"]
