"""Classes that are right as long as nothing fails, each with its repaired twin."""

from __future__ import annotations

import asyncio
import heapq
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


def write(value: int) -> None:
    """Stands for what may fail: a file, a socket, a database."""


# -- a call that raises ------------------------------------------------------------------------------------------------


class Account:
    """Books under a lock; the lock stays taken when the write fails."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.balance = 0
        self.booked: list[int] = []

    def deposit(self, amount: int) -> None:
        self.lock.acquire()
        self.balance += amount
        write(amount)
        self.booked.append(amount)
        self.lock.release()

    def sums_up(self) -> bool:
        return self.balance == sum(self.booked)


class SafeAccount(Account):
    """Writes first, and gives the lock back."""

    def deposit(self, amount: int) -> None:
        with self.lock:
            write(amount)
            self.balance += amount
            self.booked.append(amount)


class HalfBooked(Account):
    """Gives the lock back, but the balance keeps what was never booked."""

    def deposit(self, amount: int) -> None:
        with self.lock:
            self.balance += amount
            write(amount)
            self.booked.append(amount)


class Tally:
    """Loads what it counts; a failed load is undone with a value that is out of date."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = 0

    def add(self) -> None:
        with self.lock:
            before = self.value
            self.value += 1
        try:
            write(1)
        except OSError:
            with self.lock:
                self.value = before
            raise


class RightTally(Tally):
    """Undoes its own step."""

    def add(self) -> None:
        with self.lock:
            self.value += 1
        try:
            write(1)
        except OSError:
            with self.lock:
                self.value -= 1
            raise


class Transfers:
    """Tries again when the write fails: done twice when only its answer was lost."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.done: list[str] = []

    def store(self, name: str) -> None:
        with self.lock:
            self.done.append(name)

    def transfer(self, name: str) -> None:
        try:
            self.store(name)
        except ConnectionError:
            self.store(name)


class IdempotentTransfers(Transfers):
    """Looks before it stores."""

    def store(self, name: str) -> None:
        with self.lock:
            if name not in self.done:
                self.done.append(name)


# -- a wait that times out ---------------------------------------------------------------------------------------------


class Mailbox:
    """Counts who waits; forgets to take back its count when the wait times out."""

    def __init__(self) -> None:
        self.queue: queue.Queue[str] = queue.Queue()
        self.lock = threading.Lock()
        self.waiting = 0

    def receive(self) -> str | None:
        with self.lock:
            self.waiting += 1
        try:
            found = self.queue.get(timeout=5)
        except queue.Empty:
            return None
        with self.lock:
            self.waiting -= 1
        return found

    def send(self, text: str) -> None:
        self.queue.put(text)


class TidyMailbox(Mailbox):
    """Takes its count back however the wait ends."""

    def receive(self) -> str | None:
        with self.lock:
            self.waiting += 1
        try:
            return self.queue.get(timeout=5)
        except queue.Empty:
            return None
        finally:
            with self.lock:
                self.waiting -= 1


class Guarded:
    """Takes its lock with a time-out, and goes on as if it had it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = 0

    def add(self) -> bool:
        self.lock.acquire(timeout=1)
        self.value += 1
        if self.lock.locked():
            self.lock.release()
        return True


class HonestlyGuarded(Guarded):
    """Gives up without the lock."""

    def add(self) -> bool:
        if not self.lock.acquire(timeout=1):
            return False
        self.value += 1
        self.lock.release()
        return True


class Service:
    """Stops its worker: when the wait for its end times out, it closes what the worker still writes to."""

    def __init__(self) -> None:
        self.open = True
        self.written_after_close = False
        self.worker = threading.Thread(target=self.work)

    def work(self) -> None:
        if not self.open:
            self.written_after_close = True

    def stop(self) -> None:
        self.worker.start()
        self.worker.join(timeout=2)
        self.open = False


class PatientService(Service):
    """Closes only what nobody uses any more."""

    def stop(self) -> None:
        self.worker.start()
        self.worker.join(timeout=2)
        if not self.worker.is_alive():
            self.open = False


# -- a future that is cancelled ----------------------------------------------------------------------------------------


class Limited:
    """At most two jobs at a time; the slot of a job that is cancelled before it runs is never freed."""

    def __init__(self) -> None:
        self.free = 2
        self.lock = threading.Lock()
        self.pool = ThreadPoolExecutor(1)

    def give_back(self, *_: object) -> None:
        with self.lock:
            self.free += 1

    def submit(self, job: Callable[[], Any]) -> Future[Any]:
        with self.lock:
            self.free -= 1

        def run() -> Any:
            try:
                return job()
            finally:
                self.give_back()

        return self.pool.submit(run)


class FreedLimited(Limited):
    """Frees the slot when the future is over, however it ended."""

    def submit(self, job: Callable[[], Any]) -> Future[Any]:
        with self.lock:
            self.free -= 1
        future = self.pool.submit(job)
        future.add_done_callback(self.give_back)
        return future


class HandMade:
    """A pool of its own, whose worker looks at the future and then acts."""

    def __init__(self) -> None:
        self.jobs: queue.Queue[tuple[Future[int], int] | None] = queue.Queue()
        self.answered = 0

    def submit(self, number: int) -> Future[int]:
        future: Future[int] = Future()
        self.jobs.put((future, number))
        return future

    def serve(self) -> None:
        job = self.jobs.get()
        if job is not None:
            self.answer(*job)

    def answer(self, future: Future[int], number: int) -> None:
        if not future.cancelled():
            future.set_result(number * 2)
        self.answered += 1


class HandMadeRight(HandMade):
    """Claims the future first."""

    def answer(self, future: Future[int], number: int) -> None:
        if future.set_running_or_notify_cancel():
            future.set_result(number * 2)
        self.answered += 1


class Loop:
    """Coroutines that count themselves; one that is cancelled in its wait stays in the count."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.active = 0

    def count(self, step: int) -> None:
        with self.lock:
            self.active += step

    async def fetch(self) -> int:
        return 1

    async def serve(self) -> int:
        self.count(1)
        found = await self.fetch()
        self.count(-1)
        return found

    def run(self) -> int:
        return asyncio.run(self.serve())


class ImpatientLoop(Loop):
    """Waits no longer than a minute, and forgets its count when the minute is over."""

    async def serve(self) -> int:
        self.count(1)
        found = await asyncio.wait_for(self.fetch(), 60)
        self.count(-1)
        return found


class TidyImpatientLoop(Loop):
    """Takes itself out of the count however the wait ends."""

    async def serve(self) -> int:
        self.count(1)
        try:
            return await asyncio.wait_for(self.fetch(), 60)
        finally:
            self.count(-1)


class TidyLoop(Loop):
    """Takes itself out of the count however it ends."""

    async def serve(self) -> int:
        self.count(1)
        try:
            return await self.fetch()
        finally:
            self.count(-1)


# -- two faults, no fault, and code made in C --------------------------------------------------------------------------


class Retrying:
    """Survives one failed write; the second one leaves the lock taken."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = 0

    def add(self) -> None:
        self.lock.acquire()
        try:
            write(1)
        except OSError:
            write(1)
        self.value += 1
        self.lock.release()


class Racy:
    """Wrong without any fault."""

    def __init__(self) -> None:
        self.value = 0

    def add(self) -> None:
        self.value += 1
        write(1)


class Bounded:
    """Looks, then pushes, through a function made in C."""

    def __init__(self) -> None:
        self.heap: list[int] = []

    def push(self) -> None:
        if not self.heap:
            heapq.heappush(self.heap, 1)


class Translating(Account):
    """Tells its callers of the failed write in words of its own."""

    def deposit(self, amount: int) -> None:
        with self.lock:
            try:
                write(amount)
            except OSError as error:
                raise LookupError("not booked") from error
            self.balance += amount
            self.booked.append(amount)


class Stumbling(Account):
    """Raises something else by mistake while it handles the failed write."""

    def deposit(self, amount: int) -> None:
        with self.lock:
            try:
                write(amount)
            except OSError:
                {}["amount"]
            self.balance += amount
            self.booked.append(amount)
