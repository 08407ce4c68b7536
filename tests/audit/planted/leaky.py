"""Work that leaves something behind: one kind for each function."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.shared_memory import SharedMemory
from typing import Any

KEPT: list[Any] = []
STOP = threading.Event()
LOCK = threading.Lock()


def thread() -> None:
    """A heart beat that nobody stops."""
    beat = threading.Thread(target=lambda: STOP.wait(60), name="heart beat", daemon=True)
    beat.start()


def file() -> str:
    """A log that is opened and never closed."""
    log = open(os.devnull, "w", encoding="utf-8")
    KEPT.append(log)
    return log.name


def socket_() -> int:
    """A server that forgets to close its listening socket."""
    server = socket.create_server(("127.0.0.1", 0))
    KEPT.append(server)
    port: int = server.getsockname()[1]
    return port


def pipe() -> bytes:
    """A message through a pipe of which only the writing end is closed."""
    read, write = os.pipe()
    os.write(write, b"ready")
    os.close(write)
    return os.read(read, 5)


def child() -> None:
    """A converter that is started and forgotten."""
    KEPT.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))


def zombie() -> None:
    """A converter that ends, and whose exit code nobody asks for."""
    KEPT.append(subprocess.Popen([sys.executable, "-c", ""]))
    os.waitid(os.P_PID, KEPT[-1].pid, os.WEXITED | os.WNOWAIT)


def shared_memory() -> bytes:
    """A table for the workers that is closed, but not unlinked."""
    table = SharedMemory(create=True, size=64)
    table.buf[:4] = b"rows"
    rows = bytes(table.buf[:4])
    table.close()
    KEPT.append(table)
    return rows


def temporary_file() -> int:
    """An upload that is written to a temporary file, which stays."""
    number, path = tempfile.mkstemp(prefix="upload-")
    with open(number, "w", encoding="utf-8") as upload:
        return upload.write(path)


def temporary_directory() -> list[str]:
    """A scratch folder that stays when the work in it is done."""
    folder = tempfile.mkdtemp(prefix="scratch-")
    with open(os.path.join(folder, "part"), "w", encoding="utf-8"):
        return os.listdir(folder)


def held_lock() -> None:
    """A request that fails while it has the lock."""
    with contextlib.suppress(ValueError):
        LOCK.acquire()
        int("not a number")
        LOCK.release()


def pending_task() -> None:
    """A loop that is left while one of its tasks waits."""
    loop = asyncio.new_event_loop()
    KEPT.append(loop)

    async def serve() -> None:
        KEPT.append(asyncio.create_task(asyncio.sleep(60), name="poller"))
        await asyncio.sleep(0)

    loop.run_until_complete(serve())


def lost_future() -> Future[int]:
    """A promise that nobody keeps: the branch that would set its result is never taken."""
    promise: Future[int] = Future()
    KEPT.append(promise)
    return promise


def lost_thread_exception() -> None:
    """A thread that fails, and nobody hears of it."""
    worker = threading.Thread(target=int, args=("not a number",), name="parser")
    worker.start()
    worker.join()


def lost_task_exception() -> None:
    """A task that fails in the background of a loop that goes on."""

    async def serve() -> None:
        task = asyncio.create_task(asyncio.to_thread(int, "not a number"), name="parser")
        while not task.done():
            await asyncio.sleep(0.01)

    asyncio.run(serve())


def lost_future_exception() -> None:
    """A job on a pool whose result nobody asks for. (A fifteenth, next of kin of the three before.)"""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int, "not a number")


KINDS = (
    thread, file, socket_, pipe, child, zombie, shared_memory, temporary_file, temporary_directory, held_lock,
    pending_task, lost_future, lost_thread_exception, lost_task_exception, lost_future_exception,
)  # fmt: skip


def tidy() -> None:
    """End what would outlive the program."""
    STOP.set()
    while KEPT:
        kept = KEPT.pop()
        if isinstance(kept, subprocess.Popen):
            kept.kill()
            kept.wait()
        elif isinstance(kept, SharedMemory):
            kept.unlink()
    time.sleep(0)
