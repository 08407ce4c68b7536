"""Runs a function and collects what each of its sites is about to touch, as the runtime does, without scheduling."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any, NamedTuple

from harness.instrument.accesses import UNKNOWN, WHOLE, Site, analyse


class Seen(NamedTuple):
    """One execution of a site."""

    label: str
    touches: Any
    site: Site
    value: Any


class Watched(list[Seen]):
    """What was seen, in order."""

    def at(self, label: str) -> list[Any]:
        """The touches of each execution of the sites with this label."""
        return [seen.touches for seen in self if seen.label == label]

    def on(self, thing: Any) -> list[tuple[Any, int]]:
        """Key and mode of each touch of ``thing``, in order."""
        return [(key, mode) for seen in self for obj, key, mode in seen.touches if obj is thing]

    def unknown(self) -> list[str]:
        """Labels of the accesses that could not be resolved."""
        return [seen.label for seen in self if any(obj is None for obj, _, _ in seen.touches)]


def nested(code: CodeType) -> Iterator[CodeType]:
    """A code object and those of the functions inside it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from nested(const)


def watch(function: Callable[..., Any], *args: Any, also: tuple[Any, ...] = (), raises: Any = ()) -> Watched:
    """Run ``function(*args)``; ``also`` are further functions whose sites count."""
    tables = {id(code): (code, analyse(code)) for top in (function, *also) for code in nested(top.__code__)}
    seen = Watched()

    def arrive(code: CodeType, offset: int, frame: FrameType) -> None:
        site = tables[id(code)][1].get(offset)
        if site is not None:
            seen.append(Seen(site.label, site.touch(frame), site, site.value(frame)))

    run = _monitored if sys.version_info >= (3, 12) else _traced
    try:
        run({key: code for key, (code, _) in tables.items()}, arrive, function, args)
    except raises:
        pass
    return seen


def _monitored(codes: dict[int, CodeType], arrive: Any, function: Any, args: Any) -> None:
    monitoring = sys.monitoring
    event = monitoring.events.INSTRUCTION
    monitoring.use_tool_id(3, "access driver")
    monitoring.register_callback(3, event, lambda code, offset: arrive(code, offset, sys._getframe(1)))
    for code in codes.values():
        monitoring.set_local_events(3, code, event)
    try:
        function(*args)
    finally:
        for code in codes.values():
            monitoring.set_local_events(3, code, 0)
        monitoring.register_callback(3, event, None)
        monitoring.free_tool_id(3)


def _traced(codes: dict[int, CodeType], arrive: Any, function: Any, args: Any) -> None:
    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        if id(frame.f_code) not in codes:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            arrive(frame.f_code, frame.f_lasti, frame)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*args)
    finally:
        sys.settrace(before)


__all__ = ["UNKNOWN", "WHOLE", "Seen", "Watched", "nested", "watch"]
