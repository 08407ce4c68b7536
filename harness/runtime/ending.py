"""Ends the threads of a schedule that are still parked, and frees what ended threads hold."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from harness.runtime.locks import RLock
from harness.runtime.tasks import State, mark_lost
from harness.runtime.watch import Supervisor

if TYPE_CHECKING:
    from harness.runtime.run import Run


def unwind(run: Run) -> None:
    """End every task that is still parked, one after the other, by an exception at its yield point."""
    run.unwinding = True
    if all(task.state is State.DONE for task in run.tasks):
        run.workers.give_back([task.worker for task in run.tasks])
        return
    logger = logging.getLogger("concurrent.futures")
    quiet, logger.disabled = logger.disabled, True
    try:
        _end_each(run)
    finally:
        logger.disabled = quiet


def _end_each(run: Run) -> None:
    supervisor = Supervisor(run)
    for task in list(run.tasks):
        if task.state is State.DONE:
            continue
        if not task.started:
            task.state = State.DONE
            continue
        if not supervisor.end(task):
            run.stuck.append(f"{task.name} is stuck {supervisor.where(task)}")
    for lock in list(run.locks.values()):
        owner = lock._block._owner if isinstance(lock, RLock) else lock._owner
        if owner is not None and owner.unwinds:
            _free(lock)
    for task in run.tasks:
        if task.state is not State.DONE:
            run.workers.lose(task.worker)
            if task.thread is not None:
                mark_lost(task.thread, task.worker)
    run.workers.give_back([task.worker for task in run.tasks if task.state is State.DONE])


def free_locks(run: Run) -> None:
    """Free the locks that ended tasks still hold, so that no state leaks into the next schedule."""
    for lock in list(run.locks.values()):
        _free(lock)
    for lock in run.passed:
        lock._passes = 0


def _free(lock: Any) -> None:
    if isinstance(lock, RLock):
        lock._owner, lock._count = None, 0
        lock = lock._block
    if lock._owner is not None and lock._native.locked():
        lock._native.release()
    lock._owner = None
    lock._waiters.clear()
