"""What Linux tells of processes and threads, from `/proc` and from the clocks of others. It judges nothing."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

STATE, USER_TICKS, SYSTEM_TICKS, START_TICKS = 0, 11, 12, 19
"""Where :func:`stat` has them; ticks are ``os.sysconf("SC_CLK_TCK")`` a second. Source: proc_pid_stat(5)."""


def stat(process: int, thread: int | None = None) -> list[str]:
    """The :func:`fields` of a process, or of one thread of it; none once it is gone."""
    place = f"/proc/{process}/stat" if thread is None else f"/proc/{process}/task/{thread}/stat"
    try:
        return fields(Path(place).read_text("utf-8", "replace"))
    except OSError:
        return []


def fields(text: str) -> list[str]:
    """What a file `stat` says after the name, which may have spaces and parentheses in it."""
    return text.rpartition(")")[2].split()


def ended(process: int) -> bool:
    """Whether a process is gone, or only waits for its parent to ask how it ended."""
    if found := stat(process):
        return found[STATE] == "Z"
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError)
    return False


def children(root: int) -> list[int]:
    """All living descendants of a process, in the order of their numbers."""
    if not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
        return _by_psutil(root)
    found, waiting = [], [root]
    while waiting:
        for text in threads(waiting.pop(), "children").values():
            listed = [int(child) for child in text.split()]
            found += listed
            waiting += listed
    return sorted(found)


def _by_psutil(root: int) -> list[int]:
    import psutil  # only where it is needed: it costs more than the probes that read one file

    try:
        return sorted(child.pid for child in psutil.Process(root).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def threads(process: int, name: str) -> dict[int, str]:
    """What the file ``name`` says of each living thread of a process, by its number."""
    found = {}
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):
            with contextlib.suppress(OSError):
                found[int(thread)] = Path(f"/proc/{process}/task/{thread}/{name}").read_text("utf-8", "replace")
    return found


def cpu_seconds(process: int) -> float:
    """CPU time of a living process, exact to the nanosecond, where `/proc` moves on ticks only.

    Raises:
        OSError: there is no such process.
        AttributeError: this platform has no such clock.
    """
    # clock_getcpuclockid(3) as Linux defines it: the clock of all threads of another process
    return time.clock_gettime((~process << 3) | 2)


def memory_bytes(process: int) -> dict[str, int]:
    """What all mappings of a process take, by kind such as ``Pss``; raises OSError where that is not told."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text("utf-8", "replace").splitlines()
    return {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
