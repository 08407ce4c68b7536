"""Every fault: where it strikes, what pools it applies to and what it stands for. Names only; `acts` does them."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Stage(enum.StrEnum):
    """When a fault strikes, in the life of the task that it hits; the last three are not inside a task."""

    BEFORE = "before"  # a worker has taken the task, the body has not begun
    BODY = "body"
    AFTER = "after"  # the body is done, its result not yet on its way
    RESULT = "result"  # the result is on its way
    ARGUMENT = "argument"  # the task is on its way to a worker
    START = "start"  # of a worker or of the pool
    OUTSIDE = "outside"  # in the process that submits


class Where(enum.StrEnum):
    """What a pool runs its tasks on."""

    PROCESS = "process"
    THREAD = "thread"
    LOOP = "loop"  # threads behind an asyncio event loop


P, T, L = Where.PROCESS, Where.THREAD, Where.LOOP


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, for pools that run their tasks on one of `where`."""

    name: str
    stage: Stage
    where: frozenset[Where]
    summary: str
    kills: bool = False
    """A worker process ends by it."""
    warm: bool = True
    """The workers are all running when it strikes."""
    ends_pool: bool = False
    """Part of the fault is that nothing can be submitted afterwards."""


def _all() -> tuple[Fault, ...]:
    processes, every, threads = frozenset({P}), frozenset(Where), frozenset({T, L})
    before, body, after, result = Stage.BEFORE, Stage.BODY, Stage.AFTER, Stage.RESULT
    return (
        Fault("kill-before-body", before, processes, "SIGKILL once a worker has taken the task", kills=True),
        Fault("kill-in-body", body, processes, "SIGKILL while the task runs", kills=True),
        Fault("kill-after-body", after, processes, "SIGKILL when the task is done and its result not sent", kills=True),
        Fault("kill-in-result", result, processes, "SIGKILL while the result is being written", kills=True),
        Fault("kill-idle", Stage.OUTSIDE, processes, "SIGKILL to the workers while they wait for work", kills=True),
        Fault("segv-in-body", body, processes, "a segmentation fault in C", kills=True),
        Fault("exit-in-body", body, processes, "os._exit(7) in the task", kills=True),
        Fault("terminate-in-body", body, processes, "SIGTERM while the task runs", kills=True),
        Fault("interrupt-in-body", body, processes, "SIGINT while the task runs"),
        Fault("memory-limit", body, processes, "out of memory under an rlimit: MemoryError"),
        Fault("hang-sleep", body, every, "the task never ends"),
        Fault("hang-stopped", body, processes, "SIGSTOP: the worker is there and does nothing"),
        Fault("hang-gil", body, processes, "C code that waits for ever and holds the GIL"),
        Fault("hang-lock", body, every, "the task waits for a lock that nobody releases"),
        Fault("slow-task", body, every, "the task takes 0.3 to 0.6 s longer"),
        Fault("error-that-does-not-load", body, every, "an exception that needs more than a message"),
        Fault("unpicklable-result", after, every, "the task returns a lock"),
        Fault("huge-result", after, every, "the task returns 16 MB"),
        Fault("failing-initializer", Stage.START, frozenset({P, T}), "the initializer of workers raises", warm=False),
        Fault("failing-import", Stage.ARGUMENT, processes, "a worker cannot import what a task names"),
        Fault("fork-held-lock", Stage.START, processes, "a lock is held in the parent while workers are started"),
        Fault("fork-live-threads", Stage.START, processes, "the task uses an executor whose threads the parent has"),
        Fault("io-error", body, every, "EIO from a real read"),
        Fault("disk-full", body, every, "ENOSPC from a real write"),
        Fault("too-many-files", body, processes, "EMFILE under an rlimit"),
        Fault("exhausted-pool", body, threads, "each task waits for what comes after it, for half a second and more"),
        Fault("submit-inside", body, threads, "tasks submit to their own full pool and wait for the result"),
        Fault("blocked-loop", Stage.OUTSIDE, frozenset({L}), "0.5 s of blocking work on the event loop"),
        Fault("shutdown-race", Stage.OUTSIDE, every, "the pool is closed while tasks run and one is submitted",
              ends_pool=True),
        Fault("clock-back", body, every, "the wall clock of the worker goes back by an hour"),
        Fault("gc-pressure", body, every, "a collection at every allocation, with finalizers that take locks"),
        Fault("no-thread", Stage.OUTSIDE, threads, "the next thread cannot be started", warm=False),
    )  # fmt: skip


FAULTS = {fault.name: fault for fault in _all()}
