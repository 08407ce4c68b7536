"""A tool in a process of its own, which runs blocks when told to: `python -m benchmarks.contestant TOOL CPU`.

Processes, because the tools patch the same modules and use the same tracing; only one of them works at a time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.audit import Counts, audit
from benchmarks.bodies import BODIES, Body, Counter
from benchmarks.tools import OURS, ROOT, TOOLS, Once, Tool

CLOSING_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Block:
    """Explorations one after the other: how many, how many schedules in all, and the seconds they took."""

    explorations: int
    schedules: int
    wall: float
    cpu: float


class Contestant:
    """The parent's end of a tool's process."""

    def __init__(self, tool: Tool, cpu: int) -> None:
        self.tool = tool
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process, see close()
        self._process = subprocess.Popen(
            [*tool.command, "-m", "benchmarks.contestant", tool.name, str(cpu)],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
        )  # fmt: skip

    def block(self, kind: str, body: Body, seconds: float) -> Block:
        """Explore ``body`` again and again for at least ``seconds``."""
        return Block(**self._ask("block", kind, body, seconds))

    def audit(self, kind: str, body: Body) -> Counts:
        """Explore ``body`` once with everything counted."""
        return Counts(**self._ask("audit", kind, body, 0.0))

    def _ask(self, verb: str, kind: str, body: Body, seconds: float) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([verb, kind, body.name, seconds]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            self._errors.seek(0)
            raise RuntimeError(f"{self.tool.name} ended in {verb} {kind}, {body.name}:\n{self._errors.read()}")
        return dict(json.loads(answer))

    def close(self) -> None:
        """End the process; it goes when its orders do."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(CLOSING_SECONDS)
        self._process.stdout.close()
        self._errors.close()


def timed(once: Once, seconds: float) -> Block:
    """Repeat ``once`` for at least ``seconds``."""
    explorations = schedules = 0
    began, began_cpu = _now(), time.process_time()
    while not explorations or _now() - began < seconds:
        schedules += once()
        explorations += 1
    return Block(explorations, schedules, _now() - began, time.process_time() - began_cpu)


def _now() -> float:
    """Real seconds: inside an exploration of ours `time.perf_counter` reads the virtual clock."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def serve(tool: Tool, cpu: int) -> None:
    """Answer orders until there are no more; what a tool prints goes to standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    if tool.module != OURS.module:
        os.sched_setaffinity(0, {cpu})  # ours pins its threads itself
    for line in sys.stdin:
        verb, kind, name, seconds = json.loads(line)
        opened, body = tool.opened[kind], BODIES[name]
        answer: Block | Counts
        if verb == "audit":
            answer = audit(body, opened, cpu)
        else:
            with opened(body, Counter, cpu) as once:
                answer = timed(once, seconds)
        print(json.dumps(asdict(answer)), file=answers, flush=True)


if __name__ == "__main__":
    serve(TOOLS[sys.argv[1]], int(sys.argv[2]))
