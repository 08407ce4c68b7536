"""Tells values apart, in whichever process: by what they are made of, never by address, hash or what is shown of them.

Workers import this module, so it imports nothing else of the harness.
"""

from __future__ import annotations

import copyreg
import hashlib
import pickle
from collections.abc import Iterable
from types import FunctionType
from typing import Any


def digest(value: Any) -> str:
    """The same for a value and its copy in another process; of two values that differ, nearly always two.

    Parts that have no lasting state, such as a lock, count by their type. So does a value that cannot be read at all.
    """
    state = hashlib.sha256()
    try:
        _Reader(_Sink(state)).dump(value)
    except Exception:  # whatever a class of the user's raises while it is read
        state = hashlib.sha256(_name(type(value)).encode())
    return state.hexdigest()[:16]


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _members(value: Iterable[Any]) -> str:
    """The digest of a set: its order depends on the process."""
    return hashlib.sha256("".join(sorted(map(digest, value))).encode()).hexdigest()


class _Sink:
    """A file that keeps a hash of what is written to it."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def write(self, data: Any) -> int:
        self._state.update(data)
        return len(data)


class _Reader(pickle.Pickler):
    """Writes what nobody loads: the parts of a value in an order that is the same in every process."""

    def __init__(self, sink: _Sink) -> None:
        super().__init__(sink, protocol=4)

    def persistent_id(self, thing: Any) -> bytes | None:
        """What stands for a part that pickle would write in more than one way."""
        kind = type(thing)
        if kind is str:  # equal strings are one object in one process and two in another
            return b"str:" + thing.encode("utf-8", "surrogatepass")  # type: ignore[no-any-return]
        if kind in (set, frozenset):
            return f"{kind.__name__}:{_members(thing)}".encode()
        if isinstance(thing, (type, FunctionType)):  # those of a function or of __main__ too
            return f"name:{_name(thing)}".encode()
        return None

    def reducer_override(self, thing: Any) -> tuple[Any, ...]:
        """The parts of an object, as its class gives them to pickle."""
        try:
            reduce = copyreg.dispatch_table.get(type(thing))
            parts = reduce(thing) if reduce else thing.__reduce_ex__(4)
        except Exception:
            return type(thing), ()
        return (type(thing), (parts,)) if isinstance(parts, str) else parts
