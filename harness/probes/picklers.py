"""The picklers a pool may use, by name: how each reduces one object, and its real ``dumps``.

It does not know how a graph is walked: it answers for one object at a time.
"""

from __future__ import annotations

import contextlib
import copyreg
import importlib
import io
import pickle
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing import context as mp_context
from multiprocessing import reduction
from typing import Any, cast

NAMES = ("process-pool", "stdlib", "cloudpickle", "interpreter")
PROTOCOL = pickle.DEFAULT_PROTOCOL

Reduction = str | tuple[Any, ...]


class PicklerUnavailable(ValueError):
    """The pickler asked for cannot be had here; the message is one line with the remedy."""


class _SpawningPopen:
    """Stands for the process being spawned: ``initializer`` and ``initargs`` are pickled while one exists."""

    def __init__(self, shared: list[int]) -> None:
        self._shared = shared

    def duplicate_for_child(self, fd: int) -> int:
        self._shared.append(fd)
        return fd

    def DupFd(self, fd: int) -> Any:  # the name that multiprocessing.reduction calls
        from multiprocessing.popen_spawn_posix import _DupFd

        return _DupFd(fd)


@dataclass(frozen=True)
class Flavor:
    """One pickler: ``spawning`` when it pickles the worker process itself rather than a work item."""

    name: str
    new: Callable[[io.BytesIO], Any]
    spawning: bool = False
    table: Mapping[type, Callable[[Any], Reduction]] = field(default_factory=dict)
    override: Callable[[Any], Any] | None = None
    shared: list[int] = field(default_factory=list)

    @property
    def by_value(self) -> bool:
        """Whether functions and classes that cannot be imported are sent with their code, globals and closure."""
        return self.override is not None

    @contextlib.contextmanager
    def pickling(self) -> Iterator[None]:
        """Be in the state in which the pool pickles: for the worker process, one is being spawned."""
        if not self.spawning:
            yield
            return
        before = mp_context.get_spawning_popen()
        mp_context.set_spawning_popen(cast(Any, _SpawningPopen(self.shared)))
        try:
            yield
        finally:
            mp_context.set_spawning_popen(before)

    def dumps(self, obj: object) -> bytes:
        """Pickle with the real thing; raises whatever it raises."""
        buffer = io.BytesIO()
        with self.pickling():
            self.new(buffer).dump(obj)
        return buffer.getvalue()

    def reduce(self, obj: Any, kind: type) -> Reduction | None:
        """Return what the pickler gets for ``obj``, or None for "by its global name". Runs the user's code."""
        if self.override is not None:
            value = self.override(obj)
            if value is not NotImplemented:
                return value  # type: ignore[no-any-return]
        if kind is types.FunctionType or kind is type:
            return None
        from_table = self.table.get(kind)
        if from_table is not None:
            return from_table(obj)
        if issubclass(kind, type):
            return None
        reduce_ex = getattr(obj, "__reduce_ex__", None)
        if reduce_ex is not None:
            return reduce_ex(PROTOCOL)  # type: ignore[no-any-return]
        return obj.__reduce__()  # type: ignore[no-any-return]


def flavor(name: str, *, spawning: bool = False) -> Flavor:
    """Return the pickler called ``name``.

    Raises:
        PicklerUnavailable: the name is unknown, or its package or Python version is not here.
    """
    if name == "process-pool":
        table = {**copyreg.dispatch_table, **reduction.ForkingPickler._extra_reducers}  # type: ignore[attr-defined]
        return Flavor(name, lambda file: reduction.ForkingPickler(file, PROTOCOL), spawning, table)
    if name == "stdlib":
        return Flavor(name, lambda file: pickle.Pickler(file, PROTOCOL), spawning, copyreg.dispatch_table)
    if name == "cloudpickle":
        return _cloudpickle(spawning)
    if name == "interpreter":
        if sys.version_info < (3, 14):
            raise PicklerUnavailable("pickler 'interpreter' needs Python 3.14 or later; use 'stdlib' to see its rules")
        return Flavor(name, lambda file: pickle.Pickler(file, PROTOCOL), spawning, copyreg.dispatch_table)
    raise PicklerUnavailable(f"unknown pickler {name!r}; known: {', '.join(NAMES)}")


def _cloudpickle(spawning: bool) -> Flavor:
    try:
        cloudpickle = importlib.import_module("cloudpickle")
    except ImportError:
        raise PicklerUnavailable("pickler 'cloudpickle' needs the package cloudpickle: install it") from None
    model = cloudpickle.Pickler(io.BytesIO(), protocol=PROTOCOL)
    return Flavor(
        "cloudpickle",
        lambda file: cloudpickle.Pickler(file, protocol=PROTOCOL),
        spawning,
        model.dispatch_table,
        model.reducer_override,
    )


def available(*, spawning: bool = False) -> tuple[Flavor, ...]:
    """Return every pickler that can be had here."""
    found = []
    for name in NAMES:
        with contextlib.suppress(PicklerUnavailable):
            found.append(flavor(name, spawning=spawning))
    return tuple(found)
