"""Runs a variant without the harness, one thread after another: what a program does when nothing is concurrent.

A thread that waits for a later one is left waiting while the later one runs.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

from tests.quality.corpus import Variant

GIVE_UP_AFTER = 20.0
WAITING_AFTER = 0.05


class Stuck(Exception):
    """A thread did not end although no other thread had anything left to do."""


def run(variant: Variant, *, waits: bool = False) -> tuple[Any, list[object]]:
    """The state and the results after all threads have run in the listed order."""
    state = variant.setup()
    results: list[object] = [None] * len(variant.threads)
    threads = [_start(body, state, results, at, waits) for at, body in enumerate(variant.threads)]
    for thread in threads:
        thread.join(GIVE_UP_AFTER)
        if thread.is_alive():
            raise Stuck(thread.name)
    return state, results


def _start(body: Callable[[Any], object], state: Any, results: list[object], at: int, waits: bool) -> threading.Thread:
    def run_body() -> None:
        try:
            results[at] = body(state)
        except Exception as error:
            results[at] = error

    thread = threading.Thread(target=run_body, name=f"thread {at}", daemon=True)
    thread.start()
    thread.join(WAITING_AFTER if waits else GIVE_UP_AFTER)
    if thread.is_alive() and not waits:
        raise Stuck(thread.name)
    return thread


def judge(variant: Variant, state: Any, results: list[object]) -> None:
    """Raise what a thread raised unasked, or AssertionError where the check is not satisfied."""
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, variant.expected):
            raise result
    if variant.check is None:
        return
    arguments = (state, results)[: len(inspect.signature(variant.check).parameters)]
    assert variant.check(*arguments) in (None, True)
