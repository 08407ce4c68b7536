"""A scenario on real processes, in a new interpreter of its own, with a limit on its time.

The harness's locks and clock are not there; whatever processes it leaves behind end with it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from harness import Violation

ROOT = Path(__file__).resolve().parent.parent.parent
GRACE = 3.0
IMPORTING = 60.0
"""Seconds to import the scenario in; beside load it takes more than some scenarios have."""


def in_new_process(scenario: str, *arguments: str, seconds: float = 60, path: Sequence[str] = ()) -> str:
    """Run `package.module:function` on text arguments; returns its line of evidence. `path` adds import folders.

    Raises the :class:`harness.Violation` that it raised, and RuntimeError, with the stacks of all its threads, when
    it broke or did not end within `seconds` of its import; a pass does not count either when its process cannot end.
    """
    with tempfile.TemporaryDirectory(prefix="reference-") as folder:
        answer, said = Path(folder, "answer.json"), Path(folder, "said.txt")
        # not `-m`: spawned workers would import that module, and the harness with it, before their first task
        start = f"import sys; sys.path[1:1] = {list(path)!r}; from {__name__} import main; main(*sys.argv[1:])"
        command = [sys.executable, "-c", start, str(answer), str(seconds), scenario, *arguments]
        # a file, not a pipe: a worker that outlives its parent would keep a pipe open
        with said.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
            try:
                # its own watchdog comes first and says where it stands
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(seconds, IMPORTING) + seconds + 10)
            finally:
                _end(process)
        if not answer.exists():
            raise RuntimeError(
                f"{scenario} {' '.join(arguments)}: exit code {process.returncode}, no answer within {seconds:g} s\n"
                + said.read_text("utf-8", "replace")
            )
        result = json.loads(answer.read_text("utf-8"))
        if process.returncode and not result["kind"]:
            raise RuntimeError(
                f"{scenario} {' '.join(arguments)}: answered, but then did not end: exit code {process.returncode}\n"
                + said.read_text("utf-8", "replace")
            )
    if result["kind"]:
        raise Violation(result["kind"], result["text"])
    return str(result["text"])


def _end(process: subprocess.Popen[bytes]) -> None:
    """No process of the group is left; multiprocessing's tracker, which tidies up after the others, may finish."""
    deadline = time.monotonic() + GRACE if process.poll() is not None else 0.0
    while time.monotonic() < deadline and _alive(process.pid):
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + GRACE  # a killed process takes a moment to end
    while time.monotonic() < deadline and _alive(process.pid):
        time.sleep(0.02)


def _alive(group: int) -> bool:
    """Whether a process of the group runs; a signal would also reach those that only wait to be reaped."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def main(answer: str, seconds: str, scenario: str, *arguments: str) -> None:
    """The other side: run the scenario and leave its answer in a file."""
    faulthandler.dump_traceback_later(max(float(seconds), IMPORTING), exit=True)
    module, _, name = scenario.partition(":")
    run = getattr(importlib.import_module(module), name)
    faulthandler.dump_traceback_later(float(seconds), exit=True)
    try:
        result = {"kind": "", "text": run(*arguments)}
    except Violation as violation:
        result = {"kind": violation.kind.value, "text": str(violation)}
    part = Path(answer + ".part")
    part.write_text(json.dumps(result), "utf-8")
    part.rename(answer)
