"""A module logger whose messages are objects that take a lock when they are formatted."""

import io
import logging
import threading

logger = logging.getLogger(__name__)
logger.propagate = False
logger.addHandler(logging.StreamHandler(io.StringIO()))


class Order:
    """Its text is made under its lock, which also guards its lines."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        """Add a line, then log the order after the lock was released."""
        with self._lock:
            self.lines.append(line)
        logger.warning(self)

    def __str__(self) -> str:
        with self._lock:
            return f"{len(self.lines)} lines"
