"""The exploring thread while a schedule runs: waits for its end, and sees to it that it ends.

A thread that sleeps in C on something that is not ours is given up for the moment, and the others go on; when
nobody can go on the wait is judged: a stall if all waits are ours, stuck after the watchdog's time if not.
"""

from __future__ import annotations

import dis
import linecache
import os
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING

from harness.instrument.interrupt import raise_in, take_back
from harness.instrument.scope import HARNESS
from harness.runtime.outcome import Ending, waiting
from harness.runtime.tasks import State, Task, Unwound, Worker

if TYPE_CHECKING:
    from harness.runtime.run import Run

TICK = 0.025
SLEEPING_TICKS = 4
LOOP_SAMPLES = 8
ENOUGH_LOOKS = LOOP_SAMPLES + SLEEPING_TICKS + 1
"""Looks after which a loop or a sleep would have shown: where fewer were made, time says nothing of the thread."""
UNWIND_LOOKS = 80
REPEATS_INTERRUPT = sys.version_info < (3, 12)
"""Elsewhere one is enough, and a second would hit what the first has begun to unwind."""

_sleep = time.sleep
_monotonic = time.monotonic


class Supervisor:
    """Watches one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._seen: tuple[Task | None, int] = (None, -1)
        self._cpu = 0.0
        self._asleep = 0
        self._rest: int | None = None
        self._gave_up = False
        self._sampled: tuple[float, ...] = ()
        self._same_samples = 0
        self._since = _monotonic()
        self._looks = 0

    def wait(self) -> None:
        """Return when the schedule has ended; ``run.ending`` says how."""
        run = self.run
        while True:
            if run.main.acquire(timeout=TICK):
                if run.ending is not None:
                    return
                self._judge()
            else:
                self._check()
            if self._gave_up:
                return

    def _judge(self) -> None:
        """The baton is here: nobody can run. Wait for threads in C or of others, else it is a stall."""
        run = self.run
        until = _monotonic() + run.watchdog
        looks = 0
        while True:
            if run.returned or run.outside:
                following = run.forced("block")
                if following is not None:
                    run._hand_baton(following)
                    return
            outside = [task for task in run.tasks if task.state is State.OUTSIDE]
            if not outside and not run.meets_others():
                run.judged = waiting(run)
                self._give_up(Ending.STALL)
                return
            looks += 1
            if _monotonic() > until and looks > ENOUGH_LOOKS:
                run.judged = waiting(run)
                run.stuck += [f"{task.name} is blocked {self.where(task)}" for task in outside]
                if not outside:
                    run.stuck.append("all threads wait for locks that threads outside the scenario also use")
                self._give_up(Ending.STUCK)
                return
            _sleep(0.001)

    def _check(self) -> None:
        run = self.run
        task = run.current
        now = (task, run.step)
        cpu = _cpu_time(task.worker) if task is not None else 0.0
        if task is None or now != self._seen:
            self._same_samples = 0
            self._seen, self._cpu, self._asleep, self._since, self._looks = now, cpu, 0, _monotonic(), 0
            return
        self._looks += 1
        if cpu - self._cpu < 0.002 and self._sleeps(task):
            self._asleep += 1
            if self._asleep >= SLEEPING_TICKS:
                self._take_over(task, now[1])
        else:
            self._asleep = 0
        self._cpu = cpu
        self._sample(task)
        overdue = _monotonic() - self._since > run.watchdog and self._looks > ENOUGH_LOOKS
        if overdue and (run.current, run.step) == now:
            if self._same_samples > LOOP_SAMPLES:
                self._give_up(Ending.LIVELOCK)
                return
            run.stuck.append(
                f"{task.name} has run {run.watchdog:g} s without reaching a yield point {self.where(task)}"
            )
            self._give_up(Ending.STUCK)

    def _sleeps(self, task: Task) -> bool:
        """Whether the thread waits for something outside the interpreter.

        One that waits for the interpreter sleeps too; it is woken in between, and stands in a loop. C code that polls
        is woken as well, but stands in a call.
        """
        before, self._rest = self._rest, _rest(task.worker)
        if self._rest is None or self._rest == before:
            return self._rest is not None
        innermost = sys._current_frames().get(task.worker.ident)
        frame = _outside_harness(innermost)
        return frame is not None and not _loops(frame, innermost is frame)

    def _sample(self, task: Task) -> None:
        """Count how often in a row the thread was seen in the same loop with the same locals."""
        innermost = sys._current_frames().get(task.worker.ident)
        frame = _outside_harness(innermost)
        if frame is None or not self.run.scope.covers(frame.f_code) or not _loops(frame, innermost is frame):
            self._same_samples = 0
            return
        try:
            # Numbers by value: two that take turns at the same addresses are what counting leaves behind.
            seen: tuple[float, ...] = (
                id(frame),
                *(value if type(value) in (int, float) else id(value) for value in frame.f_locals.values()),
            )
        except RuntimeError:
            # The thread ran on in between, and a variable came or went.
            seen = ()
        self._same_samples = self._same_samples + 1 if seen and seen == self._sampled else 0
        self._sampled = seen

    def _give_up(self, ending: Ending) -> None:
        self.run.ending = ending
        self._gave_up = True

    def _take_over(self, task: Task, step: int) -> None:
        """Give the baton of a thread that sleeps in C to another; it queues when it comes back."""
        run = self.run
        # Nothing may come in between that lets go of the interpreter: the thread can wake up at any moment.
        if run.current is not task or run.step != step:
            return
        run.current = None
        run.ready.discard(task.index)
        run._enabled = None
        task.state = State.OUTSIDE
        _sleep(0.002)
        if run.step != step and task not in run.returned:
            run._make_ready(task)
            run.current = task
            return
        run.externals.append(f"{task.name} {self.where(task)}")
        following = run.forced("block")
        if following is None:
            self._judge()
        else:
            run._hand_baton(following)

    def halt(self) -> None:
        """Stop the schedule, since the exploring thread was interrupted: its threads would go on handing the baton."""
        run = self.run
        # Whoever has the baton finds at its next yield point that the schedule is too long, and gives it back.
        run.max_points = -1
        patience = _Patience(run.current)
        while run.ending is None and not run.main.acquire(timeout=TICK):
            if patience.ends(run.current):
                run.ending = Ending.STUCK

    def end(self, task: Task) -> bool:
        """Unwind one task; False when it is stuck in C."""
        run = self.run
        runs = task.state is State.OUTSIDE or (run.ending in (Ending.STUCK, Ending.LIVELOCK) and run.current is task)
        runs = runs and task not in run.returned
        patience = _Patience(task)
        if runs:
            raise_in(task.worker.ident, Unwound)
        else:
            task.worker.park.release()
        # Another one that came back from C may have told of its end.
        while not run.unwound.acquire(timeout=TICK) or task.state is not State.DONE:
            if patience.ends(task):
                return False
            if runs and task in run.returned:
                runs = False
                task.worker.park.release()
            elif runs and REPEATS_INTERRUPT:
                raise_in(task.worker.ident, Unwound)
        take_back(task.worker.ident)
        return True

    def where(self, task: Task) -> str:
        """Where a task stands, as ``at file:line in function: text``."""
        frame = _outside_harness(sys._current_frames().get(task.worker.ident))
        while frame is not None and not self.run.scope.covers(frame.f_code):
            frame = frame.f_back
        if frame is None:
            return "outside the target's code"
        code, line = frame.f_code, frame.f_lineno
        text = linecache.getline(code.co_filename, line).strip()
        return f"at {os.path.basename(code.co_filename)}:{line} in {code.co_qualname}: {text}"


class _Patience:
    """How long a thread may take to end: so many looks, of which those do not count at which it waited for a CPU."""

    def __init__(self, task: Task | None) -> None:
        self._left = UNWIND_LOOKS
        self._cpu = 0.0 if task is None else _cpu_time(task.worker)

    def ends(self, task: Task | None) -> bool:
        """Look once more, and say whether that was enough."""
        if task is not None:
            before, self._cpu = self._cpu, _cpu_time(task.worker)
            if self._cpu == before and b"\nState:\tR" in _status(task.worker):
                return False
        self._left -= 1
        return self._left < 0


def _outside_harness(frame: FrameType | None) -> FrameType | None:
    """The next frame that is not ours: on 3.11 the trace function stands above the target's."""
    while frame is not None and frame.f_code.co_filename.startswith(HARNESS):
        frame = frame.f_back
    return frame


def _loops(frame: FrameType, innermost: bool) -> bool:
    """Whether a thread that was made to wait for the interpreter stands in a loop rather than in C or in a call.

    A thread loses the interpreter where it jumps back, where it calls, and in C code that lets go of it; on 3.11 also
    in the trace function, above an instruction that is yet to come.
    """
    code, offset = frame.f_code.co_code, frame.f_lasti
    name = dis.opname[code[offset]]
    if innermost:
        return "JUMP_BACKWARD" in name
    return sys.version_info < (3, 12) and name != "CACHE" and not name.startswith(("CALL", "PRECALL"))


def _cpu_time(worker: Worker) -> float:
    clock_of = getattr(time, "pthread_getcpuclockid", None)
    return time.clock_gettime(clock_of(worker.ident)) if clock_of else 0.0


def _rest(worker: Worker) -> int | None:
    """How often a thread that sleeps has gone to sleep before; None if it does not sleep.

    Where the OS does not tell, its CPU clock alone decides.
    """
    status = _status(worker)
    if not status:
        return 0
    if b"\nState:\tS" not in status:
        return None
    return int(status.partition(b"\nvoluntary_ctxt_switches:\t")[2].split()[0])


def _status(worker: Worker) -> bytes:
    """What the OS tells of a thread, as Linux does; empty elsewhere."""
    try:
        with open(f"/proc/self/task/{worker.native_id}/status", "rb") as file:
            return file.read()
    except OSError:
        return b""
