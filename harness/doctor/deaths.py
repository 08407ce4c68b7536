"""How a process ended: signal or exit code in words, and whether memory ran out. It knows nothing of pools."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Death:
    """The end of a process; ``memory`` is the evidence that memory ran out, or that it did not, or nothing."""

    pid: int
    exitcode: int
    memory: str = ""

    @property
    def how(self) -> str:
        """Signal or exit code."""
        if self.exitcode < 0:
            return f"killed by {signal_name(-self.exitcode)}"
        return f"ended with exit code {self.exitcode}"

    def __str__(self) -> str:
        return f"process {self.pid} was {self.how}" if self.exitcode < 0 else f"process {self.pid} {self.how}"


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9; the number where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def out_of_memory_count() -> int:
    """How often the kernel has ended a process for lack of memory: in the groups of this process, else in all."""
    for path in _counters():
        with contextlib.suppress(OSError):
            found = re.search(r"^oom_kill (\d+)$", path.read_text("utf-8"), re.M)
            if found:
                return int(found[1])
    return 0


def _counters() -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines():
            _, controllers, group = line.split(":", 2)
            if not controllers and group != "/":
                yield Path("/sys/fs/cgroup") / group.strip("/") / "memory.events"
            elif "memory" in controllers.split(","):
                yield Path("/sys/fs/cgroup/memory") / group.strip("/") / "memory.oom_control"
                yield Path("/sys/fs/cgroup/memory/memory.oom_control")
    yield Path("/proc/vmstat")


def memory_evidence(pid: int, exitcode: int, before: int, limit: int) -> str:
    """What is known of memory at a death: the kernel's log and counters, and the limit of the process in bytes."""
    if exitcode == -signal.SIGKILL:
        if f"Killed process {pid} " in _kernel_log():
            return "out of memory: the kernel's log says that it killed this process"
        new = out_of_memory_count() - before
        if new > 0:
            return f"out of memory: meanwhile the kernel killed {new} for lack of memory"
        return "not the kernel for lack of memory, whose count did not change: somebody sent the signal"
    if limit > 0 and exitcode != 0:
        return f"its address space was limited to {limit / 2**20:.0f} MiB: a failed allocation can end it like this"
    return ""


def _kernel_log() -> str:
    """The kernel's log as far as it may be read."""
    parts = []
    with contextlib.suppress(OSError):
        log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        try:
            while True:
                try:
                    parts.append(os.read(log, 8192).decode("utf-8", "replace"))
                except BrokenPipeError:  # a record that was overwritten meanwhile
                    continue
        except BlockingIOError:
            pass
        finally:
            os.close(log)
    return "".join(parts)
