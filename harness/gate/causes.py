"""Names the cause of a slowdown from the two sides' diagnoses. Pure; says nothing where nothing stands out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def name_cause(
    base: Mapping[str, Any],
    head: Mapping[str, Any],
    slower: frozenset[str],
    startup: Mapping[str, float],
    pss: Mapping[str, float],
) -> str:
    """One clause on why head is slower; ``slower``: the channels that are.

    ``startup``, in seconds, and ``pss``, in bytes, are by side and of all pairs: those of one pair tell too little.
    """
    found = []
    if head["messages"] > 1.5 * base["messages"] + 0.001 or head["bytes"] > 1.5 * base["bytes"] + 200:
        found.append(
            f"serialisation: {base['messages']:.3g} messages and {base['bytes']:.3g} bytes a task to and from workers "
            f"became {head['messages']:.3g} and {head['bytes']:.3g}"
        )
    # one thread that holds the GIL keeps nobody waiting
    if head["gil"] > base["gil"] + 0.25 and head["gil"] > 0.3 and head["threads"] > 1:
        found.append(f"GIL held: {base['gil']:.0%} of the time became {head['gil']:.0%}")
    if head["started"] > 1.5 * base["started"] + 0.001:
        found.append("start-up: processes are started inside the tasks")
    if head["lock"] > base["lock"] + 0.15:
        where = f" at {head['lock_file']}:{head['lock_line']}" if head["lock_file"] else ""
        found.append(f"lock wait: {head['lock']:.2g} threads wait for a lock{where}, {base['lock']:.2g} before")
    if not found and "cost" not in slower and head["busy"] < 0.85 * base["busy"]:
        found.append(f"queueing: {base['busy']:.1f} CPUs were busy, now {head['busy']:.1f}")
    if not found and "cost" in slower:
        found.append("more CPU")
    if pss and pss["head"] > 1.25 * pss["base"] + 10e6:
        found.append(f"memory: PSS {pss['base'] / 1e6:.0f} MB became {pss['head'] / 1e6:.0f} MB")
    if startup and startup["head"] > 1.3 * startup["base"] + 0.1:
        found.append(f"start-up: ready after {startup['head']:.2f} s, before {startup['base']:.2f} s")
    return "; ".join(found)
