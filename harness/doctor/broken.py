"""A broken pool in words: who died and how, or that nobody did, and what became of each task.

`BrokenProcessPool` reaches every future that was not done. At the moment of the break, before the pool ends
its other workers, the exit codes and the tasks are looked at. The pool is not changed, but that it begins to refuse
tasks with this look, under its lock, and not a moment later: no task can come between the two.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing.pool
import re
import reprlib
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, process
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from harness.doctor.deaths import Death, memory_evidence, out_of_memory_count
from harness.doctor.taking import BEGUN, Took, journal

REAPING = 5.0
"""How long an exit code may take: a sentinel can close well before it. It never comes if somebody else reaped it."""
ENDING = 2.0
BROKEN = "A child process terminated abruptly, the process pool is not usable anymore"
"""What a broken pool says when it refuses a task; the library's own words."""
SHOWN = 6


@dataclass(frozen=True)
class Task:
    """A task of a broken pool that was not done: its number in the pool, the call, and who took it."""

    number: int
    call: str
    pid: int | None = None
    begun: bool = False

    def __str__(self) -> str:
        if self.pid is None:
            return f"{self.number} {self.call}"
        return f"{self.number} {self.call} on process {self.pid}" + ("" if self.begun else ", while it was loaded")


@dataclass(frozen=True)
class BrokenPool:
    """Why a pool broke, and what became of its tasks."""

    deaths: tuple[Death, ...]
    cannot_load: str
    culprits: tuple[Task, ...]
    finished: int
    may_have_run: tuple[Task, ...]
    never_started: tuple[Task, ...]

    def __str__(self) -> str:
        lines = [f"no process died: {self.cannot_load}"] if self.cannot_load else []
        for death in self.deaths:
            task = next((task for task in self.culprits if task.pid == death.pid), None)
            lines.append(f"{death}{_during(death, task)}")
            if death.memory:
                lines.append(f"  memory         {death.memory}")
        if not lines:
            lines.append("a worker ended, but its exit code could not be had")
        if self.cannot_load and self.culprits:
            lines.append(f"  the task       {_listed(self.culprits, ' or ')}")
        lines.append(f"  finished       {self.finished}")
        lines.append(f"  may have run   {len(self.may_have_run)}{_named(self.may_have_run)}")
        lines.append(f"  never started  {len(self.never_started)}{_named(self.never_started)}")
        return "\n".join(lines)


def _during(death: Death, task: Task | None) -> str:
    if task is None:
        started = "before it took a task: its initializer failed, or it could not start" if death.exitcode >= 0 else ""
        return f" {started}" if started else " while it had no task"
    if not task.begun:
        return f" while it loaded task {task.number}: {task.call}; its function or arguments cannot be loaded there"
    return f" while it ran task {task.number}: {task.call}"


def _named(tasks: tuple[Task, ...]) -> str:
    return f": {_listed(tasks, '; ')}" if tasks else ""


def _listed(tasks: Iterable[Task], between: str) -> str:
    texts = [str(task) for task in tasks]
    more = f"{between}{len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return between.join(texts[:SHOWN]) + more


@dataclass
class Break:
    """What was seen when a pool broke; ``settled`` once its other workers have ended and can take no more tasks.

    ``executor`` is the pool's: it outlives the manager, which a pool forgets when it is shut down. The journal tells
    of its workers after ``since`` only: identifiers of processes are used again.
    """

    manager: int
    executor: Callable[[], Any]
    calls: dict[int, str]
    futures: tuple[Future[Any], ...]
    workers: frozenset[int]
    finished: int
    dead: dict[int, int]
    cause: str
    since: int = 0
    settled: bool = False
    explained: BrokenPool | None = None


class Recorder:
    """Looks at pools when they break; :meth:`install` puts it in place. Counts its users."""

    def __init__(self) -> None:
        self._users = 0
        self.breaks: deque[Break] = deque(maxlen=8)
        self.lost_tasks: dict[int, Death] = {}
        """How the worker ended that had a task of a ``multiprocessing.Pool``, by the task's number."""
        self._since: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._memory = 0
        self._undo: list[tuple[Any, str, Any]] = []

    def install(self) -> None:
        """Watch the pools of this process from now on."""
        self._users += 1
        if self._users > 1:
            return
        journal.install()
        self._memory = out_of_memory_count()
        manager: Any = process._ExecutorManagerThread
        pools: Any = multiprocessing.pool.Pool
        self._replace(manager, "__init__", self._noting(manager.__init__))
        self._replace(manager, "terminate_broken", self._looking(manager.terminate_broken))
        self._replace(pools, "_join_exited_workers", staticmethod(self._joining(pools._join_exited_workers)))

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._undo.append((owner, name, vars(owner)[name]))
        setattr(owner, name, value)

    def _noting(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def init(thread: Any, *args: Any, **kwargs: Any) -> None:
            original(thread, *args, **kwargs)
            self._since[thread] = journal.size()

        return init

    def _looking(self, original: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        @functools.wraps(original)
        def terminate_broken(thread: Any, cause: Any) -> None:
            # Whatever goes wrong with looking, the pool must end as it does without.
            with contextlib.suppress(Exception):
                self._look(thread, cause)
            original(thread, cause)
            for found in tuple(self.breaks):
                found.settled = found.settled or found.manager == id(thread)

        return terminate_broken

    def _joining(self, join: Callable[[list[Any]], Any]) -> Callable[[list[Any]], bool]:
        def joining(pool: list[Any]) -> bool:
            before = list(pool)
            replaced = bool(join(pool))
            # Only now: a worker can end after a look at all of them and before the pool takes it out.
            with contextlib.suppress(Exception):
                for worker in before:
                    if worker not in pool and worker.exitcode:
                        self._lost(worker.pid, worker.exitcode)
            return replaced

        return joining

    def _lost(self, pid: int, exitcode: int) -> None:
        took = [line for line in journal.lines() if line.pid == pid]
        death = self._death(pid, exitcode, took)
        if took:
            self.lost_tasks[took[-1].number] = death

    def _look(self, thread: Any, cause: Any) -> None:
        """Keep what is seen at the break, before the pool ends its other workers."""
        workers = {worker.pid: worker for worker in list(thread.processes.values())}
        dead = {} if cause else _dead(workers)
        executor = thread.executor_reference()  # let go after the lock: what its end calls takes that lock too
        # Whoever submits holds the lock, also while this pipe is full, which nobody else empties.
        thread.thread_wakeup.clear()
        with thread.shutdown_lock:
            if executor is not None:
                executor._broken = BROKEN
                executor._shutdown_thread = True
            items = dict(thread.pending_work_items)
            self.breaks.append(Break(
                id(thread),
                thread.executor_reference,
                {number: call_of(item.fn, item.args) for number, item in items.items()},
                tuple(item.future for item in items.values()),
                frozenset(workers),
                max(0, getattr(executor, "_queue_count", 0) - len(items)),
                dead,
                "".join(cause or ()),
                self._since.get(thread, 0),
            ))  # fmt: skip

    def uninstall(self) -> None:
        """Take everything back with the last user."""
        self._users -= 1
        if self._users:
            return
        for owner, name, original in self._undo:
            setattr(owner, name, original)
        self._undo.clear()
        journal.uninstall()
        self.breaks.clear()
        self.lost_tasks.clear()
        self._since.clear()

    def explain(self, found: Break) -> BrokenPool:
        """In words; waits for the end of the other workers, which may take another task until then."""
        if found.explained is not None:
            return found.explained
        until = time.monotonic() + ENDING
        while not found.settled and time.monotonic() < until:
            time.sleep(0.005)
        took = [line for line in journal.lines(found.since) if line.pid in found.workers]
        tasks = [_task(number, call, took) for number, call in found.calls.items()]
        latest = {line.pid: line.number for line in took}
        if found.cause:
            # A worker that has gone on to another task has sent the result of the one before; others may have.
            begun = [task for task in tasks if task.pid is not None and task.begun]
            culprits = sorted(begun, key=lambda task: latest[task.pid or 0] == task.number)
        else:
            culprits = [task for task in tasks if task.pid in found.dead and latest[task.pid] == task.number]
        found.explained = BrokenPool(
            tuple(self._death(pid, code, took) for pid, code in found.dead.items()),
            cannot_load(found.cause) if found.cause else "",
            tuple(culprits),
            found.finished,
            tuple(task for task in tasks if task.pid is not None),
            tuple(task for task in tasks if task.pid is None),
        )
        return found.explained

    def _death(self, pid: int, exitcode: int, took: Iterable[Took]) -> Death:
        limit = next((line.limit for line in reversed(tuple(took)) if line.pid == pid), -1)
        found = Death(pid, exitcode, memory_evidence(pid, exitcode, self._memory, limit))
        self._memory = out_of_memory_count()
        return found


def _dead(workers: dict[int, Any]) -> dict[int, int]:
    """The exit codes of the workers that have ended, once there is one; looked for once more after the deadline."""
    until = time.monotonic() + REAPING
    while True:
        late = time.monotonic() >= until
        dead = {pid: worker.exitcode for pid, worker in workers.items() if worker.exitcode is not None}
        if dead or late:
            return dead
        time.sleep(0.005)


def _task(number: int, call: str, took: Iterable[Took]) -> Task:
    lines = [line for line in took if line.number == number]
    pid = lines[-1].pid if lines else None
    return Task(number, call, pid, any(line.kind == BEGUN for line in lines))


def call_of(function: Any, args: tuple[Any, ...]) -> str:
    """A call in words; the arguments only where showing them runs no code of the user's. Never raises."""
    try:
        return _call(function, args)
    except Exception:
        return f"a call of {type(function).__qualname__} that cannot be shown"


def _call(function: Any, args: tuple[Any, ...]) -> str:
    function, args = _unwrapped(function, args)
    if function is process._process_chunk:
        called, chunk = args
        if len(chunk) == 1:
            return _call(called, chunk[0])
        return f"{len(chunk)} x {_name(_unwrapped(called, ())[0])}"
    plain = (int, float, str, bytes, bool, type(None))
    shown = ", ".join(reprlib.repr(arg) if type(arg) in plain else type(arg).__name__ for arg in args)
    return f"{_name(function)}({shown})"


def _unwrapped(function: Any, args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """What a partial calls: those of `map` are some, and an executor of a user's may hand on partials of them."""
    while issubclass(type(function), functools.partial):
        function, args = function.func, (*function.args, *args)
    return function, args


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", type(function).__qualname__))


_MISSING = re.compile(r"TypeError: (?P<what>[\w.<>]+)\.__init__\(\) missing .*?: (?P<names>.*)")


def cannot_load(trace: str) -> str:
    """In words, why a result could not be loaded, from the traceback of loading it."""
    last = next((line for line in reversed(trace.strip().splitlines()) if line and not line.startswith(" ")), "?")
    found = _MISSING.fullmatch(last.strip())
    if found:
        names = found["names"].replace("'", "")
        many = "arguments" if " and " in names else "argument"
        return f"exception {found['what']} cannot be loaded: {many} {names} missing (give it a __reduce__)"
    return f"a result cannot be loaded: {last.strip()}"


recorder = Recorder()


def explain_broken_pool(error: BaseException) -> BrokenPool | None:
    """Return why the process pool broke that ``error``, or an error behind it, tells of; None if that is not known.

    In pytest pools are watched from the start; elsewhere within :func:`watch_pools`.
    """
    for link in _chain(error):
        if isinstance(link, BrokenExecutor):
            pools = list(_pools_in(link.__traceback__))
            for found in reversed(tuple(recorder.breaks)):
                futures: Any = found.futures
                refused = any(pool is found.executor() for pool in pools)
                if refused or any(future._exception is link for future in futures):
                    return recorder.explain(found)
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    following = [error]
    while following:
        error = following.pop(0)
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        following += [error.__cause__, error.__context__, *getattr(error, "exceptions", ())]


def _pools_in(trace: TracebackType | None) -> Iterator[process.ProcessPoolExecutor]:
    """The pools that a traceback goes through: one that is broken already refuses what is submitted."""
    while trace is not None:
        owner = trace.tb_frame.f_locals.get("self")
        if isinstance(owner, process.ProcessPoolExecutor):
            yield owner
        trace = trace.tb_next


def lost_task(result: Any) -> str:
    """In words, that the worker which had a task of a ``multiprocessing.Pool`` died; nothing if none did."""
    death = recorder.lost_tasks.get(getattr(result, "_job", -1))
    if death is None:
        return ""
    return f"{death} while it had the task: the pool has replaced it, and the result will never come"


@contextlib.contextmanager
def watch_pools() -> Iterator[None]:
    """Watch the process pools of this process inside the block, for :func:`explain_broken_pool`."""
    recorder.install()
    try:
        yield
    finally:
        recorder.uninstall()
