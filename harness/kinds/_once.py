"""Judges objects that several threads were handed: one object, complete when handed out, never made again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.kinds._script import PLAIN, attributes, brief, content
from harness.model import Violation
from harness.runtime.reading import reads_whole

Handed = tuple[Any, dict[str, Any]]
"""An object, and its attributes when it was handed out."""


def handed(thing: Any) -> Handed:
    """Note what ``thing`` holds at this moment."""
    if thing is not None and not isinstance(thing, PLAIN):
        reads_whole(thing)
    return thing, attributes(thing)


def judge_once(seen: Sequence[Handed], complete: dict[str, Any], several: str) -> None:
    """Raise the violation that the objects ``seen`` show; ``complete`` are the attributes of one made alone."""
    for thing, then in seen:
        now = attributes(thing)
        if missing := sorted(complete.keys() & now.keys() - then.keys()):
            raise Violation("half_initialised", f"a thread got the object without its {', '.join(missing)}")
        for name in sorted(complete.keys() & then.keys() & now.keys()):
            before, after = then[name], now[name]
            if before is after or (isinstance(before, PLAIN) and content(before) == content(after)):
                continue
            if isinstance(before, PLAIN):
                raise Violation(
                    "half_initialised",
                    f"a thread got the object with {name} = {brief(before)}, which became {brief(after)} later",
                )
            if len({id(one) for one, _ in seen}) == 1:
                raise Violation("double_init", f"the object was initialised twice: it holds another {name}")
    if len({id(thing) for thing, _ in seen}) > 1:
        raise Violation(several, f"{len(seen)} threads got {len({id(one) for one, _ in seen})} different objects")
