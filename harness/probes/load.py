"""The load check: sends a payload to a process started like the pool's workers, with a time limit.

Spawn is done as ``multiprocessing.spawn`` does it: a fresh interpreter, the parent's ``sys.path`` and working
directory, and ``__main__`` imported again; forkserver by a fork server of its own, fork by a forked copy. It does not
know what the payload means.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing import process as mp_process
from typing import Any

from harness.probes import fresh_child, sandbox
from harness.procfs import children

_CHILD = os.path.abspath(fresh_child.__file__)
REENTERED = "harness is asked to probe while __main__ is imported again by a worker"
_GUARD_SIGNS = ("bootstrapping phase", REENTERED)
_CHUNK = 1 << 16
_MORE_TIME = 4


@dataclass(frozen=True)
class Loaded:
    """The worker's answer, or why there is none: ``stage`` is ``loaded``, ``load``, ``main``, ``died`` or ``hung``."""

    stage: str
    error: str = ""
    answer: dict[str, Any] | None = None
    index: int | None = None

    @property
    def guard_missing(self) -> bool:
        """Whether ``__main__`` does its work at import: the ``if __name__ == "__main__"`` guard is missing."""
        return self.stage == "main" and any(sign in self.error for sign in _GUARD_SIGNS)


def refuse_reentry() -> None:
    """Raise when called while a worker imports ``__main__`` again: the caller's script has no guard."""
    if getattr(mp_process.current_process(), "_inheriting", False):
        raise RuntimeError(f"{REENTERED}: put the call under if __name__ == '__main__'")


def preparation(start_method: str) -> dict[str, Any]:
    """Return what a spawned worker is told about its parent (the keys of ``multiprocessing.spawn.prepare``)."""
    directory = mp_process.ORIGINAL_DIR  # type: ignore[attr-defined]
    told: dict[str, Any] = {
        "authkey": bytes(mp_process.current_process().authkey),
        "name": "probe",
        "sys_path": [directory if entry == "" else entry for entry in sys.path],
        "sys_argv": list(sys.argv),
        "orig_dir": directory,
        "dir": os.getcwd(),
        "start_method": start_method,
    }
    main = sys.modules["__main__"]
    spec_name = getattr(getattr(main, "__spec__", None), "name", None)
    path = getattr(main, "__file__", None)
    if spec_name is not None:
        told["init_main_from_name"] = spec_name
    elif path is not None:
        told["init_main_from_path"] = os.path.normpath(os.path.join(directory or "", path))
    return told


def default_start_method() -> str:
    """Return the start method in use, or this platform's default, without fixing it."""
    chosen = multiprocessing.get_start_method(allow_none=True)
    return chosen or multiprocessing.get_all_start_methods()[0]


def check(request: dict[str, Any], start_method: str, seconds: float, fds: Sequence[int] = ()) -> Loaded:
    """Have a worker load ``request["payload"]`` (or each of ``request["payloads"]``) and return what came of it."""
    if start_method == "fork" and "payloads" not in request:
        return _forked(request, seconds)
    return _fresh(request, "spawn" if start_method == "fork" else start_method, seconds, fds)


def check_each(payloads: Sequence[bytes], start_method: str, seconds: float) -> list[str | None]:
    """Have a worker load payloads one by one; for each the empty string, its error, or None when it got no turn."""
    request = {"payloads": list(payloads), "all": True}
    loaded = _forked_each(request, seconds) if start_method == "fork" else _fresh(request, start_method, seconds, ())
    if loaded.stage == "main":
        return [loaded.error] * len(payloads)
    failures = (loaded.answer or {}).get("failures", {})
    reached = len(payloads) if loaded.stage == "loaded" else loaded.index or 0
    said = [failures.get(index, "" if index < reached else None) for index in range(len(payloads))]
    if reached < len(payloads):
        said[reached] = loaded.error
    return said


def _forked_each(request: dict[str, Any], seconds: float) -> Loaded:
    def work(page: sandbox.Page) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        fresh_child.perform_many(request, lines.append)
        return lines

    with sandbox.run(work, _limits(seconds)) as outcome:
        lines = outcome.value or []
        return Loaded("loaded" if lines else "died", outcome.died, {"failures": _failures(lines)}, 0)


def _limits(seconds: float) -> sandbox.Limits:
    """So long without an answer, and more for one that the machine starves."""
    return sandbox.Limits(stuck=seconds, total=_MORE_TIME * seconds)


def _forked(request: dict[str, Any], seconds: float) -> Loaded:
    with sandbox.run(lambda page: fresh_child.perform(request), _limits(seconds)) as outcome:
        if outcome.died:
            return Loaded("hung" if "return" in outcome.died else "died", outcome.died)
        if outcome.error:
            return Loaded("died", outcome.error)
        answer = outcome.value
        return Loaded(answer["stage"], answer.get("error", ""), answer)


def _fresh(request: dict[str, Any], start_method: str, seconds: float, fds: Sequence[int]) -> Loaded:
    results, results_end = os.pipe()
    command = [sys.executable, *subprocess._args_from_interpreter_flags(), _CHILD, str(results_end)]  # type: ignore[attr-defined]
    message = pickle.dumps({
        **request, "preparation": preparation(start_method), "fds": list(fds),
        "preload": list(forkserver._forkserver._preload_modules),  # type: ignore[attr-defined]
    })  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        pass_fds=(results_end, *fds), start_new_session=True,
    ) as child:  # fmt: skip
        os.close(results_end)
        hung, output = _let_work(child, message, seconds)
    lines = _read_all(results)
    return _judge(lines, hung, seconds, child.returncode, output.decode(errors="replace"))


def _let_work(child: subprocess.Popen[bytes], message: bytes, seconds: float) -> tuple[bool, bytes]:
    """Return whether the worker had to be ended, and its output; one that the machine starves gets more time."""
    hung = False
    for attempt in range(1, _MORE_TIME + 1):
        try:
            output, _ = child.communicate(message, timeout=seconds)
            break
        except subprocess.TimeoutExpired:
            # A fork server waits for its worker, which may be the one that is not let.
            involved = [child.pid, *children(child.pid)]
            hung = not any(sandbox.starved(process, 0.0, attempt * seconds) for process in involved)
            if hung:
                break
    else:
        hung = True
    _end_group(child.pid)  # a fork server's child outlives its server
    if hung:
        output, _ = child.communicate()
    return hung, output


def _end_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _read_all(fd: int) -> list[dict[str, Any]]:
    os.set_blocking(fd, False)  # a grandchild may hold the other end open for ever
    data = bytearray()
    try:
        while chunk := os.read(fd, _CHUNK):
            data += chunk
    except BlockingIOError:
        pass
    finally:
        os.close(fd)
    return [json.loads(line) for line in data.decode().splitlines() if line.endswith("}")]


def _said(output: str) -> str:
    """Return the last error of an output, from its type on, in one line; else its end."""
    errors = list(re.finditer(r"^[\w.]*(Error|Exception|Exit|Interrupt)\b", output, re.M))
    return " ".join(output[errors[-1].start() :].split())[:600] if errors else " ".join(output.split())[-300:]


def _failures(lines: list[dict[str, Any]]) -> dict[int, str]:
    return {line["failed"]: line["error"] for line in lines if "failed" in line}


def _judge(lines: list[dict[str, Any]], hung: bool, seconds: float, code: int, output: str) -> Loaded:
    last = lines[-1] if lines else {}
    index = last.get("failed", last.get("start"))
    if "failed" in last:
        return Loaded("load", last["error"], last, index)
    if last.get("done"):
        return Loaded("loaded", "", {**last, "failures": _failures(lines)})
    if last.get("stage") in ("loaded", "load", "main"):
        return Loaded(last["stage"], last.get("error", ""), last)
    where = "while loading" if last.get("stage") == "prepared" or index is not None else "while __main__ is imported"
    if hung:
        return Loaded("hung", f"does not return within {seconds:g} s {where}", {"failures": _failures(lines)}, index)
    tail = _said(output)
    stage = "died" if where == "while loading" else "main"
    error = f"the worker ended with exit code {code} {where}{': ' + tail if tail else ''}"
    return Loaded(stage, error, {"failures": _failures(lines)}, index)
