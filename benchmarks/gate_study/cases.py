"""The commits that the study gates, as real git repositories made from `projects/`."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROJECTS = Path(__file__).parent / "projects"


@dataclass(frozen=True)
class Case:
    """A project and what the gate should say of it; ``cause``: words of its cause. ``bursty``: beside a neighbour."""

    name: str
    project: str
    change: str
    cause: str = ""
    bursty: bool = False

    @property
    def identical(self) -> bool:
        """Whether both commits hold the same code."""
        return self.project == "identical"


CASES = (
    Case("identical", "identical", "none"),
    Case("identical, beside bursts", "identical", "none", bursty=True),
    Case("cpu", "cpu", "10 % more CPU", "more CPU"),
    Case("lock", "lock", "a lock round two thirds of each task", "lock wait"),
    Case("gil", "gil", "a kernel that holds the GIL", "GIL held"),
    Case("chunks", "chunks", "chunk size 1000 to 1", "serialisation"),
    Case("pickles", "pickles", "a 1 MB object pickled with each task", "serialisation"),
    Case("whisper", "whisper", "faster-whisper with num_workers 2 to 1", "queueing"),
)


def make_repository(case: Case, folder: Path) -> Path:
    """A repository whose last commit is the change and whose one before is the base."""
    source = PROJECTS / case.project
    (folder / "benchmarks").mkdir(parents=True)
    shutil.copy(source / "bench.py", folder / "benchmarks" / "bench.py")
    (folder / ".gitignore").write_text("__pycache__/\n", "utf-8")
    _git(folder, "init", "-q", "-b", "main")
    for name in ("base", "head"):
        shutil.copy(source / ("work.py" if case.identical else f"{name}.py"), folder / "work.py")
        (folder / "README").write_text(f"{name}\n", "utf-8")
        _git(folder, "add", "-A")
        _git(folder, "commit", "-q", "-m", name)
    return folder


def _git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=study", "-c", "user.email=study@example.org")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, timeout=60)
