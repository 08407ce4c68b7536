"""The virtual clock of a schedule, and the time functions that read it. It jumps only when no thread can run."""

from __future__ import annotations

import sys
import time
from _thread import get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harness.runtime.active import controlled, slot

NAMES = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep")
NATIVE: dict[str, Callable[..., Any]] = {name: getattr(time, name) for name in NAMES}


class Clock:
    """Seconds since the schedule began; the same base for every schedule of an exploration."""

    __slots__ = ("__weakref__", "base", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self.base = {name: NATIVE[name]() for name in NAMES if name != "sleep"}


def _reader(name: str) -> Callable[[], Any]:
    native = NATIVE[name]
    nanoseconds = name.endswith("_ns")

    def read() -> Any:
        clock = slot.clock
        if clock is None:
            return native()
        if controlled() is not None:
            assert slot.run is not None
            slot.run.rotation.clock_reads += 1
        elif get_ident() != slot.explorer:
            return native()
        return clock.base[name] + (int(clock.now * 1e9) if nanoseconds else clock.now)

    read.__name__ = name
    return read


def _sleep(seconds: float, /) -> None:
    task = controlled()
    clock = slot.clock
    if clock is None or (task is None and get_ident() != slot.explorer):
        NATIVE["sleep"](seconds)
        return
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    if task is None:
        clock.now += float(seconds)
    else:
        assert slot.run is not None
        slot.run.sleep(task, float(seconds))


VIRTUAL: dict[str, Callable[..., Any]] = {name: _reader(name) for name in NAMES if name != "sleep"}
VIRTUAL["sleep"] = _sleep


_scanned: dict[str, Any] = {}
_found: list[tuple[dict[str, Any], str]] = []


def _holders() -> list[tuple[dict[str, Any], str]]:
    """Where loaded modules hold functions of ``time``; each module is looked through once."""
    natives = {id(NATIVE[name]) for name in NAMES}
    for module_name, module in list(sys.modules.items()):
        namespace = getattr(module, "__dict__", None)
        if _scanned.get(module_name) is module or type(namespace) is not dict or module_name.startswith("harness."):
            continue
        _scanned[module_name] = module
        _found.extend((namespace, name) for name, value in list(namespace.items()) if id(value) in natives)
    return _found


@contextmanager
def virtual_time(clock: Clock) -> Iterator[None]:
    """Replace the functions of ``time`` wherever a loaded module holds them, for the time of an exploration.

    The controlled threads and the exploring thread (setup, check) read ``clock``; all others the real time.
    """
    by_id = {id(NATIVE[name]): VIRTUAL[name] for name in NAMES}
    changed: list[tuple[dict[str, Any], str, Any]] = []
    for namespace, name in _holders():
        value = namespace.get(name)
        replacement = by_id.get(id(value))
        if replacement is not None:
            changed.append((namespace, name, value))
            namespace[name] = replacement
    slot.clock = clock
    try:
        yield
    finally:
        slot.clock = None
        for namespace, name, value in changed:
            namespace[name] = value


__all__ = ["NATIVE", "VIRTUAL", "Clock", "virtual_time"]
