"""A process of one side as the gate sees it: started, asked, heard with a deadline, ended with all its children.

What runs inside is :mod:`harness.gate.side`.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.gate import processes
from harness.model import HarnessError

PATIENCE = 120.0
GRACE = 2.0
HARNESS = Path(__file__).resolve().parents[1]
# The harness is imported before the side's tree is on the path: both sides run the same one. Only its package is
# there, through a link; what it needs itself may come from the gate's own environment, what is measured may not.
START = """
import json, sys
request = json.loads(sys.argv.pop())
path = [p for p in sys.path if p]
sys.path[:] = [request["link"], *path, *request["lent"]]
from harness.gate import side
if request["kind"] in ("fixture", "collect"):
    import harness.gate.fixture_side
sys.path[:] = [*request["paths"], *path, request["link"]]
side.main(request)
"""


class SideFailed(HarnessError):
    """A side could not run a benchmark. ``own_code``: its own code fails at import; ``skipped``: pytest skipped it."""

    def __init__(self, side: str, message: str, own_code: bool = False, skipped: bool = False) -> None:
        super().__init__(message)
        self.side, self.own_code, self.skipped = side, own_code, skipped


@dataclass(frozen=True)
class Tree:
    """A side's code: its folder, the interpreter of its environment and the import paths in it.

    ``link``: a folder that holds the package ``harness`` alone. ``foreign``: folders from which its code must not come.
    """

    name: str
    root: Path
    link: Path
    python: str = sys.executable
    paths: tuple[str, ...] = (".",)
    foreign: tuple[str, ...] = ()
    project: str = ""
    benchmarks: tuple[str, ...] = ()

    @property
    def import_paths(self) -> list[str]:
        """The configured paths that exist."""
        return [str((self.root / path).resolve()) for path in self.paths if (self.root / path).is_dir()]

    @property
    def lent(self) -> list[str]:
        """Where a side with an environment of its own finds what the harness needs, and nothing else."""
        if self.python == sys.executable:
            return []
        return [path for path in sys.path if "site-packages" in path or "dist-packages" in path]

    def relative(self, text: str) -> str:
        """``text`` without the folder of this tree."""
        return text.replace(str(self.root) + os.sep, "")


def inherited() -> dict[str, str]:
    """The environment without what belongs to the pytest or the interpreter that runs the gate."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "PYTHONPATH"))}


class Side:
    """A process of one side; use it as a context manager, which leaves no process of its tree behind."""

    def __init__(self, tree: Tree, kind: str, name: str = "", environment: Mapping[str, str] | None = None,
                 **more: Any) -> None:  # fmt: skip
        request = {
            "root": str(tree.root), "paths": tree.import_paths, "link": str(tree.link), "lent": tree.lent,
            "kind": kind, "name": name, "foreign": tree.foreign, "project": tree.project,
            "benchmarks": tree.benchmarks, **more,
        }  # fmt: skip
        self.tree, self.what = tree, name or kind
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed in __exit__)
        self._heard = b""
        self._process = processes.start(
            [tree.python, "-P", "-c", START, json.dumps(request)],
            cwd=tree.root,
            # one seed for both sides: the order of sets is no difference between them
            env={**inherited(), "PYTHONHASHSEED": "0", **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stdout, selectors.EVENT_READ)

    def __enter__(self) -> Side:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let the process leave by itself, which removes its temporary files, then end what is left of its group."""
        self._selector.close()
        with contextlib.suppress(OSError):
            self._stdin.close()
        if kind is not KeyboardInterrupt:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        processes.end(self._process)
        for stream in (self._stdout, self._errors):
            with contextlib.suppress(OSError):
                stream.close()

    def _line(self, patience: float) -> bytes:
        """The next line, which may have arrived with an earlier one; empty at the end."""
        deadline = time.monotonic() + patience
        while b"\n" not in self._heard:
            if not self._selector.select(max(0.0, deadline - time.monotonic())):
                raise SideFailed(
                    self.tree.name,
                    f"{self.tree.name} did not answer for {patience:.0f} s while running {self.what}: "
                    "it hangs, or one call of it is too long to be measured",
                )
            some = os.read(self._stdout.fileno(), 1 << 16)
            if not some:
                return b""
            self._heard += some
        line, _, self._heard = self._heard.partition(b"\n")
        return line

    def hear(self, patience: float = PATIENCE) -> dict[str, Any]:
        """The next message; raises :class:`SideFailed` with what the process said instead."""
        line = self._line(patience)
        if not line:
            self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip().splitlines() or ["no message"]
            raise SideFailed(
                self.tree.name, f"{self.tree.name} died with {self._process.returncode} on {self.what}: {said[-1]}"
            )
        message: dict[str, Any] = json.loads(line)
        if "error" in message:
            text = self.tree.relative(message["error"])
            raise SideFailed(
                self.tree.name, f"{self.tree.name} cannot run {self.what}: {text}", message["own_code"],
                message["skipped"],
            )  # fmt: skip
        return message

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command and hear its answer."""
        with contextlib.suppress(BrokenPipeError):  # its last words say why
            self._stdin.write((json.dumps(command) + "\n").encode())
        return self.hear()


def ask_once(tree: Tree, kind: str, **more: Any) -> dict[str, Any]:
    """One question to a fresh process of a side."""
    with Side(tree, kind, **more) as side:
        return side.hear()
