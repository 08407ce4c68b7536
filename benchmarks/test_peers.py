"""Schedules per second beside the closest tools: the same bodies, one run, alternating blocks, all on one CPU.

Nothing here fails for being slow; what fails is a tool that counts schedules which it did not execute to the end.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from statistics import median
from typing import Any

import pytest

from benchmarks.audit import expected
from benchmarks.bodies import BODIES, Body
from benchmarks.contestant import Block, Contestant
from benchmarks.pairs import fastest, ratio
from benchmarks.record import Document, figure, table
from benchmarks.tools import OURS, OURS_UNDER_WAY, PEERS, RANDOM, SYSTEMATIC, TOOLS

ROUNDS = 8
SECONDS = 0.5
TARGETS = {RANDOM: 10, SYSTEMATIC: 5}
CELLS = [pytest.param(kind, body, id=f"{kind}, {body.name}") for kind in TARGETS for body in BODIES.values()]
PREFACE = (
    "Whole explorations as the users of each tool get them, with their set-up and a check that is evaluated and holds; "
    "each tool in a process of its own, all on one CPU, one after the other in every round. Medians of "
    f"{ROUNDS} rounds of at least {SECONDS} s; ratios of medians with 95 % bootstrap intervals over rounds. "
    "Every schedule counted is executed to its end, which a test verifies. "
    "`set-up not counted` is the same phase of ours inside one set-up: what a longer exploration comes to."
)

Blocks = Mapping[str, list[Block]]


@pytest.fixture(scope="module")
def contestants() -> Iterator[dict[str, Contestant]]:
    """All tools that are installed, each in its process."""
    cpu = max(os.sched_getaffinity(0))
    with ExitStack() as stack:
        yield {
            tool.name: stack.enter_context(closing(Contestant(tool, cpu)))
            for tool in TOOLS.values()
            if not tool.missing
        }


@pytest.fixture(scope="module")
def document(publish: Callable[[Document], None]) -> Iterator[Document]:
    document = Document("peers", "Schedules per second, beside frontrun and interleave-test", PREFACE)
    yield document
    missing = [tool.missing for tool in PEERS if tool.missing]
    document.sections += [f"**Incomplete**: {reason}." for reason in missing]
    if document.sections:
        publish(document)


@pytest.mark.parametrize("tool", [pytest.param(tool, id=tool.name) for tool in TOOLS.values()])
@pytest.mark.parametrize(("kind", "body"), CELLS)
def test_every_schedule_is_executed_to_its_end(
    contestants: dict[str, Contestant], tool: Any, kind: str, body: Body
) -> None:
    if tool.missing:
        pytest.skip(f"{tool.missing}: interleave-test needs Python 3.12, `make benchmark PYTHON=python3.12`")
    counts = contestants[tool.name].audit(kind, body)
    assert counts.schedules > 0
    assert counts == expected(body, counts.schedules)


@pytest.mark.parametrize(("kind", "body"), CELLS)
def test_schedules_per_second(
    contestants: dict[str, Contestant], document: Document, benchmark: Any, kind: str, body: Body
) -> None:
    """pytest-benchmark times our blocks; before each of them, untimed by it, every other contestant has one."""
    blocks: defaultdict[str, list[Block]] = defaultdict(list)

    def run(name: str) -> None:
        blocks[name].append(contestants[name].block(kind, body, SECONDS))

    def run_others() -> None:
        for name in contestants:
            if name != OURS.name:
                run(name)

    benchmark.group = f"{kind}, {body.name}"
    benchmark.pedantic(run, args=(OURS.name,), setup=run_others, rounds=ROUNDS)
    section = comparison(kind, body, blocks)
    benchmark.extra_info.update({name: median(rates(blocks)[name]) for name in blocks})
    document.sections.append(section)


def comparison(kind: str, body: Body, blocks: Blocks) -> str:
    """A section of the document: a row for each contestant, and how we stand against the better peer."""
    wall, cpu = rates(blocks), rates_of_cpu(blocks)
    peers = [tool.name for tool in PEERS if tool.name in blocks]
    names = [OURS.name, OURS_UNDER_WAY.name, *peers]
    rows = [
        [
            name,
            figure(median(wall[name])),
            figure(median(cpu[name])),
            *(_exploration(blocks[name]) if name != OURS_UNDER_WAY.name else ("", "")),
            str(ratio(wall, OURS.name, [name])) if name in peers else "",
        ]
        for name in names
    ]
    header = ["tool", "schedules/s", "per CPU s", "schedules each", "ms each", "we are faster by"]
    lines = [f"## {kind}: {body.name}", table(header, rows)]
    if peers:
        best = fastest(wall, peers)
        lines.append(
            "\n".join(
                f"- {label} against the better peer, {best}: **{against}** times; "
                f"by CPU time {ratio(cpu, ours, peers)}; target {TARGETS[kind]}: "
                f"{'met' if against.value >= TARGETS[kind] else 'missed'}"
                for label, ours in (("harness", OURS.name), ("set-up not counted", OURS_UNDER_WAY.name))
                for against in [ratio(wall, ours, peers)]
            )
        )
    return "\n\n".join(lines)


def _exploration(blocks: list[Block]) -> tuple[str, str]:
    """Schedules and milliseconds of one exploration."""
    schedules = median(block.schedules / block.explorations for block in blocks)
    return figure(schedules), figure(median(1e3 * block.wall / block.explorations for block in blocks))


def rates(blocks: Blocks) -> dict[str, list[float]]:
    """Schedules per second of each contestant, round by round."""
    return {name: [block.schedules / block.wall for block in taken] for name, taken in blocks.items()}


def rates_of_cpu(blocks: Blocks) -> dict[str, list[float]]:
    """The same by CPU time, which a busy neighbour hardly changes."""
    return {name: [block.schedules / block.cpu for block in taken] for name, taken in blocks.items()}
