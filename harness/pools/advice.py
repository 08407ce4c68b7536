"""From measurements to advice: the limiting factor, the pool, workers and chunk, and how sure that is. Pure."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from harness.pools.results import MARGIN, Cell, Comparison, faster, paired

# What a pool costs those who use it, cheapest first: a tie goes to the front.
CHEAPEST = (
    "serial",
    "threads",
    "asyncio-executor",
    "asyncio-to-thread",
    "interpreters",
    "forkserver",
    "spawn",
    "fork",
)
NEAR = 0.87  # of the fastest median: a pool below it is not taken for equal only because its interval is wide
NEAR_WHEN_DISTURBED = 0.8
BUSY = 0.2  # cores taken by others from which on the corrected speed-ups are compared
WIDE = 1.5  # an interval whose ends lie so many times apart says as little as a busy machine
HELD, WAITS, SERIALISES, LOCKS = 0.5, 0.5, 0.25, 0.15


class Factor(enum.StrEnum):
    """What limits the work."""

    OVERSUBSCRIBED = "native threads"
    GIL = "the GIL"
    LOCK = "a lock"
    SERIALISATION = "serialisation"
    WAITING = "waiting"
    START_UP = "start-up"
    DISPATCH = "the pool's own cost"
    CONTENTION = "something shared"
    CORES = "the cores"


class Sureness(enum.StrEnum):
    """How far the measurements carry the advice."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True)
class Advice:
    """What to use and why. ``pays_after``: tasks that earn start-up back; ``break_even``: an item's least seconds.

    Both are None where the pool does not gain at all.
    """

    pool: str
    workers: int
    chunk: int
    factor: Factor
    evidence: tuple[str, ...]
    sure: Sureness
    because: str
    pays_after: int | None
    break_even: float | None
    paragraph: str


def advise(comparison: Comparison) -> Advice:
    """The advice that a comparison supports."""
    chosen = _choose(comparison)
    pool, workers = chosen.pool, _workers(comparison, chosen)
    factor, evidence = _factor(comparison, chosen)
    sure, because = _sureness(comparison, chosen)
    best = max((cell for cell in comparison.main if cell.pool != "serial"), key=lambda cell: _gain(comparison, cell))
    shown = chosen if chosen.pool != "serial" else best
    pays, even = pays_after(comparison, shown), break_even(comparison, shown)
    paragraph = _paragraph(comparison, chosen, workers, factor, evidence, sure, because, pays, even)
    chunk = next(cell.chunk for cell in comparison.of(pool) if cell.workers == workers)
    return Advice(pool, workers, chunk, factor, tuple(evidence), sure, because, pays, even, paragraph)


def _worth(comparison: Comparison, cell: Cell) -> float:
    """Throughput over serial; with a job size, of the whole job with start-up."""
    if comparison.job is None:
        return _gain(comparison, cell)
    return job_seconds(comparison, comparison.serial) / job_seconds(comparison, cell)


def disturbed(comparison: Comparison) -> str:
    """Why wall time alone would mislead: others took much of the machine, or the rounds vary. Empty: it would not."""
    if any(cell.unloaded is None for cell in comparison.main):
        return ""
    if comparison.others is not None and comparison.others > BUSY:
        return f"others kept {comparison.others:.1f} of {comparison.cores} cores busy"
    widest = max(comparison.main, key=lambda cell: cell.speed_up.high / max(cell.speed_up.low, 1e-9))
    if widest.speed_up.high > WIDE * widest.speed_up.low:
        return f"the rounds of {widest.name} vary, {widest.speed_up.text()} times serial"
    return ""


def _gain(comparison: Comparison, cell: Cell) -> float:
    """The measured speed-up, or where that would mislead the corrected one; of threads at most what the GIL allows."""
    if disturbed(comparison) and cell.unloaded is not None:
        return cell.unloaded
    if not cell.threads:
        return cell.speed_up.middle
    return min(cell.speed_up.middle, 1 / max(0.01, comparison.diagnosis.gil_low))


def job_seconds(comparison: Comparison, cell: Cell) -> float:
    """Seconds for the whole job: start, resource, items."""
    assert comparison.job is not None
    return _start(cell) + comparison.job * _item(comparison, cell)


def _item(comparison: Comparison, cell: Cell) -> float:
    """Seconds per item by the paired ratio, which the load of the machine changes less than the time itself."""
    return comparison.serial.per_item.middle / _gain(comparison, cell)


def _start(cell: Cell) -> float:
    return cell.start.again.middle + cell.start.make if cell.start is not None else 0.0


def _choose(comparison: Comparison) -> Cell:
    worth = {cell.name: _worth(comparison, cell) for cell in comparison.main}
    top = max(comparison.main, key=lambda cell: worth[cell.name])
    share = NEAR_WHEN_DISTURBED if disturbed(comparison) else NEAR
    near = [
        cell
        for cell in comparison.main
        if worth[cell.name] >= share * worth[top.name]
        and (
            comparison.job is not None
            or disturbed(comparison)
            or not faster(top, cell)
            or paired(top, cell).low < 1 / NEAR
        )
    ]
    if comparison.serial not in near and worth[top.name] < MARGIN:
        near.append(comparison.serial)
    return min(near, key=lambda cell: (_order(cell), -worth[cell.name]))


def _order(cell: Cell) -> int:
    """User's own pools come after the cheap ones and before processes of the standard library."""
    return CHEAPEST.index(cell.pool) if cell.pool in CHEAPEST else CHEAPEST.index("forkserver")


def _workers(comparison: Comparison, chosen: Cell) -> int:
    cells = comparison.of(chosen.pool)
    if chosen.pool == "serial" or len(cells) == 1:
        return chosen.workers
    if disturbed(comparison) and not _waits(comparison):
        return min(comparison.workers, comparison.cores)
    top = max(cells, key=lambda cell: cell.speed_up.middle)
    if top.workers > comparison.cores and not _waits(comparison):
        top = max((cell for cell in cells if cell.workers <= comparison.cores), key=lambda cell: cell.speed_up.middle)
    enough = [
        cell for cell in cells if cell.speed_up.middle >= NEAR * top.speed_up.middle and cell.workers <= top.workers
    ]
    return min(cell.workers for cell in enough)


def _waits(comparison: Comparison) -> bool:
    share = _serial_cpu(comparison)
    return share is not None and share < WAITS


def _serial_cpu(comparison: Comparison) -> float | None:
    """Cores that one item alone keeps busy while it does not wait for a CPU."""
    return comparison.diagnosis.cpu_share


def serialisation_share(comparison: Comparison) -> float | None:
    """Share of a task in another process that is pickling and unpickling its call and its result."""
    cost = comparison.diagnosis.serialise
    return None if cost is None else cost / (cost + comparison.diagnosis.item)


def _factor(comparison: Comparison, chosen: Cell) -> tuple[Factor, list[str]]:
    """The limiting factor, and every piece of evidence with the decisive one first."""
    found: list[tuple[Factor, str]] = []
    facts, cpu = comparison.diagnosis, _serial_cpu(comparison)
    share = serialisation_share(comparison)
    if cpu is not None and cpu > 1.25:
        found.append(
            (
                Factor.OVERSUBSCRIBED,
                f"native threads oversubscribe the cores: one item alone keeps {cpu:.1f} of them busy; "
                "set intra_op_num_threads=1 (OMP_NUM_THREADS=1) and compare again",
            )
        )
    if comparison.job is not None and chosen.pool == "serial":
        top = max(comparison.main, key=lambda cell: _gain(comparison, cell))
        if _gain(comparison, top) > 1 / NEAR:
            found.append(
                (
                    Factor.START_UP,
                    f"start-up: {top.pool} takes {_time(_start(top))} to start, and all "
                    f"{comparison.job} items take {_time(comparison.job * comparison.serial.per_item.middle)}",
                )
            )
    if facts.lock_share is not None and facts.lock_share >= LOCKS:
        found.append((Factor.LOCK, f"two threads spend {facts.lock_share:.0%} of their time waiting for a lock"))
    # Where processes beat threads, which are cheaper, half of that is enough to be the reason.
    beaten = chosen.processes and any(cell.threads for cell in comparison.main)
    held = facts.gil >= (HELD / 2 if beaten else HELD)
    if held:
        found.append(
            (Factor.GIL, f"it holds the GIL {facts.gil:.0%} of the time [{facts.gil_low:.0%} to {facts.gil_high:.0%}]")
        )
    if share is not None and share >= SERIALISES:
        found.append(
            (Factor.SERIALISATION, f"serialisation is {share:.0%} of the task ({_size(facts.bytes)} per task)")
        )
    if cpu is not None and cpu < WAITS:
        found.append((Factor.WAITING, f"it waits {1 - cpu:.0%} of the time and computes the rest"))
    top_noop = max(
        (cell.start.noop / cell.chunk for cell in comparison.main if cell.start and cell.processes), default=0.0
    )
    if top_noop > 0.5 * facts.item and chosen.pool == "serial":
        found.append(
            (Factor.DISPATCH, f"a task costs {_time(top_noop)} to hand to a process and an item {_time(facts.item)}")
        )
    gains = max(_gain(comparison, cell) for cell in comparison.main)
    if not found and gains < 1 / NEAR and comparison.workers > 1:
        found.append(
            (
                Factor.CONTENTION,
                f"no pool gains (at most {gains:.2f} times serial) though it neither holds the GIL nor waits "
                "alone: something that all workers share lets one through at a time",
            )
        )
    if not found:
        found.append(
            (
                Factor.CORES,
                f"it computes {min(1.0, cpu or 1.0):.0%} of the time and holds the GIL {facts.gil:.0%}: "
                f"the {comparison.cores} cores are the limit",
            )
        )
    elif not held and all(factor is not Factor.WAITING for factor, _ in found):
        found.append(
            (
                Factor.CORES,
                f"it holds the GIL {facts.gil:.0%} of the time [{facts.gil_low:.0%} to {facts.gil_high:.0%}]",
            )
        )
    return found[0][0], [text for _, text in found]


def pays_after(comparison: Comparison, cell: Cell) -> int | None:
    """Tasks until a pool has earned back its start-up against serial; None if it never does."""
    gain = comparison.serial.per_item.middle - _item(comparison, cell)
    extra = _start(cell) - _start(comparison.serial)
    if gain <= 0 or _gain(comparison, cell) < MARGIN:
        return None
    return max(0, math.ceil(extra / gain))


def break_even(comparison: Comparison, cell: Cell) -> float | None:
    """Seconds an item must cost for one task per item to beat serial: the pool's cost over the share it saves.

    A pool of W workers takes o + c / S per item, where o is an empty task and the serialisation, S the speed-up at
    large items (at most W and the measured one without o); it beats c from o / (1 - 1 / S) on.
    """
    if cell.start is None or _gain(comparison, cell) < MARGIN:
        return None
    overhead = cell.start.noop + ((comparison.diagnosis.serialise or 0.0) if cell.processes else 0.0)
    pure = max(1e-9, _item(comparison, cell) - overhead / cell.chunk)
    speed = min(float(cell.workers), comparison.serial.per_item.middle / pure)
    return overhead / (1 - 1 / speed) if speed > MARGIN else None


def _sureness(comparison: Comparison, chosen: Cell) -> tuple[Sureness, str]:
    others = [cell for cell in comparison.main if cell is not chosen]
    rounds = len(chosen.rounds)
    if rounds < 6:
        return Sureness.LOW, f"only {rounds} rounds: too few for an interval of 95 %"
    if disturbed(comparison):
        return Sureness.MEDIUM, (
            f"{disturbed(comparison)}; the choice rests on speed-ups from the workers' own clocks, not on wall time"
        )
    if chosen.pool == "serial":
        risky = [cell.name for cell in others if cell.speed_up.high > 1 / NEAR]
        if comparison.job is not None or not risky:
            return Sureness.HIGH, "no pool's interval reaches a gain that would pay"
        return Sureness.LOW, f"the intervals of {', '.join(risky)} leave room for a gain"
    if not faster(chosen, comparison.serial):
        return Sureness.LOW, "its interval over serial reaches down to no gain: the machine is busy or the gain small"
    open_ones = [cell.name for cell in others if not faster(chosen, cell) and cell.pool != "serial"]
    if not open_ones:
        return Sureness.HIGH, "shown to be faster than every other pool"
    ties = [cell for cell in others if cell.name in open_ones and _order(cell) < _order(chosen)]
    if ties:
        return Sureness.MEDIUM, f"a cheaper pool, {ties[0].name}, was not shown to be slower"
    return Sureness.HIGH, f"faster than serial; no difference shown to {', '.join(open_ones)}, which cost more to run"


def _paragraph(
    comparison: Comparison,
    chosen: Cell,
    workers: int,
    factor: Factor,
    evidence: list[str],
    sure: Sureness,
    because: str,
    pays: int | None,
    even: float | None,
) -> str:
    text = [f"Limited by {factor}: {'; '.join(evidence)}."]
    if chosen.pool == "serial":
        text.append("Use no pool: run it serially.")
    else:
        size = next(cell.chunk for cell in comparison.of(chosen.pool) if cell.workers == workers)
        plural = "" if workers == 1 else "s"
        corrected = f", {chosen.unloaded:.2f} by the workers' own clocks" if disturbed(comparison) else ""
        text.append(
            f"Use {chosen.pool} with {workers} worker{plural}"
            + (f" and chunks of {size}" if size > 1 else "")
            + f": {chosen.speed_up.text()} times serial at {chosen.workers}{corrected}."
        )
        if pays is not None:
            text.append(f"Start-up pays off after {pays} tasks.")
        if even is not None:
            text.append(f"Without chunks an item must cost {_time(even)} to break even.")
        largest = comparison.of(chosen.pool)[-1]
        if workers == largest.workers and workers > comparison.cores and _waits(comparison):
            text.append("More workers than were measured would gain further, since it mostly waits.")
        if chosen.pool == "fork":
            text.append("Fork is unsafe in a process that has threads; use it only from a process that has none.")
    text.append(f"Sureness {sure}: {because}.")
    return " ".join(text)


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def _size(count: int | None) -> str:
    if count is None:
        return "unknown"
    for unit, size in (("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
