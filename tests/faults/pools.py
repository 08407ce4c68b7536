"""Pools for the tests of chaos: importable, without arguments. Each breaks one promise, or keeps all."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.shared_memory import SharedMemory
from typing import Any

from fixtures.global_pool import repaired

MARK = "MARK_OF_A_STRAY"


def spawned() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))


def forked() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, multiprocessing.get_context("fork"))


def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2)


def prestarted() -> ThreadPoolExecutor:
    pool, both = ThreadPoolExecutor(2), threading.Barrier(3)
    for _ in range(2):
        pool.submit(both.wait)
    both.wait()
    return pool


def one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1)


def fails_to_be_made() -> Any:
    raise ValueError("no pool today")


class Refuses(ThreadPoolExecutor):
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise ValueError("not today")


class Twice(ThreadPoolExecutor):
    """Runs every task twice."""

    def __init__(self) -> None:
        super().__init__(2)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(lambda: (fn(*args), fn(*args))[1])


class Mixed(ThreadPoolExecutor):
    """Gives every caller the result of the first."""

    def __init__(self) -> None:
        super().__init__(2)
        self.first: list[Any] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(self._run, fn, *args)

    def _run(self, fn: Any, *args: Any) -> Any:
        self.first.append(fn(*args))
        return self.first[0]


class Marked(ThreadPoolExecutor):
    """Gives every caller a text made of the result."""

    def __init__(self) -> None:
        super().__init__(2)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(lambda: f"{fn(*args) + 1}!")


class Forgetful(Marked):
    """Gives every caller nothing."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return ThreadPoolExecutor.submit(self, lambda: (fn(*args), None)[1])


class Leaking(ThreadPoolExecutor):
    """Leaves a child process behind for every task, once its owner is used in earnest."""

    def __init__(self) -> None:
        super().__init__(2)
        self.count = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        if self.count == 4:  # a pool that has only rehearsed does not come here
            self.child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        return super().submit(fn, *args, **kwargs)


class Counting(ThreadPoolExecutor):
    """Waits in `shutdown` until as many tasks have ended as were begun; one that raises never ends, unless `tidy`."""

    tidy = False

    def __init__(self) -> None:
        super().__init__(2)
        self.open, self.ended = 0, threading.Condition()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        with self.ended:
            self.open += 1
        return super().submit(self._run, fn, *args)

    def _run(self, fn: Any, *args: Any) -> Any:
        try:
            result = fn(*args)
        except BaseException:
            if self.tidy:
                self._end()
            raise
        self._end()
        return result

    def _end(self) -> None:
        with self.ended:
            self.open -= 1
            self.ended.notify_all()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait, cancel_futures=cancel_futures)
        with self.ended:
            self.ended.wait_for(lambda: self.open == 0)


class Counted(Counting):
    tidy = True


class CannotFlush(ProcessPoolExecutor):
    """Cannot be closed without an error once its workers have died."""

    def __init__(self) -> None:
        super().__init__(2, multiprocessing.get_context("spawn"))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        broken = self._broken  # type: ignore[attr-defined]
        super().shutdown(wait, cancel_futures=cancel_futures)
        if broken:
            raise RuntimeError("cannot flush the results")


class Segment(ThreadPoolExecutor):
    """Leaves a segment of shared memory that nobody maps, once its owner is used in earnest."""

    def __init__(self) -> None:
        super().__init__(2)
        self.count = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        if self.count == 4:
            self._make().close()
        return super().submit(fn, *args, **kwargs)

    def _make(self) -> SharedMemory:
        return SharedMemory(create=True, size=4096)


class Unlinked(Segment):
    def _make(self) -> SharedMemory:
        made = super()._make()
        made.unlink()
        return made


class Stray(ThreadPoolExecutor):
    """Leaves a child in a session of its own, where whoever ends the session of the case does not find it."""

    def __init__(self) -> None:
        super().__init__(2)
        command = [sys.executable, "-c", "import time; time.sleep(600)", os.environ.get(MARK, "")]
        self.child = subprocess.Popen(command, start_new_session=True)


class NeverEnds(ThreadPoolExecutor):
    """Its interpreter cannot end after it was closed."""

    def __init__(self) -> None:
        super().__init__(2)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait)
        threading._register_atexit(threading.Event().wait)  # type: ignore[attr-defined]


def cube(number: int) -> int:
    return number**3


class BesideAFork:
    """The repaired pool, and a process that was forked after it and so has its pipes open, too."""

    def __init__(self) -> None:
        self.pool = repaired.GlobalPool(forked)

    def submit(self, fn: Any, /, *args: Any) -> Future[Any]:
        future: Future[Any] = self.pool.submit_safe(fn, *args)
        if not hasattr(self, "other"):
            self.other = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,), daemon=True)
            self.other.start()
        return future

    def close(self) -> None:
        self.pool.close()
        self.other.kill()
        self.other.join()
        self.other.close()


def megabytes(number: int) -> bytes:
    return bytes([number]) * 3_000_000


def with_a_child(number: int) -> int:
    """Forks a process that outlives its worker: the sentinel of the worker is not ready when that ends."""
    if number == 3 and os.fork() == 0:
        time.sleep(100)
        os._exit(0)
    return number


class Picture:
    """Is shown by its address, and has no equal."""

    def __init__(self, number: int) -> None:
        self.number = number


def picture(number: int) -> Picture:
    return Picture(number)


def words(number: int) -> set[str]:
    return {f"{word}-{number}" for word in "abcdefgh"}


def long_array(number: int) -> Any:
    import numpy as np

    array = np.zeros(100_000)
    array[50_000] = number
    return array


def raising(number: int) -> None:
    raise ValueError(f"no answer to {number}")


def sleeping(number: int) -> None:
    time.sleep(8)


def says_true(pool: Any) -> bool:
    return True
