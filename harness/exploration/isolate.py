"""An exploration in a child process that is killed when it no longer answers: the last resort for state and hangs."""

from __future__ import annotations

import os
import pickle
import select
import signal
import struct
import threading
import time
import warnings
from collections.abc import Callable

from harness.exploration.result import Evidence, Exploration, inconclusive
from harness.exploration.session import lost_workers
from harness.runtime.active import slot
from harness.runtime.tasks import native_lock

BEAT_SECONDS = 0.5
LEAVE_SECONDS = 0.2
"""How long a child may take to leave that has nothing more to say."""
_HEADER = struct.Struct("<I")


def in_child(explore: Callable[[], Exploration], threads: int, silence: float) -> Exploration:
    """Run ``explore`` in a forked child and return its result.

    The child sends a beat twice a second; after ``silence`` seconds without one (a thread that never gives up the
    interpreter, a crash) it is killed and the result is INCONCLUSIVE.
    """
    if not hasattr(os, "fork"):
        return inconclusive(Evidence(threads, 0), 'isolate="process" needs os.fork, which this platform lacks', 0.0)
    began = time.monotonic()
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(explore, writer)
    os.close(writer)
    patience = LEAVE_SECONDS
    try:
        payload = _receive(reader, silence)
        if payload == b"":
            patience = silence
    finally:
        os.close(reader)
        ended = _reap(pid, patience)
    if payload:
        result: Exploration | Exception
        result, taken = pickle.loads(payload)
        slot.taken |= taken
        if isinstance(result, Exception):
            raise result
        return result
    reason = (
        f"the isolated process gave no sign of life for {silence:g} s and was killed: a thread holds the interpreter"
        if ended is None
        else f"the isolated process died ({ended}) before it had a result"
    )
    return inconclusive(Evidence(threads, 0), reason, time.monotonic() - began)


def _child(explore: Callable[[], Exploration], writer: int) -> None:
    lock = native_lock()  # one made by `threading` would be ours under pytest, and so its thread an outsider

    def send(data: bytes) -> None:
        with lock:
            view = memoryview(_HEADER.pack(len(data)) + data)
            while view:
                view = view[os.write(writer, view) :]

    def beat() -> None:
        while True:
            send(b"")
            time.sleep(BEAT_SECONDS)

    lost_workers.clear()
    try:
        threading.Thread(target=beat, daemon=True).start()
        try:
            result = explore()
            send(pickle.dumps((result, slot.taken)))
        except Exception as error:
            send(pickle.dumps((error, slot.taken)))
    finally:
        os._exit(0)


def _receive(reader: int, silence: float) -> bytes | None:
    """The first message with content; nothing at the end of the stream, None after ``silence`` seconds without any."""
    buffer = b""
    while True:
        if not select.select([reader], [], [], silence)[0]:
            return None
        data = os.read(reader, 1 << 16)
        if not data:
            return b""
        buffer += data
        while len(buffer) >= _HEADER.size:
            (length,) = _HEADER.unpack_from(buffer)
            if len(buffer) < _HEADER.size + length:
                break
            message, buffer = buffer[_HEADER.size : _HEADER.size + length], buffer[_HEADER.size + length :]
            if message:
                return message


def _reap(pid: int, patience: float) -> str | None:
    """Kill the child if it still runs after ``patience`` seconds; how it ended by itself, or None if it was killed."""
    until = time.monotonic() + patience
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            if os.WIFSIGNALED(status):
                return signal.Signals(os.WTERMSIG(status)).name
            return f"exit status {os.WEXITSTATUS(status)}"
        if time.monotonic() > until:
            break
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None
