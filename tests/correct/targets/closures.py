"""Locks that no name reaches: in closure cells, default arguments, partial objects and containers."""

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

balance = 0
log: list[str] = []


def synchronized(function: Callable[P, R]) -> Callable[P, R]:
    """One call of `function` at a time."""
    lock = threading.Lock()

    @functools.wraps(function)
    def one_at_a_time(*args: P.args, **kwargs: P.kwargs) -> R:
        with lock:
            return function(*args, **kwargs)

    return one_at_a_time


@synchronized
def deposit(amount: int) -> int:
    """Add to the balance; the lock is in a cell of the wrapper."""
    global balance
    before = balance
    balance = before + amount
    return balance


def write(line: str, _lock: threading.Lock = threading.Lock()) -> None:
    """Append a numbered line; the lock is a default argument."""
    with _lock:
        log.append(f"{len(log)} {line}")


def _withdraw(lock: threading.Lock, amount: int) -> int:
    global balance
    with lock:
        balance -= amount
        return balance


withdraw = functools.partial(_withdraw, threading.Lock())

locks = {"left": threading.Lock(), "right": threading.Lock()}
stripes = [threading.Lock() for _ in range(2)]
striped = [0, 0]
sides = {"left": 0, "right": 0}


def add_to(side: str) -> None:
    """Count on one side, under the lock in a dictionary."""
    with locks[side]:
        sides[side] += 1


def add_striped(number: int) -> None:
    """Count in one stripe, under the lock in a list."""
    with stripes[number % 2]:
        striped[number % 2] += 1
