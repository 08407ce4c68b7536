"""Workloads made to have a known best pool, and workloads that are broken: each wants one advice or one error."""

from __future__ import annotations

import fcntl
import hashlib
import multiprocessing
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import zlib
from pathlib import Path

from harness.pools import Task

ITEMS = tuple(range(8))
_LOCK = threading.Lock()
_MACHINE_LOCK = Path(os.environ.get("HARNESS_MACHINE_LOCK") or f"{tempfile.gettempdir()}/harness-lock-{os.getuid()}")
_DATA = b"x" * 1_500_000  # made once: making it would hold the GIL


def _python(item: int, steps: int = 60_000) -> int:
    total = item
    for number in range(steps):
        total = (total * 31 + number) % 1_000_003
    return total


def _hash(item: int) -> str:
    digest = hashlib.sha256(bytes([item]))
    for _ in range(3):
        digest.update(_DATA)
    return digest.hexdigest()


def _compress(item: int) -> int:
    return len(zlib.compress(bytes([item]) * 1_500_000, 6))


def _match(item: int) -> bool:
    return re.match(r"(a+)+$", "a" * 15 + "b" * (item + 1)) is None


def _wait(item: int) -> int:
    time.sleep(0.006)
    return item


def _child(item: int) -> int:
    return subprocess.run(["sleep", "0.02"], check=False).returncode + item


def _mostly_wait(item: int) -> int:
    time.sleep(0.006)
    return _python(item, 4_000)


def _under_process_lock(item: int) -> str:
    with _LOCK:
        return _hash(item)


def _under_machine_lock(item: int) -> int:
    with _MACHINE_LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        time.sleep(0.003)
        return item


def _native_thread(item: int) -> int:
    other = threading.Thread(target=_hash, args=(item,))
    other.start()
    other.join()
    return item


def _large_native(item: int) -> bytes:
    for _ in range(12):
        hashlib.sha256(_DATA).digest()
    return bytes([item]) * 16_000_000


def _large_python(item: int) -> bytes:
    return bytes([_python(item, 500) % 251]) * 24_000_000


PYTHON = Task("pure Python", run_item=_python, given=ITEMS)
REGEX = Task("regular expressions", run_item=_match, given=ITEMS)
HASHING = Task("hashing", run_item=_hash, given=ITEMS)
COMPRESSION = Task("compression", run_item=_compress, given=ITEMS)
WAITING = Task("waiting for a peer", run_item=_wait, given=ITEMS)
CHILDREN = Task("child processes", run_item=_child, given=ITEMS)
MOSTLY_WAITING = Task("mostly waiting", run_item=_mostly_wait, given=ITEMS)
PROCESS_LOCK = Task("one lock in the process", run_item=_under_process_lock, given=ITEMS)
MACHINE_LOCK = Task("one lock on the machine", run_item=_under_machine_lock, given=ITEMS)
NATIVE_THREAD = Task("another thread computes", run_item=_native_thread, given=ITEMS)
LARGE_NATIVE = Task("large results, outside the GIL", run_item=_large_native, given=ITEMS)
LARGE_PYTHON = Task("large results of little Python", run_item=_large_python, given=ITEMS)


def _process_id(item: int) -> int:
    return os.getpid()


def _in_child() -> bool:
    return multiprocessing.parent_process() is not None


def _other_item(item: int) -> int:
    return (item + 1) % len(ITEMS) if _in_child() else item


def _kills_itself(item: int) -> int:
    if _in_child() and item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def _hangs(item: int) -> int:
    if _in_child():
        threading.Event().wait()
    return item


class _NeedsTwo(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")


def _raises(item: int) -> int:
    raise _NeedsTwo(item, "no such order")


DIFFERS = Task("depends on the process", run_item=_process_id, given=ITEMS)
OTHER_ITEM = Task("mixes results up", run_item=_other_item, given=ITEMS)
KILLS_ITSELF = Task("dies", run_item=_kills_itself, given=ITEMS)
HANGS = Task("hangs", run_item=_hangs, given=ITEMS)
RAISES = Task("raises", run_item=_raises, given=ITEMS)
WRONG = Task("wrong", run_item=_python, given=ITEMS, verify=lambda item, result: "not a sum")
EMPTY = Task("empty", run_item=_python, given=())
