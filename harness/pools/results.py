"""What a comparison found, as data: one JSON form that the table, the page and the gate read. It measures nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.pools.intervals import Interval, ratios
from harness.pools.scaling import Law


@dataclass(frozen=True)
class Split:
    """Shares of the workers' wall time; ``native``: other threads of their processes computed for them.

    ``run_queue`` and ``locked`` are None where they could not be seen.
    """

    cpu: float
    native: float
    run_queue: float | None
    locked: float | None
    blocked: float


@dataclass(frozen=True)
class Start:
    """Seconds until all workers answer (repeated, and the first time), to make a resource, and for a first item."""

    again: Interval
    first: float
    make: float
    first_item: float
    noop: float
    noop_cpu: float


@dataclass(frozen=True)
class Memory:
    """PSS and USS of the tree in bytes, None where the kernel does not tell."""

    pss: int | None
    uss: int | None
    processes: int


@dataclass(frozen=True)
class Latency:
    """Submit to done with one task per worker in flight, and waiting in the queue, in seconds."""

    p50: Interval
    p95: Interval
    p99: Interval
    queue_wait: Interval
    samples: tuple[float, ...]


@dataclass(frozen=True)
class Cell:
    """One pool with one number of workers. ``seconds``: wall time per item in each round, in the order of rounds.

    ``unloaded``: the speed-up that is left when what others on the machine took is taken off (None: unknown).
    """

    pool: str
    workers: int
    chunk: int
    processes: bool
    rounds: tuple[int, ...]
    seconds: tuple[float, ...]
    per_item: Interval
    speed_up: Interval
    cpu: Interval | None
    switches: tuple[float, float] | None
    unloaded: float | None = None
    start: Start | None = None
    memory: Memory | None = None
    latency: Latency | None = None
    split: Split | None = None
    loop_lag: Interval | None = None

    @property
    def name(self) -> str:
        return self.pool if self.pool == "serial" else f"{self.pool} x{self.workers}"

    @property
    def threads(self) -> bool:
        """Whether its workers share a GIL."""
        return not self.processes and self.pool not in ("serial", "interpreters")


@dataclass(frozen=True)
class Diagnosis:
    """What the work itself is like.

    ``cpu_share``: cores that one item alone keeps busy; ``gil``: share of time the GIL was held, as a bracket.
    """

    item: float
    cpu_share: float | None
    gil_low: float
    gil: float
    gil_high: float
    gil_wakes: int
    bytes: int | None
    serialise: float | None
    unpicklable: str
    lock_share: float | None
    stages: Mapping[str, Interval]
    split: Split


@dataclass(frozen=True)
class Comparison:
    """One workload on several pools. ``others``: cores that processes outside the comparison kept busy meanwhile."""

    workload: str
    reference: str
    workers: int
    cores: int
    job: int | None
    notes: tuple[str, ...]
    cells: tuple[Cell, ...]
    diagnosis: Diagnosis
    laws: Mapping[str, Law]
    machine: str
    seconds: float
    items: int
    others: float | None

    @property
    def serial(self) -> Cell:
        return next(cell for cell in self.cells if cell.pool == "serial")

    @property
    def main(self) -> tuple[Cell, ...]:
        """Serial and the cells of the chosen number of workers."""
        return tuple(cell for cell in self.cells if cell.pool == "serial" or cell.workers == self.workers)

    def of(self, pool: str) -> tuple[Cell, ...]:
        """The cells of one pool, by number of workers."""
        return tuple(sorted((cell for cell in self.cells if cell.pool == pool), key=lambda cell: cell.workers))


MARGIN = 1.05


def faster(one: Cell, other: Cell) -> bool:
    """Whether ``one`` was shown to be faster than ``other``: the interval of paired rounds lies above 5 %."""
    return paired(one, other).low > MARGIN


def paired(one: Cell, other: Cell) -> Interval:
    """How many times the throughput of ``other`` the cell ``one`` has, over the rounds that both were in."""
    mine, theirs = dict(zip(one.rounds, one.seconds, strict=True)), dict(zip(other.rounds, other.seconds, strict=True))
    both = [number for number in one.rounds if number in theirs]
    return ratios([theirs[number] for number in both], [mine[number] for number in both])


def ranked(comparison: Comparison) -> list[list[Cell]]:
    """Groups of cells, fastest first; within a group no difference to its first member was shown."""
    groups: list[list[Cell]] = []
    for cell in sorted(comparison.main, key=lambda cell: -cell.speed_up.middle):
        if groups and not faster(groups[-1][0], cell):
            groups[-1].append(cell)
        else:
            groups.append([cell])
    return groups


def to_json(comparisons: Sequence[Any]) -> str:
    """The JSON form of results (and their advice), as a list."""

    def plain(value: Any) -> Any:
        return (
            dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else str(value)
        )

    return json.dumps(list(comparisons), indent=1, default=plain)
