"""Caches that live as long as the module or the instance."""

import functools
import threading

_lock = threading.Lock()
_results: dict[int, int] = {}
computed = 0


@functools.lru_cache(maxsize=8)
def square(number: int) -> int:
    """A pure function: computing it twice is harmless."""
    return number * number


@functools.cache
def settings() -> tuple[str, ...]:
    """A pure function without arguments."""
    return ("a", "b")


def compute_once(number: int) -> int:
    """Fill the cache exactly once for each number."""
    global computed
    with _lock:
        if number not in _results:
            computed += 1
            _results[number] = number * 10
        return _results[number]


class Document:
    """`words` is computed on first use; the value is the same whoever computes it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lock = threading.Lock()
        self._length: int | None = None

    @functools.cached_property
    def words(self) -> tuple[str, ...]:
        """The words of the text."""
        return tuple(self.text.split())

    @property
    def length(self) -> int:
        """A property that computes under a lock and remembers."""
        with self._lock:
            if self._length is None:
                self._length = len(self.text)
            return self._length
