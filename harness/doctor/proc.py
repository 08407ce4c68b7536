"""What the kernel tells of a process: its state, the call it is in, and who holds the other end of its pipe."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CALLS = {
    "x86_64": {
        0: "read", 1: "write", 7: "poll", 23: "select", 34: "pause", 35: "nanosleep", 43: "accept", 45: "recvfrom",
        47: "recvmsg", 61: "wait4", 130: "rt_sigsuspend", 202: "futex", 230: "clock_nanosleep", 232: "epoll_wait",
        247: "waitid", 270: "pselect6", 271: "ppoll", 281: "epoll_pwait", 449: "futex_waitv",
    },
    "aarch64": {
        22: "epoll_pwait", 63: "read", 64: "write", 72: "pselect6", 73: "ppoll", 95: "waitid", 98: "futex",
        101: "nanosleep", 115: "clock_nanosleep", 133: "rt_sigsuspend", 202: "accept", 207: "recvfrom", 260: "wait4",
    },
}  # fmt: skip
STATES = {"R": "running", "S": "sleeping", "D": "waiting for a device", "T": "stopped", "t": "traced", "Z": "ended"}


@dataclass(frozen=True)
class Seen:
    """A process as the kernel sees it; ``descriptor`` is what a read or write of its main thread is about, or -1."""

    state: str = "?"
    call: str = ""
    descriptor: int = -1
    channel: str = ""
    blocked: bool = False
    """Whether its main thread blocks nearly all signals."""

    def __str__(self) -> str:
        call = f" in {self.call}" + (f"({self.descriptor})" if self.descriptor >= 0 else "") if self.call else ""
        channel = f" ({self.channel})" if self.channel not in ("", "0") else ""
        return f"{STATES.get(self.state, self.state)}{call}{channel}" + (", signals blocked" if self.blocked else "")


def see(pid: int) -> Seen:
    """Look at a process; what the system does not tell stays empty."""
    state, blocked = "", False
    for line in _read(pid, "status").splitlines():
        key, _, value = line.partition(":\t")
        if key == "State":
            state = value[:1]
        elif key == "SigBlk":
            blocked = int(value, 16).bit_count() > 40
    call, descriptor = _call(pid, "syscall")
    if call == "futex":  # it waits for another thread of its own: what does that one write?
        for task in _tasks(pid):
            other = _call(pid, f"task/{task}/syscall")
            if other[0] == "write":
                call, descriptor = other
    return Seen(state or "?", call, descriptor, _read(pid, "wchan"), blocked)


def _call(pid: int, name: str) -> tuple[str, int]:
    """The system call that a thread is in, and its descriptor or -1."""
    words = _read(pid, name).split()
    if not words or not words[0].lstrip("-").isdigit():
        return "", -1
    call = CALLS.get(platform.machine(), {}).get(int(words[0]), f"system call {words[0]}")
    return call, int(words[1], 16) if call in ("read", "write", "recvfrom") and len(words) > 1 else -1


def _tasks(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return os.listdir(f"/proc/{pid}/task")
    return []


def _read(pid: int, name: str) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_text("utf-8", "replace").strip()
    return ""


def target(pid: int, descriptor: int) -> str:
    """What a descriptor of a process points to, such as ``pipe:[4711]``; nothing if it cannot be seen."""
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/fd/{descriptor}")
    return ""


def other_ends(pid: int, descriptor: int, reads: bool, among: Iterable[int]) -> list[int] | None:
    """The processes among some that hold the end of a pipe for which a read (or a write) waits; None if it is none."""
    pipe = target(pid, descriptor)
    if not pipe.startswith("pipe:"):
        return None
    return sorted({other for other in among if _holds(other, pipe, os.O_WRONLY if reads else os.O_RDONLY)})


def _holds(pid: int, pipe: str, mode: int) -> bool:
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            if target(pid, int(name)) == pipe:
                for line in _read(pid, f"fdinfo/{name}").splitlines():
                    if line.startswith("flags:") and int(line.split()[1], 8) & os.O_ACCMODE == mode:
                        return True
    return False
