"""Classes that are wrong in one way each, beside their repaired twins."""

from __future__ import annotations

import threading
from typing import Any


class Stats:
    def __init__(self) -> None:
        self.total = self.good = 0

    def record(self) -> None:
        self.total += 1
        self.good += 1

    def read(self) -> dict[str, int]:
        return {"total": self.total, "good": self.good}


class LockedStats(Stats):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def record(self) -> None:
        with self.lock:
            super().record()

    def read(self) -> dict[str, int]:
        with self.lock:
            return super().read()


class LiveStats:
    """Hands out its own dictionary."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.counts = {"total": 0}

    def record(self) -> None:
        with self.lock:
            self.counts["total"] += 1

    def read(self) -> dict[str, int]:
        with self.lock:
            return self.counts


class Ids:
    def __init__(self) -> None:
        self.last = 0

    def take(self) -> int:
        self.last += 1
        return self.last


class LockedIds(Ids):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def take(self) -> int:
        with self.lock:
            return super().take()


class One:
    _it: Any = None

    def __new__(cls) -> Any:
        if cls._it is None:
            cls._it = object.__new__(cls)
        return cls._it


class OneLocked(One):
    _lock = threading.Lock()
    _it: Any = None

    def __new__(cls) -> Any:
        with cls._lock:
            return super().__new__(cls)


class InitTwice(OneLocked):
    """One instance, each thread that comes early initialises it again."""

    _it: Any = None

    def __init__(self) -> None:
        if "items" not in vars(self):
            self.items: list[int] = []


class InitOnce(OneLocked):
    _it: Any = None
    _init = threading.Lock()

    def __init__(self) -> None:
        with self._init:
            if "items" not in vars(self):
                self.items: list[int] = []


class Half:
    """Published before it is complete."""

    _it: Any = None
    _lock = threading.Lock()

    def __new__(cls) -> Any:
        if cls._it is None:
            with cls._lock:
                if cls._it is None:
                    cls._it = object.__new__(cls)
                    cls._it.ready = False
                    cls._it.ready = True
        return cls._it


class Whole(Half):
    _it: Any = None

    def __new__(cls) -> Any:
        if cls._it is None:
            with cls._lock:
                if cls._it is None:
                    made = object.__new__(cls)
                    made.ready = True
                    cls._it = made
        return cls._it


class Model:
    def __init__(self) -> None:
        self.weights: list[int] = []


class Lazy:
    def __init__(self) -> None:
        self._model: Any = None

    def model(self) -> Model:
        if self._model is None:
            self._model = Model()
        return self._model


class LazyLocked(Lazy):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def model(self) -> Model:
        with self._lock:
            return super().model()


class LazyHalf:
    def __init__(self) -> None:
        self._model: Any = None
        self._lock = threading.Lock()
        self._asked = False

    def model(self) -> Any:
        with self._lock:
            first, self._asked = not self._asked, True
        if first:
            self._model = Model()
        return self._model


class Cache:
    def __init__(self) -> None:
        self.source = {"a": 1, "b": 2}
        self.known: dict[str, int] = {}
        self.made = 0

    def get(self, key: str) -> int:
        if key not in self.known:
            self.made += 1
            self.known[key] = self.source[key]
        return self.known[key]


class CacheLocked(Cache):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def get(self, key: str) -> int:
        with self.lock:
            return super().get(key)

    def put(self, key: str, value: int) -> None:
        with self.lock:
            self.source[key] = value
            self.known.pop(key, None)


class CacheStale(CacheLocked):
    def get(self, key: str) -> int:
        with self.lock:
            if key in self.known:
                return self.known[key]
        value = self.source[key]
        with self.lock:
            self.known[key] = value
        return value


class CacheForeign(Cache):
    """One slot for key and value, in two steps."""

    def __init__(self) -> None:
        super().__init__()
        self.key = ""
        self.value = 0

    def get(self, key: str) -> int:
        if self.key != key:
            self.key = key
            self.value = self.source[key]
        return self.value


class Connection:
    def __init__(self) -> None:
        self.socket: Any = []
        self.closes = 0

    def send(self) -> int:
        if self.socket is None:
            raise RuntimeError("closed")
        self.socket.append(1)
        return 1

    def close(self) -> None:
        if self.socket is not None:
            self.closes += 1
            self.socket = None


class ConnectionLocked(Connection):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def send(self) -> int:
        with self.lock:
            return super().send()

    def close(self) -> None:
        with self.lock:
            super().close()


class ConnectionClosedTwice(ConnectionLocked):
    def close(self) -> None:
        if self.socket is not None:
            with self.lock:
                self.closes += 1
                self.socket = None


class ConnectionUsedAfter(ConnectionLocked):
    def send(self) -> int:
        self.socket.append(1)
        return 1
