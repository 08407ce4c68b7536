"""Spin loops: recognised by a loop that comes round with the same locals, made to give way, and judged a livelock
when every thread that can run only spins. It knows nothing of strategies beyond asking who is next.
"""

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING, Any

from harness.runtime.outcome import Ending
from harness.runtime.tasks import State, Task

if TYPE_CHECKING:
    from harness.runtime.run import Run

ROUNDS = 10
RESAMPLE = 512
LIVELOCK_ROUNDS = 60
FIRST_LEAP = 0.001


class Rotation:
    """Who gives way to whom while threads spin."""

    __slots__ = ("clock_reads", "leap", "rounds")

    def __init__(self) -> None:
        self.rounds = 0
        self.leap = FIRST_LEAP
        self.clock_reads = 0

    def moved(self) -> None:
        """Somebody made progress."""
        self.rounds = 0

    def give_way(self, run: Run, task: Task, frame: FrameType | None = None) -> None:
        """Let another thread run, if one can; free of charge, since the thread asked for it or only spins."""
        enabled = run.enabled()
        others = tuple(i for i in enabled if i != task.index and not run.tasks[i].spinning)
        if not others and task.spinning:
            others = self._all_spin(run, task, enabled)
        if not others:
            return
        following = run.choose(others, "spin")
        if frame is None:
            run._hand_baton(following)
            run._park(task)
        else:
            run.yield_to(task, following.index, frame)

    def _all_spin(self, run: Run, task: Task, enabled: tuple[int, ...]) -> tuple[int, ...]:
        """Whom to run when every thread that can run spins; ends the schedule when nothing can change any more."""
        sleeping = [t for t in run.tasks if t.state is State.BLOCKED and t.deadline is not None]
        if self.clock_reads or any(not t.spinning for t in sleeping):
            self.moved()
        else:
            self.rounds += 1
            if self.rounds > LIVELOCK_ROUNDS * (len(enabled) + len(sleeping)):
                run._end(Ending.LIVELOCK)
                run._park(task)
        if run.fire_timers():
            return tuple(i for i in run.enabled() if i not in enabled)
        if self.clock_reads:
            self.clock_reads = 0
            run.clock.now += self.leap
            self.leap = min(self.leap * 2, 3600.0)
            for index in enabled:
                run.tasks[index].spinning = False
            return ()
        later = [i for i in enabled if i > task.index]
        return (later[0] if later else enabled[0],) if len(enabled) > 1 else ()


def watch(run: Run, task: Task, site: Any, frame: FrameType) -> None:
    """Notice that ``task`` spins; called at its yield points once it has run long without giving way.

    A spinning thread gives way at the first yield point, after it came round once more, at which another can run:
    always at the same place of its loop, it might hold a lock there every time.
    """
    if task.snapshot is None or (task.quiet % RESAMPLE == 0 and not task.spinning):
        task.snapshot = (site, _locals(frame))
        task.repeats = 0
    elif site is task.snapshot[0]:
        _came_round(run, task, site, _locals(frame))
    if task.turned:
        if task.linger:
            task.linger -= 1
        else:
            task.turned = False
            task.repeats = 0
            run.rotation.give_way(run, task, frame)


def _came_round(run: Run, task: Task, site: Any, values: tuple[int, ...]) -> None:
    if values != task.snapshot[1]:
        if task.spinning:
            task.spinning = task.turned = False
            run.rotation.moved()
        task.snapshot = (site, values)
        task.repeats = 0
        return
    task.repeats += 1
    if not task.turned and task.repeats > (0 if task.spinning else ROUNDS):
        task.spinning = task.turned = True
        task.linger = run.rotation.rounds % 11


def _locals(frame: FrameType) -> tuple[int, ...]:
    """What tells one round of a loop from the next: the depth of the stack, and the local variables."""
    depth = 0
    outer = frame.f_back
    while outer is not None:
        depth += 1
        outer = outer.f_back
    return (depth, *map(id, frame.f_locals.values()))
