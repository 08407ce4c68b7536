"""Fresh base/head process pairs: two ABBA blocks of slices each, in random order, workers pinned."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.gate.results import Found, Pair
from harness.gate.sides import Side, Tree
from harness.stats.pairs import Slice

SLICE = (0.025, 0.050)  # seconds: shorter drowns in scheduling, longer lets the machine change within a block
BLOCKS = 2


@dataclass(frozen=True)
class Observed:
    """A pair with what the processes said when they were ready, at their end, and of why they are slow."""

    pair: Pair
    ready: Mapping[str, dict[str, Any]]
    ended: Mapping[str, dict[str, Any]]
    diagnosis: Mapping[str, dict[str, Any]]


def observe_pair(
    trees: Mapping[str, Tree], benchmark: Found, generator: random.Random, workers: int = 2, diagnose: bool = False
) -> Observed:
    """Start a fresh pair, run its slices, end it. Raises :class:`SideFailed` naming the side."""
    begun = time.perf_counter()
    with contextlib.ExitStack() as stack:
        order = generator.sample(["base", "head"], 2)
        sides = {
            name: stack.enter_context(
                Side(trees[name], benchmark.kind, benchmark.name, dict(benchmark.environment), workers=workers)
            )
            for name in order
        }
        ready = {name: sides[name].hear() for name in ("head", "base")}  # what fails on both is told of head
        cpu = generator.randrange(64)
        for side in sides.values():
            side.ask(do="pin", cpu=cpu)
        # as many calls on both sides, from the faster one: neither slice leaves the range by much
        per_call = min(message["seconds_per_call"] for message in ready.values())
        calls = max(1, round(generator.uniform(*SLICE) / per_call))
        slices = _slices(sides, calls, ready["base"]["cpus"], generator)
        why = {name: side.ask(do="diagnose", calls=calls) for name, side in sides.items()} if diagnose else {}
        ended = {name: side.ask(do="end") for name, side in sides.items()}
    pss = {name: message["pss"] for name, message in ended.items() if message["pss"]}
    startup = {name: message["startup"] for name, message in ready.items()}
    pair = Pair(tuple(slices), time.perf_counter() - begun, startup, pss)
    return Observed(pair, ready, ended, why)


def _slices(sides: Mapping[str, Side], calls: int, cpus: int, generator: random.Random) -> list[Slice]:
    slices = []
    for _ in range(BLOCKS):
        outer, inner = generator.sample(["base", "head"], 2)
        for name in (outer, inner, inner, outer):
            answer = sides[name].ask(do="slice", calls=calls)
            slices.append(Slice(name, answer["wall"], answer["cpu"], answer["tasks"], answer["queued"], cpus))
    return slices
