"""Fine objects that are easily suspected."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import functools
import logging
import random
import re
import socket
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.probes.corpus.case import Case, Fails


class Colour(enum.Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


@dataclass
class Job:
    config: dict[str, Any] = field(default_factory=lambda: {"language": "en", "beam": 5})
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("corpus.fine"))
    started: datetime.datetime = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)

    def run(self) -> str:
        return str(self.config["language"])


class Rebuilt:
    """The lock is left out and made again."""

    def __init__(self) -> None:
        self.count = 3
        self._lock = threading.Lock()

    def __getstate__(self) -> Any:
        state = self.__dict__.copy()
        state.pop("_lock")
        return state

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()


class Lazy:
    """The cache is left out and made when it is asked for."""

    def __init__(self) -> None:
        self.seed = 3
        self._cache = {"a": 1}

    def __getstate__(self) -> Any:
        state = self.__dict__.copy()
        del state["_cache"]
        return state

    def value(self) -> int:
        if not hasattr(self, "_cache"):
            self._cache = {"a": 1}
        return self._cache["a"]


class Cleared:
    """The cache is emptied on purpose and stays readable."""

    def __init__(self) -> None:
        self._cache: dict[str, int] = {"a": 1}

    def __getstate__(self) -> Any:
        return {**self.__dict__, "_cache": {}}


class KeptError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Task:
    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.lock = threading.Lock()

    def make(self) -> Any:
        return functools.partial(print, self.config)


@functools.lru_cache
def cached_module_function(value: int) -> int:
    return value


def wraps_properly(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


@wraps_properly
def decorated(value: int) -> int:
    return value


class Registry:
    """A class that refers to itself and to its instances."""

    def __init__(self) -> None:
        self.items: list[Any] = [self, Registry]
        self.parent = self


def _shared() -> Any:
    rows = [1, 2]
    return {"a": rows, "b": rows}


def _random() -> random.Random:
    return random.Random(3)


def _values() -> list[Any]:
    return [
        decimal.Decimal("1.5"), fractions.Fraction(1, 3), uuid.UUID(int=3), re.compile("a+"), range(3), slice(1, 2),
        datetime.timedelta(seconds=3), 1 + 2j, b"x", frozenset({1}), Ellipsis, NotImplemented, float("nan"),
    ]  # fmt: skip


def _fine(name: str, make: Any) -> Case:
    return Case(name, Fails.NOTHING, make)


CASES: tuple[Case, ...] = (
    _fine("job_with_logger", Job),
    _fine("method_of_plain_object", lambda: Job().run),
    _fine("partial_of_config", lambda: Task({"a": 1}).make()),
    _fine("socket_to_a_pool", socket.socket),
    _fine("enum_member", lambda: {Colour.RED: Colour.RED}),
    _fine("frozen_dataclass", lambda: [Point(1.0, 2.0), Point(3.0, 4.0)]),
    _fine("rebuilt_lock", Rebuilt),
    _fine("lazy_cache", Lazy),
    _fine("cleared_cache", Cleared),
    _fine("kept_exception", lambda: KeptError(3)),
    _fine("exception_group", lambda: ExceptionGroup("many", [ValueError(1), KeptError(2)])),
    _fine("cached_function", lambda: cached_module_function),
    _fine("decorated_with_wraps", lambda: decorated),
    _fine("self_reference", Registry),
    _fine("shared_list", _shared),
    _fine("random_generator", _random),
    _fine("standard_values", _values),
    _fine("collections", lambda: [collections.Counter("aab"), collections.OrderedDict(a=1), collections.deque([1])]),
    _fine("many_integers", lambda: list(range(50_000))),
)
