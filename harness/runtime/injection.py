"""Faults as choices of a schedule: offers them to the strategy where they can happen, and notes the chosen ones.

A call fails in its own thread, a time-out is a jump of the virtual clock, a cancellation is a thread of its own: each
is something that can happen to the program as it is. It judges nothing.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from harness.runtime.roles import ChoosesFaults, Offer
from harness.runtime.tasks import State, Task
from harness.strategies.systematic import FAULT

if TYPE_CHECKING:
    from harness.runtime.run import Run


@dataclass(frozen=True, slots=True, eq=False)
class CallFails:
    """Calls of ``holder.name`` may raise what ``make`` gives, instead of being made or ``after`` it."""

    label: str
    holder: Any
    name: str
    make: Callable[[], BaseException]
    after: bool


@dataclass(frozen=True, slots=True, eq=False)
class WaitTimesOut:
    """Waits with a time-out below a frame of ``within`` may time out; without ``within``, any."""

    label: str
    within: CodeType | None


@dataclass(frozen=True, slots=True, eq=False)
class CallCancelled:
    """The future that a call of ``holder.name`` returns, or the task that awaits it, may be cancelled."""

    label: str
    holder: Any
    name: str


Fault = CallFails | WaitTimesOut | CallCancelled


@dataclass(frozen=True, slots=True, eq=False)
class Injected:
    """A fault that was injected: into which thread, and the exception that it raised there, if it raised one itself."""

    fault: Fault
    thread: int
    error: BaseException | None = None


class Faults:
    """The faults of one run: at most ``most`` are injected."""

    def __init__(self, run: Run, faults: Sequence[Fault], most: int) -> None:
        self._run = run
        self._faults = faults
        self._left = most
        self._waits = [fault for fault in faults if isinstance(fault, WaitTimesOut)]
        self._chooses = run.strategy if isinstance(run.strategy, ChoosesFaults) else None
        self.fires_timeouts = bool(self._waits)
        self.asked = 0
        self.injected: list[Injected] = []
        self.effects: Counter[str] = Counter()
        """How often each fault made a difference: a cancellation that comes too late makes none."""

    def _choose(self, current: int, offers: Sequence[Offer], why: str) -> int:
        run, strategy = self._run, self._chooses
        if strategy is None:
            return 0
        run.step += 1
        self.asked += 1
        if run.strategy.records:
            run.choices.append((run.step, FAULT, tuple(range(len(offers) + 1))))
        chosen = strategy.at_fault(run.step, current, offers, why)
        self._left -= chosen > 0
        return chosen

    # -- calls ---------------------------------------------------------------------------------------------------

    def strikes(self, task: Task, fault: Fault, caller: FrameType) -> bool:
        """Whether ``fault`` is injected into the call that ``task`` is about to make, or has made, in ``caller``."""
        run = self._run
        if run.unwinding or not self._left or fault not in self._faults:
            return False
        observer = run.observer
        if observer is not None:
            _, user = run.scope.caller(caller)
            site = run.syncs.at(user, f"injected: {fault.label}")
            observer.arrive(task.index, site, user)
        if not self._choose(task.index, [(fault.label, task.index)], "call"):
            return False
        if observer is not None:
            observer.inject(task.index, site)
        return True

    def error(self, task: Task, fault: CallFails) -> BaseException:
        """The exception to raise in ``task``."""
        error = fault.make()
        self.add(fault, task.index, error)
        return error

    def add(self, fault: Fault, thread: int, error: BaseException | None = None) -> None:
        """Note that ``fault`` was injected and made a difference at once."""
        self.injected.append(Injected(fault, thread, error))
        self.effects[fault.label] += 1

    def cancel_later(self, task: Task, fault: Fault, future: Future[Any]) -> None:
        """Let a thread of its own cancel ``future``: the schedule says when."""
        self.injected.append(Injected(fault, task.index))

        def cancel() -> None:
            if future.cancel():
                self.effects[fault.label] += 1

        self._run.spawn(f"canceller of {task.name}", cancel)

    # -- time-outs -----------------------------------------------------------------------------------------------

    def time_out(self, current: int, why: str) -> Task | None:
        """The waiting thread that the strategy lets time out here, runnable now; None to go on."""
        found = self.waits()
        if not found:
            return None
        number = self._choose(current, [(fault.label, task.index) for fault, task in found], why)
        if not number:
            return None
        fault, task = found[number - 1]
        self._pass_time(fault, task)
        return task

    def waits(self) -> list[tuple[WaitTimesOut, Task]]:
        """The waits that may time out now."""
        if not self._waits or not self._left:
            return []
        return [(fault, task) for task in self._run.tasks for fault in self._waits if self._waits_for(task, fault)]

    def _waits_for(self, task: Task, fault: WaitTimesOut) -> bool:
        if task.state is not State.BLOCKED or task.deadline is None or task.wait is None or task.wait.verb == "sleep":
            return False
        return fault.within is None or any(frame.f_code is fault.within for frame in _stack(task))

    def _pass_time(self, fault: Fault, task: Task) -> None:
        """Let the clock jump to the deadline of ``task``: the others were slow."""
        run = self._run
        self.add(fault, task.index)
        if run.observer is not None:
            _, user = run.scope.caller(next(_stack(task)))
            run.observer.inject(task.index, run.syncs.at(user, f"injected: {fault.label}"))
        assert task.deadline is not None
        run.fire_timers(task.deadline)


def _stack(task: Task) -> Iterator[FrameType]:
    frame = sys._current_frames().get(task.worker.ident)
    while frame is not None:
        yield frame
        frame = frame.f_back
