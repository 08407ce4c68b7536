"""What one schedule did, as data: how it ended, results, who waits for what, and the switches it took."""

from __future__ import annotations

import enum
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.oracles.stall import nothing_changed
from harness.runtime.tasks import State, Task

if TYPE_CHECKING:
    from harness.runtime.injection import Injected
    from harness.runtime.run import Run


class Ending(enum.Enum):
    COMPLETE = "complete"
    STALL = "stall"
    LIVELOCK = "livelock"
    ENDLESS = "endless"
    ABORTED = "aborted"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A thread that can never go on: what it waits for, who holds that, and where."""

    thread: int
    verb: str
    thing: str
    identity: int
    owner: int | None
    owner_ended: bool
    notified: bool
    """A notification came that is not kept, so it is lost on this wait."""
    in_vain: bool
    """What it looked at before the wait has not changed since."""
    place: str


@dataclass(slots=True)
class Outcome:
    """The result of one schedule."""

    ending: Ending
    results: tuple[Any, ...]
    errors: tuple[tuple[int, BaseException], ...]
    names: tuple[str, ...]
    waits: tuple[Waiting, ...]
    stuck: tuple[str, ...]
    externals: tuple[str, ...]
    early: int
    outsiders: int
    points: int
    log: list[Any] = field(repr=False, compare=False)
    choices: list[tuple[int, int, tuple[int, ...]]] = field(repr=False, compare=False)
    cold: set[Any] = field(repr=False, compare=False)
    held: set[Any] = field(repr=False, compare=False)
    """Yield points at which a preemption was due, but not inside what called the target back."""
    injected: tuple[Injected, ...] = ()
    effects: Counter[str] = field(default_factory=Counter)
    """How often each injected fault made a difference."""
    occasions: int = 0
    """How often a fault could have been injected."""

    def forget(self) -> None:
        """Let go of what belongs to the target."""
        self.results = self.errors = self.injected = ()

    @classmethod
    def of(cls, run: Run) -> Outcome:
        """Collect the outcome of ``run`` after its threads were unwound."""
        scenario = [task for task in run.tasks if task.scenario]
        return cls(
            run.ending or Ending.ABORTED,
            tuple(task.result if task.error is None else task.error for task in scenario),
            tuple((task.index, task.error) for task in run.tasks if task.error is not None),
            tuple(task.name for task in run.tasks),
            tuple(run.judged),
            tuple(run.stuck),
            tuple(run.externals),
            run.early,
            run.outsiders,
            run.step,
            run.log,
            run.choices,
            run.cold,
            run.held,
            *((tuple(run.faults.injected), run.faults.effects, run.faults.asked) if run.faults is not None else ()),
        )


def waiting(run: Run) -> list[Waiting]:
    """Who waits for what, at a moment when nobody can run."""
    found = []
    for task in run.tasks:
        if task.state is not State.BLOCKED or task.wait is None:
            continue
        wait = task.wait
        owner: Task | None = wait.on if wait.verb == "join" else getattr(wait.on, "_owner", None)
        condition, loses = wait.condition or (None, False)
        thing = f"the end of {owner.name}" if wait.verb == "join" and owner else type(wait.on).__name__
        if condition is not None:
            owner = None
            thing = "a notification"
        found.append(
            Waiting(
                task.index,
                wait.verb,
                thing,
                run.identity.numbers.get(id(condition if condition is not None else wait.on), 0),
                None if owner is None else owner.index,
                owner is not None and owner.state is State.DONE,
                loses and id(condition) in run.notified,
                condition is not None and _in_vain(run, task, condition),
                _place(run, task),
            )
        )
    return found


def _in_vain(run: Run, task: Task, condition: Any) -> bool:
    lock = getattr(condition._lock, "_block", condition._lock)
    return nothing_changed(run.log, task.index, run.identity.numbers.get(id(lock), 0))


def _place(run: Run, task: Task) -> str:
    for index, site, *_ in reversed(run.log):
        if index == task.index:
            return f"{os.path.basename(site.code.co_filename)}:{site.line}"
    return "?"
