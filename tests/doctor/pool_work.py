"""Tasks of a user's that break the pool they run in."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import resource
import signal
import time
from typing import Any


class Refused(Exception):
    """An exception whose pickle lacks what its constructor needs."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(code)


class Unloadable:
    def __reduce__(self) -> Any:
        return (int, ("not a number",))


def out_of_space() -> None:
    space = 512 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (space, space))


def few_descriptors() -> None:
    gc.disable()  # it could close descriptors of what was garbage before the fork, between two counts
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


def open_descriptors(breaks: bool = False) -> int:
    """How many this process has; or end it."""
    if breaks:
        os._exit(7)
    return len(os.listdir("/dev/fd"))


def fail() -> None:
    raise RuntimeError("no model")


def work(number: Any, how: str, breaks: int = 3) -> Any:
    """Do a little; the task whose number is `breaks` does what `how` says."""
    if number != breaks:
        time.sleep(0.02)
        return number
    if how == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "SIGSEGV":
        faulthandler.disable()  # its stack would be printed between the lines of the tests
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "exit":
        os._exit(7)
    elif how == "exception":
        raise Refused(1, "x")
    elif how == "no memory":
        # As a C library does that does not look at what malloc returns.
        allocate = ctypes.CDLL(None).malloc
        allocate.restype = ctypes.c_void_p
        ctypes.memset(allocate(ctypes.c_size_t(2**30)), 1, 16)
    return number
