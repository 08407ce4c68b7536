"""Work of known kinds, diagnosed in a process without pytest's plugins; prints the diagnosis as JSON."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

from harness.gate import diagnose

DATA = bytes(range(256)) * 4000
LOCK = threading.Lock()
SEMAPHORE = threading.Semaphore(1)


def releases_the_gil(_: int) -> str:
    return hashlib.sha256(DATA).hexdigest()


def holds_the_gil(_: int) -> str:
    state = hashlib.sha256()
    for start in range(0, len(DATA), 1000):
        state.update(DATA[start : start + 1000])
    return state.hexdigest()


def under_a_lock(number: int) -> str:
    with LOCK:
        return releases_the_gil(number)


def under_a_semaphore(number: int) -> str:
    with SEMAPHORE:
        return releases_the_gil(number)


def on_threads(work: Callable[[int], str]) -> dict[str, Any]:
    with ThreadPoolExecutor(2) as pool:
        return diagnose.observe(lambda calls: list(pool.map(work, range(4 * calls)))[-1], 1, 4)


def on_processes(size: int, chunk: int) -> dict[str, Any]:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return diagnose.observe(lambda _: list(pool.map(len, [bytes(size)] * 20, chunksize=chunk)), 1, 20)


if __name__ == "__main__":
    what, *sizes = sys.argv[1:]
    if sizes:
        found = on_processes(*map(int, sizes))
    else:
        function = globals()[what]
        found = on_threads(function) | {"expected_line": inspect.getsourcelines(function)[1] + 1}
    print(json.dumps(found))
