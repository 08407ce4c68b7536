"""Module and class state of the target, recorded before the first schedule and restored between schedules."""

from __future__ import annotations

import functools
import itertools
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from types import ModuleType
from typing import Any

from harness.runtime.locks import Condition, Lock, RLock
from harness.runtime.reach import LIMIT, Setter, instance_dict, slots_of

_WHOLE_NUMBERS = re.compile(r"count\(-?\d+(, -?\d+)?\)")
_NEVER = ("__builtins__", "__dict__", "__weakref__", "__doc__", "__annotations__")
_LRU = type(functools.lru_cache(lambda: None))
FULL_FIRST = 3
FULL_EVERY = 64
Entry = tuple[Callable[[Any, Any], bool], Any, Any]


class Snapshot:
    """The contents of every container, instance and class of the target that its modules reach.

    Restoring compares everything with the record only in the first schedules and then now and again; in between, only
    what the threads touched, and what was seen to change before, is looked at.
    """

    def __init__(self, covers: Callable[[Any], bool]) -> None:
        self._covers = covers
        self._entries: dict[int, list[Entry]] = {}
        self._changing: set[int] = set()
        self._caches: list[Any] = []
        self._counters: list[tuple[dict[str, Any], str, str]] = []
        self._keep: list[Any] = []
        self._restores = 0
        self.complete = True

    def add(self, reached: Iterable[tuple[Any, Setter | None]]) -> None:
        """Record what a walk from the modules ``reached``."""
        for thing, _ in reached:
            if id(thing) not in self._entries:
                self._record(thing)
        self.complete = len(self._entries) < LIMIT

    @property
    def objects(self) -> int:
        """How many objects are recorded."""
        return len(self._entries)

    def _record(self, thing: Any) -> None:
        kind = type(thing)
        covers = self._covers
        if kind is Lock or kind is RLock or (kind is ModuleType and not covers(thing)):
            return
        entries: list[Entry] = []
        if kind is ModuleType:
            self._counters += [
                (vars(thing), name, repr(value))
                for name, value in vars(thing).items()
                if type(value) is itertools.count and _WHOLE_NUMBERS.fullmatch(repr(value))
            ]
        if issubclass(kind, dict):
            entries.append((_restore_dict, thing, (dict(_base(thing).items(thing)), _identities(thing))))
        elif issubclass(kind, list):
            entries.append((_restore_list, thing, list(list.__iter__(thing))))
        elif issubclass(kind, set):
            entries.append((_restore_set, thing, set(set.__iter__(thing))))
        elif issubclass(kind, deque):
            entries.append((_restore_deque, thing, list(deque.__iter__(thing))))
        elif issubclass(kind, type):
            if covers(thing):
                entries.append((_restore_class, thing, dict(type.__getattribute__(thing, "__dict__"))))
        elif kind is _LRU and thing.cache_info().currsize == 0:
            self._caches.append(thing)
        inner = None if issubclass(kind, type) else instance_dict(thing)
        if inner is not None and kind is not Condition:
            entry = (_restore_dict, inner, (dict(inner), _identities(inner)))
            entries.append(entry)
            self._entries.setdefault(id(inner), []).append(entry)
        held = [] if issubclass(kind, type) else list(slots_of(thing))
        if held:
            entries.append((_restore_slots, thing, held))
        if entries:
            self._entries[id(thing)] = entries
            self._keep.append(thing)

    def restore(self, touched: Collection[int] | None) -> None:
        """Put the recorded contents back; ``touched`` are the identities that a schedule touched, None if unknown."""
        for cache in self._caches:
            cache.cache_clear()
        self._restores += 1
        if touched is None or self._restores <= FULL_FIRST or self._restores % FULL_EVERY == 0:
            concerned: Collection[int] = self._entries.keys()
        else:
            concerned = self._changing | (self._entries.keys() & touched)
        for identity in concerned:
            for restore, thing, saved in self._entries[identity]:
                if restore(thing, saved):
                    self._changing.add(identity)
        for holder, name, text in self._counters:
            holder[name] = itertools.count(*map(int, text[6:-1].split(", ")))


def _identities(thing: dict[Any, Any]) -> list[int]:
    base = _base(thing)
    return [*map(id, base.keys(thing)), *map(id, base.values(thing))]


def _base(thing: dict[Any, Any]) -> type[dict[Any, Any]]:
    """The class whose methods keep the dictionary whole: an ordered one has an order of its own."""
    return OrderedDict if issubclass(type(thing), OrderedDict) else dict


def _restore_dict(thing: Any, saved: tuple[dict[Any, Any], list[int]]) -> bool:
    if _identities(thing) == saved[1]:
        return False
    base = _base(thing)
    base.clear(thing)
    for key, value in saved[0].items():
        base.__setitem__(thing, key, value)
    return True


def _restore_list(thing: Any, saved: list[Any]) -> bool:
    if len(thing) == len(saved) and all(a is b for a, b in zip(list.__iter__(thing), saved, strict=True)):
        return False
    list.__setitem__(thing, slice(None), saved)
    return True


def _restore_set(thing: Any, saved: set[Any]) -> bool:
    now = {id(value) for value in set.__iter__(thing)}
    if len(thing) == len(saved) and all(id(value) in now for value in saved):
        return False
    set.clear(thing)
    set.update(thing, saved)
    return True


def _restore_deque(thing: Any, saved: list[Any]) -> bool:
    if len(thing) == len(saved) and all(a is b for a, b in zip(deque.__iter__(thing), saved, strict=True)):
        return False
    deque.clear(thing)
    deque.extend(thing, saved)
    return True


def _restore_class(thing: type, saved: dict[str, Any]) -> bool:
    now = type.__getattribute__(thing, "__dict__")
    changed = False
    for name in [name for name in now if name not in saved and name not in _NEVER]:
        type.__delattr__(thing, name)
        changed = True
    for name, value in saved.items():
        if name not in _NEVER and now.get(name, _NEVER) is not value:
            type.__setattr__(thing, name, value)
            changed = True
    return changed


def _restore_slots(thing: Any, saved: list[tuple[Any, Any]]) -> bool:
    changed = False
    for descriptor, value in saved:
        try:
            same = descriptor.__get__(thing) is value
        except AttributeError:
            same = False
        if not same:
            descriptor.__set__(thing, value)
            changed = True
    return changed
