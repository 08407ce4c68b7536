"""What befalls the repaired pool while one of its results is cut, on real processes: run by `test_cut_results`."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context, resource_tracker
from pathlib import Path
from typing import Any

import psutil

from fixtures.global_pool import supervisor
from fixtures.global_pool.repaired import GlobalPool
from harness import Violation
from harness.faults.acts import cut_the_next_message
from harness.faults.leftovers import beyond

TASKS = 6
FOR_GOOD: list[GlobalPool] = []


def cut(number: int, folder: str, times: int) -> int:
    """The first `times` callers die while they write their result."""
    for time_ in range(times):
        try:
            Path(folder, f"cut-{time_}").touch(exist_ok=False)
        except FileExistsError:
            continue
        cut_the_next_message(number, lambda: Path(folder, "writing").touch())
        break
    return number * number


def killed_at_the_same_time(number: int, folder: str) -> int:
    """Dies, by a signal, as soon as another worker dies while it writes its result; only the first caller does."""
    try:
        Path(folder, "waits").touch(exist_ok=False)
    except FileExistsError:
        return number * number
    _until(lambda: Path(folder, "writing").exists())
    os.kill(os.getpid(), signal.SIGKILL)
    return -1


def _until(done: Any) -> None:
    deadline = time.monotonic() + 60
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError("what was waited for did not happen within 60 s")
        time.sleep(0.005)


def _executor(method: str) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, get_context(method))


def _emptied(pool: GlobalPool, before: Counter[str]) -> None:
    """Close the pool; raises if anything is left of it."""
    pool.close()
    _nothing_left(before)


def _here() -> Counter[str]:
    gc.collect()
    children = len(psutil.Process().children(recursive=True))
    return Counter(thread=threading.active_count(), fd=len(os.listdir("/proc/self/fd")), child=children)


def _nothing_left(before: Counter[str]) -> None:
    deadline = time.monotonic() + 10
    while (left := beyond(_here(), before)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if left:
        raise Violation("left_behind", f"of the pool there are left: {', '.join(left)}")


def _start(method: str) -> tuple[GlobalPool, Counter[str]]:
    """A pool whose workers run, and what this process had before it."""
    resource_tracker.ensure_running()
    with ProcessPoolExecutor(1, get_context(method)) as first:  # a fork server stays for good
        first.submit(int).result()
    before = _here()
    pool = GlobalPool(partial(_executor, method))
    pool.submit_safe(int).result()
    return pool, before


def _all_right(tasks: list[Future[int]], pool: GlobalPool, rebuilds: int) -> str:
    results = [task.result(60) for task in tasks]
    if results != [number * number for number in range(len(tasks))]:
        raise Violation("lost_task", f"the tasks ended with {results}")
    if pool.health()["rebuilds"] != rebuilds:
        raise Violation("double_init", f"{pool.health()['rebuilds']} rebuilds instead of {rebuilds}")
    return f"{len(tasks)} tasks ended after {rebuilds} rebuilds"


def both_die(method: str, folder: str) -> str:
    """One worker is killed while it writes, the other at the same time in its task."""
    pool, before = _start(method)
    tasks = [pool.submit_safe(killed_at_the_same_time, 0, folder)]
    _until(lambda: Path(folder, "waits").exists())
    tasks += [pool.submit_safe(cut, number, folder, 1) for number in range(1, TASKS)]
    said = _all_right(tasks, pool, 1)
    _emptied(pool, before)
    return said


def dies_again(method: str, folder: str) -> str:
    """The same task dies in the same way when it is run again, on the new executor."""
    pool, before = _start(method)
    said = _all_right([pool.submit_safe(cut, number, folder, 0 if number else 2) for number in range(TASKS)], pool, 2)
    _emptied(pool, before)
    return said


def never_stops_dying(method: str, folder: str) -> str:
    """After `retries` the task is given up; the pool lives on."""
    pool, before = _start(method)
    task = pool.submit_safe(cut, 1, folder, 1000)
    try:
        raise AssertionError(f"the task was not given up, but ended with {task.result(60)}")
    except BrokenExecutor:
        said = _all_right([pool.submit_safe(pow, number, 2) for number in range(TASKS)], pool, 3)
    _emptied(pool, before)
    return said


def closed_meanwhile(method: str, folder: str) -> str:
    """The pool is closed after the message was cut: `close` returns, and every caller gets an error or a result."""
    pool, before = _start(method)
    end_workers = supervisor._break

    def once_it_is_closed(manager: Any) -> None:
        _until(lambda: pool._closed)
        end_workers(manager)

    supervisor._break = once_it_is_closed
    tasks = [pool.submit_safe(cut, number, folder, 1) for number in range(TASKS)]
    _until(lambda: Path(folder, "writing").exists())
    _emptied(pool, before)
    unresolved = [task for task in tasks if not task.done()]
    refused = [task for task in tasks if task.done() and isinstance(task.exception(), RuntimeError)]
    if unresolved or not refused or pool.health()["rebuilds"]:
        raise Violation("unresolved", f"{len(unresolved)} tasks never ended, {len(refused)} got an error")
    return f"{len(refused)} of {len(tasks)} tasks got an error"


def never_closed(method: str, folder: str) -> str:
    """Nobody closes the pool: the interpreter ends all the same. Whoever runs this sees to that."""
    pool, _ = _start(method)
    for number in range(TASKS):
        pool.submit_safe(cut, number, folder, 1)
    _until(lambda: Path(folder, "writing").exists())
    FOR_GOOD.append(pool)
    return "the pool is there until the interpreter ends"


def leaving_is_not_dying(method: str, folder: str) -> str:
    """Workers that leave after their tasks, while the thread that would take note is kept busy, are no deaths."""
    executor = ProcessPoolExecutor(2, get_context(method), max_tasks_per_child=1)
    watching = supervisor.Supervisor(grace=0.1)
    noted: list[threading.Thread] = []

    def keep_busy(_: Future[None]) -> None:
        time.sleep(1.5)
        noted.append(threading.current_thread())

    first, second = (executor.submit(wait_for, str(Path(folder, name))) for name in ("first", "second"))
    first.add_done_callback(keep_busy)
    watching.watch(executor)
    Path(folder, "first").touch()
    _until(lambda: noted)
    Path(folder, "second").touch()
    second.result(60)
    if noted == [threading.main_thread()]:
        raise AssertionError("the executor's own thread was not kept busy")
    executor.shutdown()
    watching.join()
    return "one worker left while the executor was busy, and the other ended its task"


def wait_for(path: str) -> None:
    """Returns when there is a file of that name."""
    _until(Path(path).exists)
