"""The other end of a host: starts it, asks it, waits with a limit, and ends its whole tree whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from multiprocessing import Pipe
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.model import HarnessError, UsageError
from harness.pools import tree

LIMIT = 120.0
START_LIMIT = 60.0  # seconds at least for a host to start: what its interpreter imports is no part of the measurement
END_LIMIT = 60.0
STACKS_LIMIT = 20.0
STACK = "most recent call first"  # as the fault handler of Python begins one


class PoolFailure(HarnessError):
    """A pool or workload that failed while it was measured: died, hung, or gave a wrong result."""


class Driver:
    """One host process. ``ask`` sends a command and returns the answer, or raises :class:`PoolFailure`."""

    def __init__(
        self,
        reference: str,
        pool: str,
        workers: int,
        environment: Mapping[str, str],
        watch_locks: bool = False,
        limit: float = LIMIT,
    ) -> None:
        self.reference, self.pool, self.workers, self.limit = reference, pool, workers, limit
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by kill)
        self._connection, theirs = Pipe()
        root = Path(__file__).parents[2]
        path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                # Not -m: workers started by spawn would import its module again, which is no part of their start-up.
                "from harness.pools.host import main; main()",
                str(theirs.fileno()),
                reference,
                pool,
                str(workers),
                "watch" if watch_locks else "plain",
            ],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            env={**os.environ, **environment, "PYTHONPATH": path},
        )
        theirs.close()
        self._send("ready", {})

    def _send(self, command: str, arguments: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # it died: the answer's end of file says so
            self._connection.send((command, arguments))

    @property
    def pid(self) -> int:
        """The host's process: its workers are its descendants."""
        return self._process.pid

    def wait(self, command: str = "ready") -> Any:
        """The answer to what was sent."""
        limit = max(self.limit, START_LIMIT) if command == "ready" else self.limit
        if not self._connection.poll(limit):
            stacks = self._stacks()
            self.kill()
            raise PoolFailure(
                f"{self._where}: no answer to {command!r} within {limit:g} s; ended. Its threads then:\n{stacks}"
            )
        try:
            status, answer = self._connection.recv()
        except (EOFError, OSError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_LIMIT)
            code, tail = self._process.returncode, self._tail()
            self.kill()
            raise PoolFailure(f"{self._where}: its process died (exit code {code}) during {command!r}{tail}") from None
        if status == "ok":
            return answer
        kind, text, details = answer
        if kind == "usage":
            raise UsageError(text)
        if kind == "error":
            last = [line.strip() for line in details.splitlines() if line.strip().startswith("File ")][-1:]
            text = f"{text} ({last[0]})" if last else text
        raise PoolFailure(f"{self._where}: {text}")

    def ask(self, command: str, **arguments: Any) -> Any:
        self._send(command, arguments)
        return self.wait(command)

    @property
    def _where(self) -> str:
        return f"{self.reference} on {self.pool} with {self.workers} workers"

    def _said(self) -> str:
        log = self._log.fileno()
        return os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace").strip()  # where the host writes stays

    def _tail(self, size: int = 600) -> str:
        text = self._said()
        return f": {' '.join(text[-size:].split())}" if text else ""

    def _stacks(self) -> str:
        """Where the threads of the host are, from its own fault handler; on a busy machine it takes its time."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGUSR1)
        end, before, told = time.monotonic() + STACKS_LIMIT, "", ""
        while time.monotonic() < end and not (told == before and STACK in told) and self._process.poll() is None:
            time.sleep(0.3)
            before, told = told, self._said()
        return self._said()[-2000:] or "(it said nothing)"

    def kill(self) -> None:
        """End the host and everything it started; returns when they are gone."""
        tree_members = tree.members(self._process.pid) if self._process.poll() is None else []
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for member in tree_members[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        try:
            self._process.wait(END_LIMIT)
        finally:
            self._connection.close()
            self._log.close()

    def __enter__(self) -> Driver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._connection.closed:
            self.kill()
