"""Primitives and clock functions under names imported one by one."""

from queue import Queue as Line
from threading import Condition, Event, Lock
from threading import RLock as Reentrant
from time import monotonic as now
from time import sleep

_lock = Lock()
_reentrant = Reentrant()
_changed = Condition(_lock)
_started = Event()
_line: "Line[int]" = Line()
value = 0


def increase() -> None:
    """Add one, and tell those who wait."""
    global value
    with _changed:
        value += 1
        _changed.notify_all()


def wait_for(target: int) -> int:
    """Return the value once it has reached `target`."""
    with _changed:
        while value < target:
            _changed.wait()
        return value


def outer() -> None:
    """Take the re-entrant lock twice."""
    global value
    with _reentrant:
        before = value
        inner()
        assert value == before + 1


def inner() -> None:
    """Add one under the re-entrant lock."""
    global value
    with _reentrant:
        value += 1


def signal() -> None:
    """Let those in `await_signal` go, after a short sleep."""
    sleep(0.005)
    _started.set()


def await_signal() -> bool:
    """Whether the signal came within a minute."""
    begin = now()
    return _started.wait(60) and now() - begin < 60


def send(number: int) -> None:
    """Put a number in the line."""
    _line.put(number)


def receive() -> int:
    """Take the next number out of the line."""
    return _line.get(timeout=60)
