"""The process of one case: makes the pool, brings it to a known state, lets the fault strike and records what follows.

The state is the same in every run: K-1 tasks have ended, the K-th runs and is about to be hit, one task is held in each
other worker, the rest are queued. Held tasks go on when the fate of the K-th is known. So the outcome does not depend
on who was faster.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import psutil

from harness.faults import acts
from harness.faults.case import Case
from harness.faults.catalogue import Stage
from harness.faults.fingerprint import digest
from harness.faults.injected import Injected, named, unimportable
from harness.faults.ledger import Ledger, birth
from harness.faults.leftovers import beyond, count, note_shared_memory
from harness.faults.patience import Patience
from harness.faults.plan import parse
from harness.faults.pools import pool_type
from harness.model import UsageError, one_line
from harness.oracles.survival import ANSWERS, ANY, Record

BLOCKED = 0.5
_START = threading.Thread.start


def failing_initializer() -> None:
    """What a worker runs first, and fails at."""
    raise ValueError("the worker cannot be set up")


class Drive:
    """One case, from making the pool to closing it."""

    def __init__(self, case: Case, folder: str) -> None:
        self.case, self.plan = case, parse(case.plan)
        self.ledger = Ledger(folder)
        self.patience = Patience(case.patience, self.ledger.size)
        self.pool: Any = None
        self._read: tuple[int, tuple[Record, ...]] = (-1, ())
        self._closing: threading.Thread | None = None
        self._changes_results = False

    def run(self) -> bool:
        """Run the case; whether nothing was left, so that the process should end by itself."""
        self.ledger.write("case", number=self.case.workers)
        before = self._rehearse()
        with self._at_start():
            self.pool = self._make(self.plan.fault == "failing-initializer")
            acts.INSIDE[self.ledger.folder] = self._submit_of(self.pool)
            if self.plan.what.warm:
                self._together("w")
        if not self.plan.what.warm:
            self._strike_outside()
        self._strike()
        self._look()
        if not self.plan.what.ends_pool:
            self.ledger.write("capacity", number=self._together("p"), text=str(self.case.workers))
        return self._finish(before)

    def _look(self) -> None:
        """Ask the user's check what is wrong with the pool."""
        wrong = named(self.case.check)(self.pool) if self.case.check else ""
        if isinstance(wrong, bool):
            said = "must return what is wrong as text, and nothing if all is right"
            raise UsageError(f"survives: the check {self.case.check} returned {wrong}: it {said}")
        if wrong:
            self.ledger.write("wrong", text=str(wrong))

    def strike(self, pool: Any) -> None:
        """One fault in a pool that is there already and lives on: its workers are busy with nothing else."""
        self.pool = pool
        self.ledger.write("case", number=self.case.workers)
        self._together("w")
        self._strike()
        self.ledger.write("capacity", number=self._together("p"), text=str(self.case.workers))
        self.ledger.write("end")

    def _rehearse(self) -> Any:
        """A pool without a fault, from beginning to end: what is there afterwards belongs to the process for good."""
        self.pool = self._make(False)
        for name in (self.case.submit, self.case.close):
            if name and not callable(getattr(self.pool, name, None)):
                kind = type(self.pool).__name__
                raise UsageError(f"survives: the pool, a {kind}, has no method {name!r}: name another")
        if self._together("w") < self.case.workers:
            raise RuntimeError(self._why_idle())
        self._changes_results = self._results_are_changed()
        self._close()
        if self._is_closing():
            raise RuntimeError("the pool cannot be closed even without a fault: the call does not return")
        if failed := self._records("close-failed"):
            raise RuntimeError(f"the pool cannot be closed even without a fault: {failed[0].text}")
        self.pool, self._closing = None, None
        before = count()
        self.patience.until(lambda: count() == before)
        for name in ("all-w",):
            os.unlink(os.path.join(self.ledger.folder, f"mark-{name}"))
        return count()

    def _why_idle(self) -> str:
        """Why not every worker has ended a task, though there was no fault."""
        for record in self._records("refused", "error", "broken"):
            was = "was refused" if record.event == "refused" else "ended"
            return f"a task without a fault {was} with {record.text}"
        workers, seconds = self.case.workers, self.patience.seconds
        events = [record.event for record in self._records("taken", "started")]
        running = events.index("started") if "started" in events else len(events)
        if not running:
            return f"no worker took a task, and nothing moved for {seconds:g} s: raise --patience if they start slowly"
        if running < workers:
            return (
                f"the pool ran {running} of {workers} tasks at the same time: "
                f"make a pool of {workers} workers, or say workers={running}"
            )
        ended = len({record.task for record in self._records("result")})
        return (
            f"{ended} of {workers} tasks without a fault ended before nothing had moved for {seconds:g} s, "
            f"or {self.patience.most:g} s were over: raise --patience"
        )

    def _make(self, broken: bool) -> Any:
        initializer = failing_initializer if broken else None
        kind, _, name = self.case.target.partition(":")
        if kind == "pool":
            return pool_type(name).make(self.case.workers, initializer)
        make = named(self.case.target)
        if not broken:
            return make()
        if "initializer" not in inspect.signature(make).parameters:
            raise RuntimeError(f"{self.case.target} takes no argument `initializer`, by which a worker is made to fail")
        return make(initializer=initializer)

    @contextlib.contextmanager
    def _at_start(self) -> Iterator[None]:
        """What the parent holds and has while its workers start."""
        if self.plan.fault == "fork-live-threads":
            acts.OTHERS.submit(int).result()
        if self.plan.fault != "fork-held-lock":
            yield
            return
        with acts.HELD:
            yield

    def _submit_of(self, pool: Any) -> Callable[..., Future[Any]]:
        submit: Callable[..., Future[Any]] = getattr(pool, self.case.submit)
        return submit

    def _submit(self, task: str, *more: Any) -> None:
        """Submit a task and record what its caller gets in the end."""
        self.ledger.write("submitted", task)
        injected = Injected(self.ledger.folder, str(self.plan), task, self.case.body)
        try:
            future = self._submit_of(self.pool)(injected, *more)
        except Exception as error:
            self.ledger.write("refused", task, text=one_line(error))
        else:
            future.add_done_callback(functools.partial(self._answered, task))

    def _answered(self, task: str, future: Future[Any]) -> None:
        try:
            value = future.result()
        except (BrokenExecutor, CancelledError) as error:
            self.ledger.write("broken", task, text=one_line(error))
        except BaseException as error:
            self.ledger.write("error", task, text=one_line(error))
        else:
            self.ledger.write("result", task, text=self._delivered(task, digest(value)))

    def _delivered(self, task: str, got: str) -> str:
        """The digest of what a caller got; where the pool makes something else of results, that of the task's own."""
        own = [record.text for record in self._records("finished") if record.task == task]
        return own[-1] if own and self._changes_results else got

    def _results_are_changed(self) -> bool:
        """Whether callers got what no task returned, each something else, though there was no fault."""
        returned = {record.text for record in self._records("finished")}
        got = {record.text for record in self._records("result")}
        return not got <= returned and len(got) == len(returned)

    def _records(self, *events: str) -> list[Record]:
        size = self.ledger.size()
        known, records = self._read  # once: another thread may put what it read earlier in its place meanwhile
        if size != known:
            records = self.ledger.read()
            self._read = size, records
        return [record for record in records if record.event in events]

    def _has(self, task: str, *events: str) -> bool:
        return any(record.task == task for record in self._records(*events))

    def _done(self, tasks: list[str]) -> Callable[[], bool]:
        return lambda: {record.task for record in self._records(*ANSWERS)} >= set(tasks)

    def _together(self, role: str) -> int:
        """Give every worker a task at the same time; how many of them ended well."""
        known = len(self._records("submitted"))
        tasks = [f"{role}{known + number}" for number in range(1, self.case.workers + 1)]
        for task in tasks:
            self._submit(task)
        self.patience.until(lambda: {r.task for r in self._records("taken", "refused", "broken")} >= set(tasks))
        taken = {record.task for record in self._records("taken") if record.task in tasks}
        self.ledger.mark(f"all-{role}")
        self.patience.until(self._done(tasks))
        return len(taken & {record.task for record in self._records("result")})

    def _strike(self) -> None:
        """Up to the fault, the fault, and what becomes of every task."""
        fault, last = self.plan.what, self.case.tasks
        victim = f"t{self.plan.task}"
        idle = self.plan.fault == "kill-idle"
        for number in range(1, self.plan.task + idle):
            self._submit(f"t{number}")
            if idle and number == self.plan.task:
                self.ledger.mark("go")
            self.patience.until(self._done([f"t{number}"]))
        if idle:
            self._strike_outside()
        else:
            self.ledger.mark("hold")
            self._submit_victim(victim)
        rest = [f"t{number}" for number in range(self.plan.task + 1, last + 1)]
        for task in rest:
            self._submit(task)
        full = min(self.case.workers, len(rest) + 1)
        self.patience.until(lambda: self._running() >= full or self._has(victim, *ANSWERS))
        if fault.stage is Stage.OUTSIDE and fault.warm and not idle:
            self._strike_outside()
        self.ledger.mark("go")
        self.patience.until(self._done([victim]))
        self.ledger.mark("release")
        tasks = [record.task for record in self._records("submitted") if record.task.startswith("t")]
        self.patience.until(self._done(tasks))
        for task in tasks:
            if not self._has(task, *ANSWERS):
                self.ledger.write("gave-up", task)

    def _submit_victim(self, victim: str) -> None:
        if self.plan.fault == "failing-import":
            self.ledger.write("fault", victim, text=str(self.plan))
            self.ledger.write("raised", victim, text=ANY)
            self._submit(victim, unimportable())
        else:
            self._submit(victim)
        self.patience.until(lambda: self._has(victim, "taken", *ANSWERS))

    def _running(self) -> int:
        ended = {record.task for record in self._records("finished", "raised", *ANSWERS)}
        return len({record.task for record in self._records("taken") if record.task.startswith("t")} - ended)

    def _strike_outside(self) -> None:
        """The faults that strike in this process, or in its workers while they have no task."""
        if self.plan.fault == "failing-initializer":
            self.ledger.write("fault", text=str(self.plan))
        elif self.plan.fault == "no-thread":
            self._refuse_a_thread()
        elif self.plan.fault == "kill-idle":
            self._kill_workers()
        elif self.plan.fault == "blocked-loop":
            self.ledger.write("fault", text=str(self.plan))
            self.pool.loop.call_soon_threadsafe(time.sleep, BLOCKED)
        elif self.plan.fault == "shutdown-race":
            self.ledger.write("fault", text=str(self.plan))
            self._close(wait=False)
            time.sleep(0.2)  # long enough to be at it; if not, the pool takes one task more
            late = f"t{self.case.tasks + 1}"
            self.ledger.write("raised", late, text=ANY)
            self._submit(late)

    def _refuse_a_thread(self) -> None:
        def refuse(thread: threading.Thread) -> None:
            setattr(threading.Thread, "start", _START)  # noqa: B010  mypy allows no assignment to a method
            self.ledger.write("fault", text=str(self.plan))
            raise RuntimeError("can't start new thread")

        setattr(threading.Thread, "start", refuse)  # noqa: B010

    def _kill_workers(self) -> None:
        """Kill the workers that have run tasks: processes of this case only, by pid and start time."""
        children = {child.pid for child in psutil.Process().children(recursive=True)}
        workers = {(r.pid, r.birth) for r in self._records("taken") if r.pid in children and birth(r.pid) == r.birth}
        order = sorted(workers)
        random.Random(self.plan.seed).shuffle(order)
        for pid, _ in order:
            self.ledger.write("fault", text=str(self.plan), pid=pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.patience.until(lambda: not any(_runs(pid, born) for pid, born in order))

    def _close(self, wait: bool = True) -> None:
        """Close the pool as its user would, on a thread, for it may never return."""
        if self._closing is None:
            self._closing = threading.Thread(target=self._end_of_pool(), name="chaos-close", daemon=True)
            _START(self._closing)  # the fault `no-thread` is not for this one
        if wait:
            self.patience.until(lambda: not self._is_closing())

    def _end_of_pool(self) -> Callable[[], None]:
        """The call that closes the pool; what it raises is recorded."""
        names = [self.case.close] if self.case.close else ["shutdown", "close"]
        found = [getattr(self.pool, name) for name in names if hasattr(self.pool, name)]

        def end() -> None:
            try:
                if found:
                    found[0]()
            except BaseException as error:
                self.ledger.write("close-failed", text=one_line(error))

        return end

    def _is_closing(self) -> bool:
        return self._closing is not None and self._closing.is_alive()

    def _finish(self, before: Any) -> bool:
        self._close()
        closed = not self._is_closing()
        if closed:
            acts.INSIDE.clear()
            self.pool = None
        acts.OTHERS.shutdown()
        self.ledger.write("closed" if closed else "cannot-close")
        if not closed:
            before["thread"] += 1  # the one that closes
        self.patience.until(lambda: not beyond(count(), before))
        left = beyond(count(), before)
        for what in left:
            self.ledger.write("left", text=what)
        self.ledger.write("end")
        return closed and not left


def _runs(pid: int, born: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return birth(pid) == born and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _end_with(parent: int, seconds: float, folder: str) -> None:
    """End the session of this case when whoever started it has gone, or forgotten it."""
    deadline = time.monotonic() + seconds
    while os.getppid() == parent and time.monotonic() < deadline:
        time.sleep(1)
    if os.getsid(0) == os.getpid():
        over = folder + "-over"  # by this name no other thread or process of the case puts anything into it
        with contextlib.suppress(OSError):
            os.rename(folder, over)
        shutil.rmtree(over, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)


def _end_strays() -> None:
    """End the descendants that left the session of this case: nobody else would find them once it has ended."""
    strays = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(child.pid) != os.getsid(0):
                child.kill()
                strays.append(child)
    psutil.wait_procs(strays, timeout=10)  # on a busy machine the end may take its time


def _heed_signals() -> None:
    """Take signals that are ignored: a shell starts what runs in the background so, and a fault would not strike."""
    for number, heeded in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, heeded)


def main(folder: str, parent: str) -> None:
    """Run the case that a folder describes, for the process `parent`. It ends by itself only if it should be able."""
    _heed_signals()
    case = Case.load(Path(folder, "case.json").read_text("utf-8"))
    sys.path[1:1] = [entry for entry in case.path if entry not in sys.path]
    forgotten = case.deadline + 60
    threading.Thread(target=_end_with, args=(int(parent), forgotten, folder), name="chaos-parent", daemon=True).start()
    resource_tracker.ensure_running()  # it stays for the life of the process
    note_shared_memory()
    try:
        clean = Drive(case, folder).run()
    except UsageError as error:
        Ledger(folder).write("wrong-usage", text=str(error))
        raise
    except Exception as error:
        Ledger(folder).write("broken-case", text=one_line(error))
        raise
    finally:
        _end_strays()
    if not clean:
        os._exit(0)
