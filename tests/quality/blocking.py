"""Ways to hold an event loop for 20 ms or more, each with the line that does it and the remedy that frees the loop."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import pickle
import queue
import re
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECONDS = 0.02
OTHERS_SECONDS = 0.06  # of what starts, and then waits for another process or thread: its waits for a CPU count off
_NUMBERS = list(range(4000))
_TEXT = b"event loop" * 20_000
_LOCK = threading.Lock()
_LOCK.acquire()


def _until() -> float:
    """CPU time of this thread: what others on the machine take must not shorten the block.

    To be asked on the line that holds: a thread whose time slice is over loses the CPU where it asks for its CPU time.
    """
    return time.thread_time() + SECONDS


def _undisturbed() -> float:
    """Time without this thread's waits for a CPU, for a block of many short sleeps: each ends with such a wait."""
    try:
        waits = int(Path("/proc/thread-self/schedstat").read_text("ascii").split()[1])
    except OSError:
        waits = 0
    return time.monotonic() - waits / 1e9


def python_loop() -> None:
    end = _until()
    while sum(number * number for number in range(4000)) and time.thread_time() < end:  # holds
        pass


def sleep() -> None:
    time.sleep(SECONDS)  # holds


def regular_expression() -> None:
    end = _until()
    while not re.match(r"(a+)+$", "a" * 14 + "b") and time.thread_time() < end:  # holds
        pass


def json_encoding() -> None:
    end = _until()
    while json.dumps(_NUMBERS) and time.thread_time() < end:  # holds
        pass


def key_derivation() -> None:
    end = _until()
    while hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 2000) and time.thread_time() < end:  # holds
        pass


def compression() -> None:
    end = _until()
    while zlib.compress(_TEXT, 9) and time.thread_time() < end:  # holds
        pass


def pickling() -> None:
    end = _until()
    while pickle.dumps([str(number) for number in _NUMBERS]) and time.thread_time() < end:  # holds
        pass


def child_process() -> None:
    subprocess.run(["sleep", str(OTHERS_SECONDS)], check=True)  # holds


def empty_queue() -> None:
    try:
        queue.Queue().get(timeout=SECONDS)  # holds
    except queue.Empty:
        pass


def held_lock() -> None:
    _LOCK.acquire(timeout=SECONDS)  # holds


def file_synchronisation() -> None:
    with tempfile.TemporaryFile(buffering=0) as file:
        end = _undisturbed() + SECONDS
        while _undisturbed() < end:
            file.write(b"x")  # a large one may itself wait for the disk
            os.fsync(file.fileno())  # holds


def name_lookup() -> None:
    end = _until()
    while socket.getaddrinfo("localhost", 80) and time.thread_time() < end:  # holds
        pass


def silent_peer() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(SECONDS)
        try:
            ours.recv(1)  # holds
        except TimeoutError:
            pass


def joining() -> None:
    thread = threading.Thread(target=time.sleep, args=(OTHERS_SECONDS,))
    thread.start()
    thread.join()  # holds


def database() -> None:
    connection = sqlite3.connect(":memory:")
    query = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select sum(i) from n"
    end = _until()
    while connection.execute(query).fetchall() and time.thread_time() < end:  # holds
        pass
    connection.close()


@dataclass(frozen=True)
class Blocking:
    """One way; ``computes``: it holds the GIL, so that only a process takes it off the loop."""

    call: Callable[[], None]
    computes: bool = False

    @property
    def line(self) -> int:
        lines, start = inspect.getsourcelines(self.call)
        return start + next(number for number, text in enumerate(lines) if "# holds" in text)


WAYS = {
    way.call.__name__: way
    for way in (
        Blocking(python_loop, computes=True),
        Blocking(sleep),
        Blocking(regular_expression, computes=True),
        Blocking(json_encoding, computes=True),
        Blocking(key_derivation),
        Blocking(compression),
        Blocking(pickling, computes=True),
        Blocking(child_process),
        Blocking(empty_queue),
        Blocking(held_lock),
        Blocking(file_synchronisation),
        Blocking(name_lookup),
        Blocking(silent_peer),
        Blocking(joining),
        Blocking(database),
    )
}
