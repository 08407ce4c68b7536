"""Files, pipes, sockets, databases: what lies outside the process, some of it blocking in C."""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import io
import json
import os
import select
import shutil
import socket
import sqlite3
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

from ..program import Program, both_ways

FOLDER = Path(tempfile.mkdtemp(prefix="correct-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


def a_file() -> SimpleNamespace:
    path = FOLDER / f"lines-{os.getpid()}.txt"
    path.write_text("0\n")
    return SimpleNamespace(path=path, lock=threading.Lock(), stream=io.StringIO())


def append_line(state: SimpleNamespace) -> None:
    with state.lock, open(state.path, "a") as file:
        file.write("line\n")


def two_lines_more(state: SimpleNamespace) -> bool:
    return bool(state.path.read_text() == "0\nline\nline\n")


def increment_in_file(state: SimpleNamespace) -> None:
    with state.lock:
        number = int(state.path.read_text())
        state.path.write_text(f"{number + 1}\n")


def file_says_two(state: SimpleNamespace) -> bool:
    return bool(state.path.read_text() == "2\n")


def replace_file(state: SimpleNamespace) -> dict[str, int]:
    """Write beside and rename: a reader sees the old file or the new one, never half."""
    part = state.path.with_suffix(f".{threading.get_ident()}")
    part.write_text(json.dumps({"a": 1, "b": 1}))
    os.replace(part, state.path)
    return {"a": 1, "b": 1}


def read_whole_file(state: SimpleNamespace) -> object:
    return json.loads(state.path.read_text())


def read_old_or_new(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return results[1] in (0, {"a": 1, "b": 1})


def print_line(state: SimpleNamespace) -> None:
    with state.lock:
        print("one", end=" ", file=state.stream)
        print("line", file=state.stream)


def whole_lines(state: SimpleNamespace) -> bool:
    return bool(state.stream.getvalue() == "one line\none line\n")


def a_pipe() -> SimpleNamespace:
    reader, writer = os.pipe()
    return SimpleNamespace(reader=reader, writer=writer, sent=0)


def read_pipe(state: SimpleNamespace) -> bytes:
    try:
        return os.read(state.reader, 10)
    finally:
        os.close(state.reader)


def select_then_read(state: SimpleNamespace) -> bytes:
    select.select([state.reader], [], [], 20)
    return read_pipe(state)


def write_pipe(state: SimpleNamespace) -> None:
    state.sent += 1
    os.write(state.writer, b"through")
    os.close(state.writer)


def came_through(state: SimpleNamespace, results: Mapping[str, object]) -> bool:
    return results["waiter"] == b"through" and state.sent == 1


def a_socket_pair() -> SimpleNamespace:
    left, right = socket.socketpair()
    return SimpleNamespace(left=left, right=right, sent=0)


def receive(state: SimpleNamespace) -> bytes:
    with state.left:
        return bytes(state.left.recv(10))


def transmit(state: SimpleNamespace) -> None:
    state.sent += 1
    with state.right:
        state.right.sendall(b"through")


def database_in_memory() -> SimpleNamespace:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute("create table totals (name text primary key, value integer)")
    connection.execute("insert into totals values ('hits', 0)")
    return SimpleNamespace(connection=connection, lock=threading.Lock())


def hit(state: SimpleNamespace) -> None:
    with state.lock, state.connection:
        (value,) = state.connection.execute("select value from totals").fetchone()
        state.connection.execute("update totals set value = ?", (value + 1,))


def two_hits(state: SimpleNamespace) -> bool:
    (value,) = state.connection.execute("select value from totals").fetchone()
    state.connection.close()
    return bool(value == 2)


def database_on_disk() -> SimpleNamespace:
    path = FOLDER / f"totals-{os.getpid()}.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("create table totals (value integer)")
        connection.execute("insert into totals values (0)")
    connection.close()
    return SimpleNamespace(path=path, lock=threading.Lock(), done=0)


def hit_on_disk(state: SimpleNamespace) -> None:
    with state.lock:
        hit_in_transaction(state)


def hit_in_transaction(state: SimpleNamespace) -> None:
    """The database's own lock makes it safe; the second one waits for it in C."""
    connection = sqlite3.connect(state.path, timeout=30, isolation_level=None)
    try:
        connection.execute("begin immediate")
        (value,) = connection.execute("select value from totals").fetchone()
        state.done += 1
        connection.execute("update totals set value = ?", (value + 1,))
        connection.execute("commit")
    finally:
        connection.close()


def two_on_disk(state: SimpleNamespace) -> bool:
    connection = sqlite3.connect(state.path)
    (value,) = connection.execute("select value from totals").fetchone()
    connection.close()
    return bool(value == 2)


def messages() -> SimpleNamespace:
    return SimpleNamespace(lock=threading.Lock(), digests=[])


def hash_without_gil(state: SimpleNamespace) -> str:
    digest = hashlib.sha256(b"x" * 100_000).hexdigest()
    with state.lock:
        state.digests.append(digest)
    return digest


def equal_digests(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return len(state.digests) == 2 and results[0] == results[1]


async def _compute(state: SimpleNamespace) -> int:
    await asyncio.sleep(0)
    with state.lock:
        state.digests.append("loop")
    return 3


def run_event_loop(state: SimpleNamespace) -> int:
    return asyncio.run(_compute(state))


def both_loops_ran(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == [3, 3] and state.digests == ["loop", "loop"]


def uncontrolled_worker() -> SimpleNamespace:
    """A thread that was started before the run and that the harness does not control."""
    state = SimpleNamespace(lock=threading.Lock(), wake=threading.Event(), gone=threading.Event(), total=0)

    def serve() -> None:
        state.wake.wait(2)
        with state.lock:
            state.total += 1
        state.gone.set()

    threading.Thread(target=serve, daemon=True).start()
    return state


def wake_worker(state: SimpleNamespace) -> None:
    with state.lock:
        state.total += 1
    state.wake.set()
    state.gone.wait(20)


def three_in_all(state: SimpleNamespace) -> bool:
    return bool(state.total == 3)


PROGRAMS = (
    Program("file_append", a_file, [append_line, append_line], two_lines_more),
    Program("file_increment", a_file, [increment_in_file, increment_in_file], file_says_two),
    Program("file_replace", a_file, [replace_file, read_whole_file], read_old_or_new),
    Program("print_to_stream", a_file, [print_line, print_line], whole_lines),
    *both_ways("pipe", a_pipe, read_pipe, write_pipe, came_through, blocks_in_c=True),
    *both_ways("select", a_pipe, select_then_read, write_pipe, came_through, blocks_in_c=True),
    *both_ways("socket_pair", a_socket_pair, receive, transmit, came_through, blocks_in_c=True),
    Program("sqlite_in_memory", database_in_memory, [hit, hit], two_hits),
    Program("sqlite_on_disk", database_on_disk, [hit_on_disk, hit_on_disk], two_on_disk, options={"schedules": 60}),
    Program(
        "sqlite_own_lock",
        database_on_disk,
        [hit_in_transaction, hit_in_transaction],
        two_on_disk,
        blocks_in_c=True,
        options={"schedules": 20},
    ),
    Program("hash_without_gil", messages, [hash_without_gil, hash_without_gil], equal_digests),
    Program("event_loop_in_thread", messages, [run_event_loop, run_event_loop], both_loops_ran, blocks_in_c=True),
    Program(
        "uncontrolled_worker",
        uncontrolled_worker,
        [wake_worker, wake_worker],
        three_in_all,
        blocks_in_c=True,
        options={"schedules": 20},
    ),
)
