"""The pools of `fixtures.global_pool` on two workers, each made by a function without arguments."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from typing import Any

from fixtures.global_pool import released, repaired


def two_workers(method: str = "spawn") -> Executor:
    return ProcessPoolExecutor(2, multiprocessing.get_context(method))


def rebuilt_at_most_once(pool: Any) -> str:
    """What is wrong with the number of rebuilds after one fault."""
    rebuilds = pool.health()["rebuilds"]
    return f"one fault, and the executor was replaced {rebuilds} times" if rebuilds > 1 else ""


def released_pool(method: str = "spawn") -> Any:
    return released.GlobalPool(partial(two_workers, method))


def repaired_pool(method: str = "spawn") -> Any:
    return repaired.GlobalPool(partial(two_workers, method))


def released_forked() -> Any:
    return released_pool("fork")


def released_by_server() -> Any:
    return released_pool("forkserver")


def repaired_forked() -> Any:
    return repaired_pool("fork")


def repaired_by_server() -> Any:
    return repaired_pool("forkserver")
