"""The ways of `fixtures.shared_table` to give one table to all workers, on real worker processes."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np

from harness import Exploration, Violation
from scenarios.reference import Explore, Form
from scenarios.reference.child import in_new_process

ROWS, COLUMNS = 20_000, 64  # 10 MB
ROUNDS = 3


def same_rows(form: str) -> str:
    """Every worker reads what the table holds, for as long as the pool is there."""
    table = np.random.default_rng(1).standard_normal((ROWS, COLUMNS))
    asked = [row * 7919 % ROWS for row in range(500)]
    with _table_pool(form, table) as pool:
        for first in (0, 250):  # the second time, workers have been there for a while
            rows = asked[first : first + 250]
            try:
                sums = pool.row_sums(rows)
            except (BrokenProcessPool, OSError) as error:
                raise Violation("exception", f"{type(error).__name__}: {error}") from error
            if not np.allclose(sums, table[rows].sum(axis=1)):
                raise Violation("check", f"other sums than those of the table for rows {rows[:3]} ...")
    return f"{len(asked)} rows of {table.nbytes / 1e6:.0f} MB read by 2 workers"


def every_request_counts(form: str) -> str:
    """Workers that ask for the same row at the same time are all counted."""
    table = np.ones((4, COLUMNS))
    expected: Counter[int] = Counter()
    with _table_pool(form, table) as pool:
        for _ in range(ROUNDS):
            rows = [0] * 1024
            if set(pool.row_sums(rows)) != {COLUMNS}:
                raise Violation("check", f"a row of {COLUMNS} ones has another sum")
            expected.update(rows)
            counted = pool.asked()
            if counted != expected:
                raise Violation("lost_update", f"{counted} after {dict(expected)} requests")
    return f"{expected.total()} requests by 2 workers, all counted"


def requests_on_threads(explore: Explore, form: str) -> Exploration:
    """The manager serves each worker on a thread of its own: under controlled interleaving without the processes."""
    module = importlib.import_module(f"fixtures.shared_table.{form}")

    def check(table: Any, sums: Sequence[float]) -> None:
        if table.asked() != {0: len(sums)}:
            raise Violation("lost_update", f"{table.asked()} after {len(sums)} requests")

    return explore(lambda: module.Table(np.ones((1, 2))), [_first_row] * 10, check, modules=(module.__name__,))


def _first_row(table: Any) -> float:
    total: float = table.row_sum(0)
    return total


def _table_pool(form: str, table: Any) -> Any:
    return importlib.import_module(f"fixtures.shared_table.{form}").TablePool(table)


def _form(form: str, function: Any, kind: str = "") -> Form:
    name = f"scenarios.shared_table.registry:{function.__name__}"
    title = function.__name__.replace("_", " ")
    return Form("shared_table", form, title, lambda _: in_new_process(name, form), kind)


FORMS = (
    _form("forked", same_rows),
    _form("mapped", same_rows),
    _form("segment_released", same_rows, "exception"),
    _form("segment", same_rows),
    _form("proxied_released", every_request_counts, "lost_update"),
    _form("proxied", every_request_counts),
    Form("shared_table", "proxied", "requests on threads", lambda explore: requests_on_threads(explore, "proxied")),
)
