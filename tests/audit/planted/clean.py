"""The same work as in `leaky`, leaving nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.shared_memory import SharedMemory

LOCK = threading.Lock()


def thread() -> None:
    stop = threading.Event()
    beat = threading.Thread(target=lambda: stop.wait(60), name="heart beat", daemon=True)
    beat.start()
    stop.set()
    beat.join()


def file() -> str:
    with open(os.devnull, "w", encoding="utf-8") as log:
        return log.name


def socket_() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def pipe() -> bytes:
    read, write = os.pipe()
    try:
        os.write(write, b"ready")
        return os.read(read, 5)
    finally:
        os.close(write)
        os.close(read)


def child() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as converter:
        converter.terminate()


def zombie() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as converter:
        os.waitid(os.P_PID, converter.pid, os.WEXITED | os.WNOWAIT)


def shared_memory() -> bytes:
    table = SharedMemory(create=True, size=64)
    try:
        table.buf[:4] = b"rows"
        return bytes(table.buf[:4])
    finally:
        table.close()
        table.unlink()


def temporary_file() -> int:
    with tempfile.NamedTemporaryFile("w", prefix="upload-", encoding="utf-8") as upload:
        return upload.write(upload.name)


def temporary_directory() -> list[str]:
    with tempfile.TemporaryDirectory(prefix="scratch-") as folder:
        with open(os.path.join(folder, "part"), "w", encoding="utf-8"):
            return os.listdir(folder)


def held_lock() -> None:
    with contextlib.suppress(ValueError), LOCK:
        int("not a number")


def pending_task() -> None:
    async def serve() -> None:
        poller = asyncio.create_task(asyncio.sleep(60), name="poller")
        await asyncio.sleep(0)
        poller.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await poller

    asyncio.run(serve())


def lost_future() -> Future[int]:
    promise: Future[int] = Future()
    promise.set_result(1)
    return promise


def lost_thread_exception() -> None:
    with ThreadPoolExecutor(1) as pool, contextlib.suppress(ValueError):
        pool.submit(int, "not a number").result()


def lost_task_exception() -> None:
    async def serve() -> None:
        task = asyncio.create_task(asyncio.to_thread(int, "not a number"), name="parser")
        with contextlib.suppress(ValueError):
            await task

    asyncio.run(serve())


def lost_future_exception() -> None:
    with ThreadPoolExecutor(1) as pool:
        failed = pool.submit(int, "not a number").exception()
        assert isinstance(failed, ValueError)
