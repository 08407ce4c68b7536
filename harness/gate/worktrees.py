"""Base and head as two git worktrees in one temporary folder, prepared alike and removed whatever happens."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.gate import processes
from harness.gate.settings import project_table
from harness.gate.sides import HARNESS
from harness.model import UsageError

PREFIX = "harness-gate-"
DEPENDENCIES = ("constraints.txt", "requirements.txt", "setup.cfg", "setup.py", "uv.lock", "poetry.lock", "pdm.lock")
PROJECT = ("dependencies", "optional-dependencies", "requires-python", "dynamic")
MANAGERS = ("poetry", "pdm", "uv", "hatch", "setuptools")


def git(root: Path, *words: str) -> str:
    """The output of a git command; raises :class:`UsageError` with git's own last line."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "-c", "core.hooksPath=/dev/null", *words],
            capture_output=True, text=True, timeout=120, env=inherited, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise UsageError("git is not installed: the gate compares two revisions of a git repository") from error
    if done.returncode:
        raise UsageError(f"git {words[0]}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    return done.stdout.rstrip()


def top(folder: Path) -> Path:
    """The repository's root."""
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel"))
    except UsageError as error:
        raise UsageError(f"{folder} is not in a git repository: run the gate inside one") from error


MAIN = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


def merge_base(root: Path) -> str:
    """Where HEAD left the main branch; of the main branch itself, its previous commit."""
    head = revision(root, "HEAD")
    for branch in MAIN:
        with contextlib.suppress(UsageError):
            found = git(root, "merge-base", branch, "HEAD")
            return found if found != head else git(root, "rev-parse", "--verify", "--quiet", "HEAD^")
    if git(root, "rev-parse", "--is-shallow-repository") == "true":
        raise UsageError(
            "no merge base: the clone is shallow and holds no common commit; fetch the history "
            "(actions/checkout: fetch-depth: 0)"
        )
    raise UsageError("no merge base: HEAD and the main branch have no common commit; name the base with --base REV")


def revision(root: Path, name: str) -> str:
    """A commit's full hash; raises :class:`UsageError` for what is none."""
    try:
        return git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except UsageError as error:
        shallow = git(root, "rev-parse", "--is-shallow-repository") == "true"
        remedy = "the clone is shallow: fetch the history" if shallow else "give a branch, tag or commit"
        what = "HEAD" if name == "HEAD" else f"--base {name}"
        raise UsageError(f"{what}: no such commit; {remedy}") from error


def refuse_dirty(root: Path) -> None:
    """Head is a commit: what is not committed would silently not be measured."""
    changed = git(root, "status", "--porcelain").splitlines()
    if changed:
        raise UsageError(
            f"the tree is dirty: {len(changed)} changed or untracked file(s), first {changed[0][3:].strip()}; "
            "commit, stash or ignore them, the gate compares commits"
        )


@contextlib.contextmanager
def worktrees(root: Path, revisions: dict[str, str]) -> Iterator[dict[str, Path]]:
    """Check out each revision; all is removed at the end, also what a killed gate left."""
    _remove_stale(root)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")).resolve()
    try:
        for name, commit in revisions.items():
            git(root, "worktree", "add", "--quiet", "--detach", str(folder / name), commit)
        yield {name: folder / name for name in revisions}
    finally:
        for name in revisions:
            with contextlib.suppress(UsageError):  # git locks what it is still checking out
                git(root, "worktree", "unlock", str(folder / name))
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(UsageError):
            git(root, "worktree", "prune")


def _remove_stale(root: Path) -> None:
    for line in git(root, "worktree", "list", "--porcelain").splitlines():
        path = Path(line.removeprefix("worktree "))
        if line.startswith("worktree ") and path.parent.name.startswith(PREFIX):
            owner = path.parent.name.removeprefix(PREFIX).split("-")[0]
            if owner.isdigit() and not Path(f"/proc/{owner}").exists():
                shutil.rmtree(path.parent, ignore_errors=True)
    git(root, "worktree", "prune")


def overlay(source: Path, target: Path, paths: list[str]) -> None:
    """Put head's benchmarks into base's tree: both sides run the same ones."""
    for name in paths:
        with contextlib.suppress(OSError):
            (shutil.rmtree if (target / name).is_dir() else os.unlink)(target / name)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def _dependencies(folder: Path) -> list[Any]:
    """What decides which environment a side needs: lock files whole, pyproject.toml without name, version and tools."""
    files = [path.read_bytes() if (path := folder / name).is_file() else None for name in DEPENDENCIES]
    table = project_table(folder)
    project = {name: table.get("project", {}).get(name) for name in PROJECT}
    tools = {name: table.get("tool", {}).get(name) for name in MANAGERS}
    return [files, project, tools, table.get("build-system"), table.get("dependency-groups")]


def same_dependencies(base: Path, head: Path) -> bool:
    """Whether both sides declare the same dependencies."""
    return _dependencies(base) == _dependencies(head)


def make_environment(tree: Path, python: str, command: str) -> str:
    """An environment of a side's own, made by ``command`` in its tree; the path of its interpreter."""
    environment = tree.parent / f"environment-{tree.name}"
    interpreter = str(environment / "bin" / "python")
    words = [interpreter if word == "python" else word for word in shlex.split(command)]
    for step, limit in (([python, "-m", "venv", str(environment)], 300.0), (words, 1200.0)):
        try:
            code, text = processes.run(step, tree, limit)
        except OSError as error:
            raise UsageError(f"setup = {command!r} of [tool.harness.gate] cannot be run: {error}") from error
        if code != 0:
            last = (text.strip() or "it did not end in time").splitlines()[-1]
            raise UsageError(f"the environment of {tree.name} cannot be made ({' '.join(step)}): {last}")
    return interpreter


def link_harness(folder: Path) -> Path:
    """A folder from which the package ``harness`` alone can be imported."""
    link = folder / "harness-only"
    link.mkdir()
    (link / "harness").symlink_to(HARNESS, target_is_directory=True)
    return link
