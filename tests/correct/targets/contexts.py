"""Context: variables, thread-local state and an enumeration, all at module level."""

import contextvars
import enum
import threading
from typing import NamedTuple

request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")
_lock = threading.Lock()
log: list[tuple[str, int]] = []


class Depth(threading.local):
    """Each thread has its own depth, which starts at `start`."""

    def __init__(self, start: int = 10) -> None:
        self.value = start


depth = Depth(5)


class State(enum.Enum):
    """The steps of a job; a job only moves forward."""

    NEW = 0
    RUNNING = 1
    DONE = 2


class Totals(NamedTuple):
    """Two numbers that belong together, published as one object."""

    number: int
    total: int


state = State.NEW
totals = Totals(0, 0)


def enter(name: str) -> int:
    """Set this thread's context, go one deeper, and log both."""
    request.set(name)
    depth.value += 1
    with _lock:
        log.append((request.get(), depth.value))
    return depth.value


def advance() -> State:
    """Move the job one step on."""
    global state
    with _lock:
        if state is not State.DONE:
            state = State(state.value + 1)
        return state


def record(amount: int) -> None:
    """Publish new totals; readers need no lock because one reference is replaced."""
    global totals
    with _lock:
        totals = Totals(totals.number + 1, totals.total + amount)
