"""What this process has beyond its own stack: threads, children, file descriptors, shared memory, temporary files.

Counted before and after a pool lived; what is there only afterwards was left behind. It judges nothing.
"""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
import threading
from collections import Counter
from multiprocessing import resource_tracker
from typing import Any

import psutil

from harness.audit.observe import mapped_segments, segments

_MADE: set[str] = set()


def note_shared_memory() -> None:
    """Note from now on the names of the shared memory that this process makes: nobody need map it to leave it."""
    register = resource_tracker.register

    def noting(name: Any, rtype: str) -> None:
        if rtype == "shared_memory":
            _MADE.add(name.lstrip("/"))
        register(name, rtype)

    resource_tracker.register = noting


def count() -> Counter[str]:
    """How many there are of each kind: child, zombie, thread, fd, shared memory, temporary file."""
    gc.collect()
    found: Counter[str] = Counter()
    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            found["zombie" if child.status() == psutil.STATUS_ZOMBIE else "child"] += 1
    found["thread"] = threading.active_count()
    found["fd"] = len(os.listdir("/proc/self/fd"))
    mapped = mapped_segments([os.getpid(), *(child.pid for child in children)])
    found["shared memory"] = len(mapped | (_MADE & segments()))
    found["temporary file"] = sum(len(files) + len(folders) for _, folders, files in os.walk(tempfile.gettempdir()))
    return found


def beyond(now: Counter[str], before: Counter[str]) -> tuple[str, ...]:
    """What there is more of than before, as text: `2 child`."""
    return tuple(f"{number} {kind}" for kind, number in sorted((now - before).items()))
