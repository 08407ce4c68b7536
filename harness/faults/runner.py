"""Starts the process of a case in a session of its own, ends it with all that it started, and reads its ledger."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness import procfs
from harness.faults.case import Case
from harness.faults.ledger import Ledger
from harness.faults.patience import LOOK, computed, ticks
from harness.model import CannotExplore, UsageError
from harness.oracles.survival import Record, Survival, survival

GRACE = 5.0
"""Seconds in which nothing moves, after which a process that should end does not."""
ENDING = 10.0
"""Seconds that a process which was killed may take to end, on a busy machine."""
START = "from harness.faults.drive import main; import sys; main(*sys.argv[1:])"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What one case showed. `ends`: its process ended by itself, where nothing kept it from that."""

    case: Case
    records: tuple[Record, ...]
    seen: Survival
    ends: bool
    seconds: float
    said: str


def run_case(case: Case) -> CaseResult:
    """Run a case.

    Raises:
        CannotExplore: it says nothing about the pool, as without a strike.
        UsageError: what was given cannot be, such as a method that the pool does not have.
    """
    if not sys.platform.startswith("linux"):
        raise UsageError(f"chaos needs Linux: it reads /proc, and this is {sys.platform}")
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        Path(folder, "case.json").write_text(case.dump(), "utf-8")
        temporary = Path(folder, "tmp")
        temporary.mkdir()
        # where the harness was imported from: a child in another folder finds the same
        root = str(Path(__file__).parents[2])
        start = f"import sys; sys.path.insert(1, {root!r}); {START}"
        environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONWARNINGS": "ignore"}
        started = time.monotonic()
        with Path(folder, "said").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", start, folder, str(os.getpid())],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=environment, start_new_session=True,
            )  # fmt: skip
            try:
                ended = _await(process, Ledger(folder), case.deadline)
            finally:
                end_session(process)
        records = Ledger(folder).read()
        said = Path(folder, "said").read_text("utf-8", "replace")
    for record in records:
        if record.event == "wrong-usage":
            raise UsageError(record.text)
    broken = [record for record in records if record.event == "broken-case"]
    if broken or not records:
        raise CannotExplore(f"{case.plan}: the case broke: {broken[0].text if broken else _last_line(said)}")
    seen = survival(records)
    if any(record.event == "misplaced" for record in records):
        raise CannotExplore(f"{case.plan}: its tasks run in the process that submits, which the fault would end")
    if not seen.fired:
        raise CannotExplore(
            f"{case.plan}: the fault never struck: no worker came to its place; see whether it applies to this pool"
        )
    return CaseResult(case, records, seen, ended, time.monotonic() - started, said)


def _await(process: subprocess.Popen[bytes], ledger: Ledger, deadline: float) -> bool:
    """Wait for the end of a case; whether its process ended by itself soon after its last record."""
    limit = time.monotonic() + deadline
    while time.monotonic() < limit:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            return True
        if any(record.event == "end" for record in ledger.read()):
            return _ends(process, limit)
    return False


def _ends(process: subprocess.Popen[bytes], limit: float) -> bool:
    """Whether a process ends by itself; while it or one below it computes, or waits for a CPU, it is on its way."""
    used, moved = None, time.monotonic()
    while (now := time.monotonic()) < min(limit, moved + GRACE):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK)
            return True
        before, used = used, ticks([process.pid, *procfs.children(process.pid)])
        moved = now if computed(used, before) else moved
    return False


def _last_line(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def end_session(process: subprocess.Popen[bytes]) -> None:
    """End every process of a session that this process started, and those below it that left it; wait for their end."""
    strays = _below(process.pid) if process.poll() is None else []
    for stray in strays:
        with contextlib.suppress(psutil.NoSuchProcess):
            stray.kill()
    deadline = time.monotonic() + 3.0 if process.poll() is not None else 0.0
    while time.monotonic() < deadline and any(_members(process.pid)):
        time.sleep(0.02)  # multiprocessing's tracker tidies up after the others
    for member in _members(process.pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()  # psutil compares the start time: never another process with the same pid
    process.kill()
    process.wait()
    psutil.wait_procs(strays, timeout=ENDING)
    deadline = time.monotonic() + ENDING
    while time.monotonic() < deadline and any(_members(process.pid)):
        time.sleep(0.02)


def _below(process: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(process).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _members(session: int) -> Iterator[psutil.Process]:
    for member in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            if os.getsid(member.pid) == session and member.status() != psutil.STATUS_ZOMBIE:
                yield member


__all__ = ["CaseResult", "end_session", "run_case"]
