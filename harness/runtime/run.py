"""One schedule: real threads, one baton, an exact set of threads that can run.

Exactly one controlled thread holds the baton (`current`); the others sleep on their worker's lock. All bookkeeping
happens in the holder, or in the exploring thread while nobody holds it, so it needs no lock of its own. A thread
that comes back from C without the baton, or a thread that is not ours, only appends to `returned` and `outside`.
"""

from __future__ import annotations

import functools
import sys
import threading
from _thread import TIMEOUT_MAX
from collections import deque
from collections.abc import Callable, Sequence
from operator import or_
from types import FrameType
from typing import Any

from harness.instrument.scope import Scope
from harness.instrument.sites import AnySite, SyncSites
from harness.model import one_line
from harness.runtime.active import slot
from harness.runtime.clock import Clock
from harness.runtime.creation import GATES, waits_for
from harness.runtime.ending import unwind
from harness.runtime.identity import Identity
from harness.runtime.injection import Fault, Faults
from harness.runtime.locks import refuse
from harness.runtime.outcome import Ending, Outcome, Waiting
from harness.runtime.roles import Observer, Strategy
from harness.runtime.spin import Rotation, watch
from harness.runtime.tasks import (
    State,
    Task,
    Unwound,
    Wait,
    Worker,
    Workers,
    bind,
    get_ident,
    mark_ended,
    native_lock,
)
from harness.runtime.threads import adopt
from harness.runtime.watch import Supervisor

READ, WRITE, BOTH = 1, 2, 3
SPIN_WATCH_FROM = 50
UNWIND_LIMIT = 100
REPAIRS_LOCALS = sys.version_info < (3, 12)
"""On 3.11 a traced frame writes its locals back when it resumes: read them again, or closure cells go stale."""


class Run:
    """Executes one schedule; see :meth:`execute`."""

    def __init__(
        self,
        strategy: Strategy,
        scope: Scope,
        syncs: SyncSites,
        clock: Clock,
        workers: Workers,
        *,
        early_timeouts: bool = False,
        faults: Sequence[Fault] = (),
        most_faults: int = 0,
        watchdog: float = 10.0,
        max_points: int = 300_000,
        everywhere: bool = False,
    ) -> None:
        self.strategy = strategy
        self.scope = scope
        self.syncs = syncs
        self.clock = clock
        self.workers = workers
        self.early_timeouts = early_timeouts
        self.faults = Faults(self, faults, most_faults) if faults else None
        self.restless = early_timeouts or (self.faults is not None and self.faults.fires_timeouts)
        """Whether waits may time out although threads can run."""
        self.watchdog = watchdog
        self.max_points = max_points
        self.everywhere = everywhere
        self.tasks: list[Task] = []
        self.by_ident: dict[int, Task] = {}
        self.ready: set[int] = set()
        self._enabled: tuple[int, ...] | None = None
        self.current: Task | None = None
        self.step = 0
        self.log: list[tuple[int, AnySite, int, Any, int]] = []
        self.choices: list[tuple[int, int, tuple[int, ...]]] = []
        self.cold: set[AnySite] = set()
        self.held: set[AnySite] = set()
        self.identity = Identity()
        self.hashed = 0
        self.locks: dict[int, Any] = {}
        self.notified: dict[int, Any] = {}
        self.woken: set[int] = set()
        self.passed: list[Any] = []
        self.returned: deque[Task] = deque()
        self.outside: deque[Any] = deque()
        self.outsiders = 0
        """How often a thread that is not ours ran the target's code."""
        self.others: dict[int, Any] = {}
        """The locks that threads that are not ours used; they live on, so that their addresses stay theirs."""
        self.externals: list[str] = []
        self.early = 0
        self.unwinding = False
        self.ending: Ending | None = None
        self.scenario_left = 0
        self.rotation = Rotation()
        self.main = native_lock()
        self.main.acquire()
        self.unwound = native_lock()
        self.unwound.acquire()
        self.observer: Observer | None = None
        self.stuck: list[str] = []
        self.judged: list[Waiting] = []

    # -- the exploring thread ------------------------------------------------------------------------------------

    def execute(
        self,
        bodies: Sequence[Callable[[], Any]],
        names: Sequence[str],
        symmetry: Sequence[int],
        started: Sequence[tuple[threading.Thread, Worker]] = (),
    ) -> Outcome:
        """Run ``bodies`` to their end under the strategy and say how it ended; leaves no thread of the run alive.

        ``started`` are threads that the target has started before; the schedule does not wait for their end.
        """
        for body, name, kind in zip(bodies, names, symmetry, strict=True):
            self.spawn(name, body, scenario=True).symmetry = kind
        for thread, worker in started:
            adopt(self, thread, worker)
        slot.run = self
        supervisor = Supervisor(self)
        try:
            self._hand_baton(self.forced("start"))
            supervisor.wait()
        except BaseException:
            supervisor.halt()
            raise
        finally:
            unwind(self)
            slot.run = None
        outcome = Outcome.of(self)
        for task in self.tasks:
            task.forget()
        return outcome

    # -- the life of a task --------------------------------------------------------------------------------------

    def spawn(
        self, name: str, body: Callable[[], Any], *, scenario: bool = False, worker: Worker | None = None
    ) -> Task:
        """Add a thread to the schedule; it becomes runnable at once."""
        task = Task(len(self.tasks), name, body, worker or self.workers.take(), scenario)
        task.worker.thread._name = name  # type: ignore[attr-defined]
        self.tasks.append(task)
        self.scenario_left += scenario
        bind(self, task)
        self._make_ready(task)
        return task

    def carry(self, task: Task) -> None:
        """Run the task's body in its worker and pass the baton on when it ends."""
        try:
            task.result = task.body()
        except Unwound:
            pass
        except BaseException as error:
            if not self.unwinding:
                task.error = error
        try:
            self._finish(task)
        except Unwound:
            # The body ended by itself, and the exception that was to end it came late.
            self._finish(task)

    def _finish(self, task: Task) -> None:
        if self.current is not task and not self.unwinding:
            self._rejoin(task)
        if self.faults is not None and task.joiners and not self.unwinding:
            following = self.faults.time_out(task.index, "exit")
            if following is not None:
                self._hand_baton(following)
                self._park(task)
        task.state = State.DONE
        self.ready.discard(task.index)
        self._enabled = None
        for joiner in task.joiners:
            self._wake(joiner)
        self.log.append((task.index, self.syncs.ended, self.identity.of_lasting(task), "end", WRITE))
        if task.thread is not None:
            mark_ended(task.thread)
        if self.unwinding:
            if self.unwound.locked():
                self.unwound.release()
            return
        self.rotation.moved()
        self.scenario_left -= task.scenario
        if not self.scenario_left:
            self._end(Ending.COMPLETE)
            return
        following = self.forced("end")
        self._hand_baton(following)

    def _end(self, ending: Ending) -> None:
        self.ending = ending
        self.current = None
        self.main.release()

    def abort(self, task: Task, reason: str) -> None:
        """Stop the schedule from inside a task, with a reason that makes the exploration inconclusive."""
        self.stuck.append(reason)
        self._end(Ending.ABORTED)
        self._park(task)

    # -- the baton -----------------------------------------------------------------------------------------------

    def enabled(self) -> tuple[int, ...]:
        """The threads that can run now, lowest first; of interchangeable threads not yet started only the first."""
        found = self._enabled
        if found is None:
            seen: set[int] = set()
            indices = []
            for index in sorted(self.ready):
                task = self.tasks[index]
                if task.symmetry is not None and not task.started:
                    if task.symmetry in seen:
                        continue
                    seen.add(task.symmetry)
                indices.append(index)
            if self.early_timeouts:
                indices += [t.index for t in self.tasks if t.state is State.BLOCKED and t.deadline is not None]
                indices.sort()
            found = self._enabled = tuple(indices)
        return found

    def _make_ready(self, task: Task) -> None:
        task.state = State.READY
        self.ready.add(task.index)
        self._enabled = None

    def _wake(self, task: Task, *, timed_out: bool = False) -> None:
        if task.state is State.BLOCKED:
            task.timed_out = timed_out
            self._make_ready(task)

    def forced(self, why: str) -> Task | None:
        """The next holder where the current one cannot go on; None when nobody can."""
        while True:
            if self.returned or self.outside:
                self._drain()
            enabled = self.enabled()
            if enabled:
                holder = -1 if self.current is None else self.current.index
                hit = self.faults.time_out(holder, why) if self.faults is not None else None
                return hit or self.choose(enabled, why)
            if not self.fire_timers():
                return None

    def choose(self, enabled: tuple[int, ...], why: str) -> Task:
        if len(enabled) == 1:
            chosen = enabled[0]
        else:
            self.step += 1
            if self.strategy.records:
                self.choices.append((self.step, -1, enabled))
            chosen = self.strategy.at_switch(self.step, enabled, why)
        following = self.tasks[chosen]
        self._early(following)
        return following

    def _early(self, task: Task) -> None:
        if task.state is State.BLOCKED:
            self.early += 1
            self._wake(task, timed_out=True)

    def fire_timers(self, until: float | None = None) -> bool:
        """Let the virtual clock jump to ``until``, or the earliest deadline; False when nobody waits for one."""
        waiting = [t for t in self.tasks if t.state is State.BLOCKED and t.deadline is not None]
        if not waiting:
            return False
        first = min(t.deadline for t in waiting if t.deadline is not None)
        self.clock.now = max(self.clock.now, first if until is None else until)
        for task in waiting:
            if task.deadline is not None and task.deadline <= self.clock.now:
                self._wake(task, timed_out=True)
        return True

    def _hand_baton(self, following: Task | None) -> None:
        """Give the baton to ``following``; with nobody to run, to the exploring thread, which judges or waits."""
        self.current = following
        if following is None:
            self.main.release()
            return
        if not following.started:
            following.started = True
            self._enabled = None
        following.worker.park.release()

    def _park(self, task: Task) -> None:
        task.worker.park.acquire()
        if self.unwinding:
            self.reraise(task)

    def reraise(self, task: Task) -> None:
        """End ``task`` at its yield point; a bounded number of times, since code may swallow the exception."""
        task.unwinds += 1
        if task.unwinds <= UNWIND_LIMIT:
            raise Unwound

    def block(self, task: Task, wait: Wait, deadline: float | None = None) -> bool:
        """Park the holder until it is woken (True) or its deadline passed (False)."""
        if self.unwinding:
            self.reraise(task)
        task.state = State.BLOCKED
        task.wait = wait
        task.deadline = deadline
        task.timed_out = False
        self.ready.discard(task.index)
        self._enabled = None
        following = self.forced("block")
        if following is not task:
            self._hand_baton(following)
            self._park(task)
        task.wait = None
        task.deadline = None
        return not task.timed_out

    def _rejoin(self, task: Task) -> None:
        """A task that had been given up as blocked in C is back: it queues for the baton."""
        self.returned.append(task)
        self._park(task)

    def _drain(self) -> None:
        while self.returned:
            task = self.returned.popleft()
            self._make_ready(task)
        while self.outside:
            for waiter in tuple(self.outside.popleft()._waiters):
                self._wake(waiter)

    # -- yield points --------------------------------------------------------------------------------------------

    def access(self, task: Task, site: AnySite, frame: FrameType) -> None:
        """A shared access is about to happen in ``frame``."""
        if self.current is not task and not self.unwinding:
            self._rejoin(task)
        try:
            touches = site.touch(frame)
        except RecursionError:
            raise
        except Exception as error:
            self.abort(task, f"internal error at {site.label!r}, line {site.line}: {one_line(error)}; please report it")
            return
        if not touches:
            return
        if self.observer is None:
            self._point(task, site, touches, frame, frame)
        else:
            self._observed(task, site, touches, frame, frame)

    def _observed(
        self, task: Task, site: AnySite, touches: Sequence[tuple[Any, Any, int]], frame: FrameType, user: FrameType
    ) -> None:
        observer = self.observer
        assert observer is not None
        observer.arrive(task.index, site, user)
        self._point(task, site, touches, frame, user)
        observer.act(task.index, site, user, functools.reduce(or_, (mode for *_, mode in touches)))

    def _point(
        self, task: Task, site: AnySite, touches: Sequence[tuple[Any, Any, int]], frame: FrameType, user: FrameType
    ) -> None:
        if self.unwinding:
            self.reraise(task)
            return
        self.step += 1
        if self.step > self.max_points:
            self._end(Ending.ENDLESS)
            self._park(task)
        log, index, numbers = self.log, task.index, self.identity.numbers
        for thing, key, mode in touches:
            number = numbers.get(id(thing))
            if number is None:
                number = self.identity.add(thing)
            log.append((index, site, number, key, mode))
        if not site.hot and not self.everywhere:
            self.cold.add(site)
        elif len(self.ready) > 1 or self.restless or self.returned or self.outside:
            self._consider(task, site, frame)
        task.quiet += 1
        if task.quiet > SPIN_WATCH_FROM or task.spinning:
            watch(self, task, site, user)

    def _consider(self, task: Task, site: AnySite, frame: FrameType) -> None:
        """Offer the strategy a preemption, unless code that is not the target's is on the way."""
        if self.returned or self.outside:
            self._drain()
        enabled = self.enabled()
        if len(enabled) < 2 and not (self.faults is not None and self.faults.waits()):
            return
        if self.scope.atomic(frame):
            self.held.add(site)
            return
        hit = self.faults.time_out(task.index, "point") if self.faults is not None else None
        if hit is not None:
            self.yield_to(task, hit.index, frame)
            return
        if len(enabled) < 2:
            return
        if self.strategy.records:
            self.choices.append((self.step, task.index, enabled))
        chosen = self.strategy.at_point(self.step, task.index, enabled, site)
        if chosen != task.index:
            self.yield_to(task, chosen, frame)

    def yield_to(self, task: Task, chosen: int, frame: FrameType) -> None:
        """Park the holder, still runnable, and let ``chosen`` run."""
        following = self.tasks[chosen]
        self._early(following)
        self._hand_baton(following)
        self._park(task)
        if REPAIRS_LOCALS:
            frame.f_locals  # noqa: B018

    # -- synchronisation -----------------------------------------------------------------------------------------

    def sync(self, task: Task, verb: str, touches: Sequence[tuple[Any, Any, int]]) -> None:
        """A yield point at an operation of a synchronisation primitive."""
        if self.unwinding:
            return
        if self.current is not task and not self.unwinding:
            self._rejoin(task)
        frame, user = self.scope.caller(sys._getframe(2))
        site = self.syncs.at(user, verb)
        if self.observer is None:
            self._point(task, site, touches, frame, user)
        else:
            self._observed(task, site, touches, frame, user)

    def acquire(self, task: Task, lock: Any, blocking: bool, timeout: float) -> bool:
        """``lock.acquire`` in a controlled thread."""
        if timeout != -1 and (not blocking or timeout < 0 or timeout > TIMEOUT_MAX):
            refuse(native_lock(), blocking, timeout)
        probing = not blocking or timeout == 0 or (timeout > 0 and self.restless)
        touches: tuple[tuple[Any, Any, int], ...] = ((lock, "lock", BOTH),)
        if probing:
            touches += ((lock, "state", READ),)
        self.sync(task, "acquire", touches)
        if lock._site is not None and (lock._site[3] not in GATES or waits_for(lock._site[3], sys._getframe(1))):
            slot.taken.add((*lock._site, "no-op"))
        deadline = self.clock.now + timeout if timeout > 0 else None
        while not lock._native.acquire(False):
            if self.unwinding:
                self.reraise(task)
            if not blocking or timeout == 0:
                return False
            lock._waiters.append(task)
            try:
                woken = self.block(task, Wait("acquire", lock, task.waiting_for), deadline)
            finally:
                if task in lock._waiters:  # not where this thread was lost, and the lock freed without it
                    lock._waiters.remove(task)
            if not woken and not lock._native.acquire(False):
                return False
            if not woken:
                break
        lock._owner = task
        self.locks[id(lock)] = lock
        if lock._waiters:
            self._taken(lock)
        return True

    def _taken(self, lock: Any) -> None:
        """Those that were woken by the release but came too late wait again, without having run."""
        for waiter in lock._waiters:
            if waiter.state is State.READY and not waiter.timed_out:
                waiter.state = State.BLOCKED
                self.ready.discard(waiter.index)
        self._enabled = None

    def release(self, task: Task, lock: Any) -> None:
        """``lock.release`` in a controlled thread: a yield point only where somebody probes the lock."""
        if not self.unwinding:
            self.sync(task, "release", ((lock, "state", WRITE),))
        lock._owner = None
        lock._native.release()
        self.locks.pop(id(lock), None)
        if lock._waiters:
            for waiter in tuple(lock._waiters):
                self._wake(waiter)

    def pass_by(self, task: Task, lock: Any) -> None:
        """``lock.acquire`` in a controlled thread, of a lock that is made a no-op: only the yield point stays."""
        self.sync(task, "acquire", ((lock, "lock", BOTH),))

    def probe(self, task: Task, lock: Any) -> None:
        """``lock.locked`` in a controlled thread."""
        if not self.unwinding:
            self.sync(task, "locked", ((lock, "state", READ), (lock, "lock", READ)))

    def released_outside(self, lock: Any) -> None:
        """A thread that is not ours released ``lock``."""
        self.others[id(lock)] = lock
        if lock._waiters:
            self.outside.append(lock)

    def meets_others(self) -> bool:
        """Whether threads that are not ours may yet let this schedule go on: they use what its threads use."""
        numbers = self.identity.numbers
        return self.outsiders > 0 or any(address in numbers for address in tuple(self.others))

    def sleep(self, task: Task, seconds: float) -> None:
        """``time.sleep`` in a controlled thread: until the virtual clock reaches the moment."""
        self.sync(task, "sleep", ((self.clock, "sleep", READ),))
        if seconds <= 0:
            self.rotation.give_way(self, task)
        else:
            self.block(task, Wait("sleep", f"{seconds:g} s"), self.clock.now + seconds)

    def join(self, task: Task, target: Task, timeout: float | None) -> None:
        """``Thread.join`` in a controlled thread."""
        self.sync(task, "join", ((target, "end", READ),))
        if target.state is State.DONE or (timeout is not None and timeout <= 0):
            return
        target.joiners.append(task)
        self.block(task, Wait("join", target), None if timeout is None else self.clock.now + timeout)

    def probe_end(self, task: Task, target: Task) -> None:
        """``Thread.is_alive`` in a controlled thread."""
        if not self.unwinding:
            self.sync(task, "is_alive", ((target, "end", READ),))


__all__ = ["Run", "get_ident"]
