"""Processes that the gate starts: each leads a group of its own, and none outlives the gate, whatever interrupts it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_living: list[subprocess.Popen[Any]] = []


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """A signal that ends programs raises ``KeyboardInterrupt``, once: a second one must not stop the clean-up.

    At the end every process of the gate is killed.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # started with nohup
    previous = {number: signal.signal(number, interrupt) for number in ENDING[: 2 if ignored else 3]}
    try:
        yield
    finally:
        end_all()
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start(words: list[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a group; no signal comes between the start and the note of it."""
    with _uninterrupted():
        process = subprocess.Popen(
            words,
            start_new_session=True,  # Ctrl-C reaches the gate, which ends the group
            preexec_fn=_unmask,
            **options,
        )
        _living.append(process)
    return process


def _unmask() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def end(process: subprocess.Popen[Any]) -> None:
    """Kill a group and wait for its leader."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with contextlib.suppress(ValueError):
        _living.remove(process)


def end_all() -> None:
    """Kill every group that was started and not yet ended, whoever lost sight of it."""
    while _living:
        end(_living[-1])


def run(
    words: list[str], folder: Path, seconds: float, environment: Mapping[str, str] | None = None
) -> tuple[int | None, str]:
    """Exit code and output of a command; the code is None when it did not end in time. Nothing of its group is left."""
    process = start(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    )  # fmt: skip
    code: int | None = None
    try:
        text, _ = process.communicate(timeout=seconds)
        code = process.returncode
    except subprocess.TimeoutExpired:
        end(process)
        text, _ = process.communicate()
    finally:
        end(process)
    return code, text
