"""A service made at import, and another made once on first use."""

import threading
from typing import ClassVar, Optional


class Service:
    """Counts requests in a dictionary behind its own lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.stats = {"requests": 0, "errors": 0}

    def handle(self, *, fails: bool = False) -> None:
        """Count one request."""
        with self._lock:
            self.stats["requests"] += 1
            if fails:
                self.stats["errors"] += 1

    def snapshot(self) -> dict[str, int]:
        """A copy of the counts that belong together."""
        with self._lock:
            return dict(self.stats)


class Manager:
    """Made once: `__new__` checks again under the class lock, as does the initialisation."""

    _instance: ClassVar[Optional["Manager"]] = None
    _instance_lock: ClassVar[threading.Lock] = threading.Lock()
    initialisations: ClassVar[int] = 0

    def __new__(cls) -> "Manager":
        if cls._instance is None:
            with cls._instance_lock:
                if cls._instance is None:
                    made = super().__new__(cls)
                    made._initialise()
                    cls._instance = made
        return cls._instance

    def _initialise(self) -> None:
        type(self).initialisations += 1
        self.model = object()


class Part:
    """Holds the lock that `Assembly` reaches through an attribute."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.count = 0


class Assembly:
    """An instance whose lock lives in another instance."""

    def __init__(self) -> None:
        self.part = Part()

    def use(self) -> int:
        """Count one use of the part."""
        with self.part.lock:
            self.part.count += 1
            return self.part.count


service = Service()
assembly = Assembly()

_lazy: Service | None = None
_lazy_lock = threading.Lock()
lazily_made = 0


def get_service() -> Service:
    """The one service that is made on first use: double-checked locking done right."""
    global _lazy, lazily_made
    found = _lazy
    if found is None:
        with _lazy_lock:
            found = _lazy
            if found is None:
                found = Service()
                lazily_made += 1
                _lazy = found
    return found
