"""What records come to, with the numbers of a machine beside a bursty neighbour: no clock is read here."""

from __future__ import annotations

from typing import Any

from harness.pools import executors
from harness.pools.cells import Record, Work, cells
from harness.pools.results import Cell

MS = 1e-3


def clocks(inside: float, cpu: float, queue: float = 0.0, pool_cost: float = 0.0) -> dict[str, Any]:
    """Ten tasks; all per item in ms. ``pool_cost``: CPU time to hand one out."""
    return {
        "latency": [inside * MS], "queue_wait": [0.0], "count": 10, "inside": 10 * inside * MS,
        "inside_cpu": 10 * cpu * MS, "cpu": 10 * (cpu + pool_cost) * MS, "native": 0.0, "run_queue": 10 * queue * MS,
        "locked": None,
    }  # fmt: skip


def record(pool: str, cpu: float, paced: dict[str, Any], crowded: dict[str, Any], noop: float = 0.01) -> Record:
    """Six rounds of one pool; ``cpu``: CPU time of an item in the whole tree, in ms."""
    batch = {"wall": 1.0, "count": 10, "cpu": 10 * cpu * MS, "voluntary": 0, "involuntary": 0}
    return Record(
        executors.pool(pool), pool, 1 if pool == "serial" else 2, starts=[0.1] * 6, opened={"seconds": 0.1},
        warmed={"make": 0.0, "first": 0.0}, memory={"pss": 1, "uss": 1, "processes": 1},
        noop={"wall": noop * MS, "cpu": noop * MS}, batches={number: batch for number in range(6)},
        paced=[paced] * 6, crowded=[crowded] * 6,
    )  # fmt: skip


def unloaded(gil: float, *records: Record) -> dict[str, float]:
    """The speed-up of each pool on free cores."""
    work = Work(
        held={"held": round(100 * gil), "late": round(100 * gil), "wakes": 100},
        serialise={"bytes": 100, "seconds": 1e-5, "error": ""},
        stages=[{}],
        together=clocks(6.0, 0.2),
    )
    found: tuple[Cell, ...] = cells(records, work, 2)
    return {cell.pool: cell.unloaded or 0.0 for cell in found}


def test_a_lock_on_the_machine_lets_one_through_whatever_it_costs_to_hand_tasks_out() -> None:
    alone = clocks(3.3, 0.2)
    speed_up = unloaded(
        0.0,
        record("serial", 0.3, alone, alone),
        record("threads", 0.4, clocks(6.1, 0.2, 0.1), clocks(6.3, 0.2, 0.1)),
        # a process that idles for a millisecond between two tasks waits that much less for the lock
        record("forkserver", 1.0, clocks(5.9, 0.25, 0.2, 0.8), clocks(6.3, 0.25, 0.2, 0.8), noop=0.15),
    )
    assert speed_up["threads"] < 1.15 and speed_up["forkserver"] < 1.15


def test_threads_that_hold_the_gil_half_of_the_time_queue_for_it() -> None:
    alone = clocks(16.2, 16.1)
    speed_up = unloaded(
        0.5,
        record("serial", 16.1, alone, alone),
        record("threads", 17.0, clocks(24.0, 17.0, 2.8), clocks(28.7, 17.0, 2.8)),
        record("forkserver", 17.5, clocks(25.6, 17.5, 8.0, 1.5), clocks(25.6, 17.5, 8.0, 1.5), noop=0.1),
    )
    assert speed_up["threads"] < 0.8 * speed_up["forkserver"]


def test_threads_that_leave_the_gil_free_do_not() -> None:
    alone = clocks(16.2, 16.1)
    speed_up = unloaded(
        0.0,
        record("serial", 16.1, alone, alone),
        record("threads", 16.5, clocks(19.0, 16.5, 2.4), clocks(19.0, 16.5, 2.4)),
        record("forkserver", 17.5, clocks(25.6, 17.5, 8.0, 1.5), clocks(25.6, 17.5, 8.0, 1.5), noop=0.1),
    )
    assert speed_up["threads"] > 0.9 * speed_up["forkserver"] > 1.6
