"""A git repository with benchmarks and a gate, made by the tests, and the gate run in it as a user runs it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = """def task(steps=2000):
    total = 0
    for step in range(steps):
        total += 1
    return {result}
"""
BENCH = "from harness import benchmark\nfrom work import task\n\n\n@benchmark\ndef one_task():\n    return task()\n"


COUNTER = """import threading


class Counter:
    def __init__(self):
        self.lock = threading.Lock()
        self.total = 0

    def record(self):
        with self.lock:
            self.total += 1
"""
SCENARIO = """import pytest
from counter import Counter


@pytest.mark.concurrency
def test_no_update_is_lost(explore):
    explore(Counter, [Counter.record] * 3, lambda counter, results: counter.total == len(results))
"""


class Repository:
    """A user's repository with a gate."""

    def __init__(self, folder: Path, files: dict[str, str] | None = None) -> None:
        self.folder, self.temporary = folder, folder.parent / "temporary"
        folder.mkdir()
        self.temporary.mkdir()
        self.git("init", "-q", "-b", "main")
        self.write(".gitignore", "__pycache__/\n.harness/\n.pytest_cache/\n")
        files = files or {"work.py": WORK.format(result="total"), "benchmarks/bench_work.py": BENCH}
        for name, text in files.items():
            self.write(name, text)
        self.commit("begin")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        done = subprocess.run(
            ["git", *identity, *words], cwd=self.folder, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def add_counter(self, locked: bool = True) -> None:
        """Commit a counter with its scenario, the increment at line 11 or, without the lock, 10."""
        guarded = "        with self.lock:\n            self"
        self.write("counter.py", COUNTER if locked else COUNTER.replace(guarded, "        self"))
        self.write("tests/test_counter.py", SCENARIO)
        self.commit("count")

    def environment(self, summary: Path | None = None) -> dict[str, str]:
        """That of a job on GitHub, as far as the gate asks for it."""
        foreign = ("PYTEST_", "GITHUB_", "COV", "CI")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary or "")}
        return {**kept, **github, "COLUMNS": "160", "PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary)}

    def check_clean(self) -> None:
        """No worktree and no temporary file is left."""
        assert self.git("worktree", "list").count("\n") == 1
        assert list(self.temporary.iterdir()) == []

    @contextlib.contextmanager
    def started(
        self, *words: str, summary: Path | None = None, github: bool = True, before: str = ""
    ) -> Iterator[subprocess.Popen[str]]:
        """A gate that does not outlive the block, however that is left; `before`: Python that runs first in it."""
        process = subprocess.Popen(
            [sys.executable, "-c", f"{before}\nfrom harness.cli import main; main()", "gate", *words],
            cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=self.environment(summary) | ({} if github else {"GITHUB_ACTIONS": ""}),
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()  # it removes what it made
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=60)
                process.kill()
                process.wait()

    def gate(
        self, *words: str, summary: Path | None = None, github: bool = True, before: str = "", limit: float = 280
    ) -> tuple[int, str]:
        """Exit code and output; afterwards nothing is left. `limit`: seconds, a watchdog."""
        with self.started(*words, summary=summary, github=github, before=before) as process:
            text, _ = process.communicate(timeout=limit)
        self.check_clean()
        return process.returncode, text
