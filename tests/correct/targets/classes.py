"""Locks and state that belong to classes and to slots."""

import threading
from typing import ClassVar


class Registry:
    """Counts its instances and keeps their names, all on the class."""

    _lock: ClassVar[threading.Lock] = threading.Lock()
    names: ClassVar[list[str]] = []
    made: ClassVar[int] = 0

    def __init__(self, name: str) -> None:
        with Registry._lock:
            type(self).made += 1
            self.number = Registry.made
            self.names.append(name)


class Special(Registry):
    """Inherits the lock and has a counter of its own."""

    made: ClassVar[int] = 0

    def __init__(self, name: str) -> None:
        with self._lock:
            Special.made += 1
        super().__init__(name)


class Slotted:
    """An instance without a dictionary."""

    __slots__ = ("__weakref__", "_lock", "total")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.total = 0

    def add(self, amount: int) -> int:
        """Add to the total and return the new one."""
        with self._lock:
            self.total += amount
            return self.total


class Meter:
    """A class that is never instantiated: class methods over class attributes."""

    _guard = threading.RLock()
    readings: ClassVar[dict[str, int]] = {}

    @classmethod
    def record(cls, name: str) -> None:
        """Count one more for `name`."""
        with cls._guard:
            cls.readings[name] = cls.count(name) + 1

    @classmethod
    def count(cls, name: str) -> int:
        """How many were recorded for `name`."""
        with cls._guard:
            return cls.readings.get(name, 0)


slotted = Slotted()
