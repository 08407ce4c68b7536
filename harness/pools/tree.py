"""What a tree of processes uses: CPU time, context switches, PSS and USS. Linux tells; elsewhere psutil, or nothing.

Never RSS: a page shared by three processes would count three times.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness import procfs


@dataclass(frozen=True, slots=True)
class Use:
    """Totals of a tree; None: this platform does not tell. CPU in seconds, memory in bytes."""

    cpu: float | None
    voluntary: int | None
    involuntary: int | None


@dataclass(frozen=True, slots=True)
class Memory:
    """Proportional and unique set size of a tree, bytes; None: unknown. ``processes``: how many there were."""

    pss: int | None
    uss: int | None
    processes: int


def members(root: int) -> list[int]:
    """The process and all its descendants; only itself if it has just ended."""
    return [root, *procfs.children(root)]


def use(processes: Iterable[int]) -> Use:
    """CPU time from the processes' own clocks and context switches of their threads."""
    cpu, voluntary, involuntary = 0.0, 0, 0
    for process in processes:
        try:
            cpu += procfs.cpu_seconds(process)
        except (OSError, AttributeError):
            if not os.path.isdir("/proc/self/task"):
                return Use(None, None, None)
            continue
        for status in procfs.threads(process, "status").values():
            counts = [int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line]
            if len(counts) == 2:
                voluntary, involuntary = voluntary + counts[0], involuntary + counts[1]
    return Use(cpu, voluntary, involuntary)


def busy() -> float | None:
    """CPU seconds that all processes of the machine have used; None where it does not tell."""
    try:
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    except (OSError, ValueError):
        return None
    user, nice, system, _, _, interrupt, soft = fields[:7]
    return (user + nice + system + interrupt + soft) / os.sysconf("SC_CLK_TCK")


def memory(processes: Iterable[int]) -> Memory:
    """PSS and USS, summed."""
    found = list(processes)
    pss = uss = 0
    for process in found:
        try:
            sizes = procfs.memory_bytes(process)
        except OSError as error:
            # One that has ended is listed until it is reaped, but has no memory left to tell of.
            if process != os.getpid() and (isinstance(error, ProcessLookupError) or procfs.ended(process)):
                return memory([other for other in found if other != process])
            return _by_psutil(found)
        pss += sizes["Pss"]
        uss += sizes["Private_Clean"] + sizes["Private_Dirty"]
    return Memory(pss, uss, len(found))


def _by_psutil(processes: list[int]) -> Memory:
    uss = 0
    for process in processes:
        try:
            uss += psutil.Process(process).memory_full_info().uss
        except (psutil.Error, AttributeError):
            return Memory(None, None, len(processes))
    return Memory(None, uss, len(processes))
