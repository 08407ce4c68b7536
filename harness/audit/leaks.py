"""The vocabulary of the audit: kinds of leaks, a leak, and the report of several. It looks at nothing itself."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class LeakKind(enum.StrEnum):
    """What was left behind; equal to its plain string."""

    THREAD = "thread"
    FILE = "file"
    SOCKET = "socket"
    PIPE = "pipe"
    DESCRIPTOR = "descriptor"
    CHILD = "child"
    ZOMBIE = "zombie"
    SHARED_MEMORY = "shared_memory"
    TEMPORARY_FILE = "temporary_file"
    TEMPORARY_DIRECTORY = "temporary_directory"
    HELD_LOCK = "held_lock"
    PENDING_TASK = "pending_task"
    PENDING_FUTURE = "pending_future"
    FUTURE_EXCEPTION = "future_exception"
    THREAD_EXCEPTION = "thread_exception"
    TASK_EXCEPTION = "task_exception"
    UNRAISABLE = "unraisable"
    MEMORY = "memory"


REMEDIES = {
    LeakKind.THREAD: "tell it to stop and join it before the end; a pool: use it in a with statement, or shutdown()",
    LeakKind.FILE: "open it in a with statement, or close it in a finally",
    LeakKind.SOCKET: "use it in a with statement, or close it in a finally; a server: close the accepted ones too",
    LeakKind.PIPE: "close both ends; a subprocess with pipes: use Popen in a with statement; a pool: shutdown()",
    LeakKind.DESCRIPTOR: "close what owns it; an event loop: loop.close(), or asyncio.run, which closes it",
    LeakKind.CHILD: "end it and wait for it: terminate() and join(), or wait(); a pool: shutdown()",
    LeakKind.ZOMBIE: "it has ended but nobody asked for its exit code: join() or wait() for it",
    LeakKind.SHARED_MEMORY: "unlink() it in the process that made it, once, in a finally",
    LeakKind.TEMPORARY_FILE: "remove it in a finally, or use NamedTemporaryFile in a with statement",
    LeakKind.TEMPORARY_DIRECTORY: "use TemporaryDirectory in a with statement, or shutil.rmtree in a finally",
    LeakKind.HELD_LOCK: "take it in a with statement, so that it is released when the block raises",
    LeakKind.PENDING_TASK: "await it, or cancel it and await it, before its loop stops",
    LeakKind.PENDING_FUTURE: "whoever waits for it waits for ever: set its result, set an exception, or cancel it",
    LeakKind.FUTURE_EXCEPTION: "ask for result() or exception(), or add a callback that does",
    LeakKind.THREAD_EXCEPTION: "catch it in the thread and hand it over, or use an executor and ask for result()",
    LeakKind.TASK_EXCEPTION: "await the task, or use asyncio.TaskGroup, which does",
    LeakKind.MEMORY: "find what keeps what the task makes: a global, a cache without a limit, a listener",
    LeakKind.UNRAISABLE: "an exception in a finaliser or callback reaches nobody: close the object explicitly",
}


@dataclass(frozen=True, slots=True)
class Leak:
    """One thing that was left behind: what it is, and where it was made as ``file:line`` (empty if not seen)."""

    kind: LeakKind
    what: str
    where: str = ""
    count: int = 1

    @property
    def remedy(self) -> str:
        """How it is mended."""
        return REMEDIES[self.kind]

    def __str__(self) -> str:
        times = f" ({self.count} times)" if self.count > 1 else ""
        return f"{self.kind}: {self.what}{times}, made at {self.where or '(not seen being made)'}"


class LeaksFound(AssertionError):
    """Raised by an audit that found something left behind; ``leaks`` has each."""

    def __init__(self, leaks: Sequence[Leak]) -> None:
        self.leaks = tuple(leaks)
        super().__init__(report(self.leaks))

    def __reduce__(self) -> tuple[type[LeaksFound], tuple[tuple[Leak, ...]]]:
        return (LeaksFound, (self.leaks,))


def grouped(leaks: Iterable[Leak]) -> tuple[Leak, ...]:
    """The leaks in order, those of one kind that the same line made as one."""
    found: dict[tuple[LeakKind, str], list[Leak]] = {}
    for number, leak in enumerate(leaks):
        found.setdefault((leak.kind, leak.where or f"? {number}"), []).append(leak)
    return tuple(Leak(group[0].kind, group[0].what, group[0].where, len(group)) for group in found.values())


def report(leaks: Sequence[Leak]) -> str:
    """The leaks as text, each with what, where and remedy."""
    lines = [f"left behind: {', '.join(sorted({leak.kind.value for leak in leaks}))}", ""]
    for number, leak in enumerate(leaks, 1):
        lines += [
            f"{number}. {leak.kind}: {leak.what}" + (f" ({leak.count} times)" if leak.count > 1 else ""),
            f"   made at  {leak.where or '(not seen: made before the audit, by C code or in another program)'}",
            f"   fix      {leak.remedy}",
        ]
    return "\n".join(lines)
