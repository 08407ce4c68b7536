"""Concurrency bugs that others wrote, released and repaired: the broken release fails, the repaired one passes.

Both releases are fetched from the package index into throw-away folders, checked against the hashes below, and run by
`published/run_one.py` in a new process each. Without the index these tests fail and say so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.concurrency

RUN_ONE = Path(__file__).parent / "published" / "run_one.py"

WHEELS = {
    "sqlparse==0.4.4": "5430a4fe2ac7d0f93e66f1efc6e1338a41884b7ddf2a350cedd20ccc4d9d28f3",
    "sqlparse==0.5.0": "c204494cd97479d0e39f28c93d46c0b2d5959c7b9ab904762ea6c7af211c8663",
    "tqdm==4.32.1": "e288416eecd4df19d12407d0c913cbf77aa8009d7fddb18f632aded3bdbdda6b",
    "tqdm==4.32.2": "14a285392c32b6f8222ecfbcd217838f88e11630affe9006cd0e94c7eff3cb61",
}

Fetch = Callable[[str], Path]


@pytest.fixture(scope="session")
def fetch(tmp_path_factory: pytest.TempPathFactory) -> Fetch:
    """`fetch("name==version")`: a folder that holds that release and nothing else."""
    root = tmp_path_factory.mktemp("published")
    return lambda release: _install(release, root / release.replace("==", "-"))


def _install(release: str, folder: Path) -> Path:
    if folder.exists():
        return folder
    pinned = folder.with_suffix(".txt")
    pinned.write_text(f"{release} --hash=sha256:{WHEELS[release]}\n", "utf-8")
    arguments = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "--disable-pip-version-check"]
    try:
        run = subprocess.run(
            [sys.executable, "-m", "pip", "install", *arguments, "--target", str(folder), "--requirement", str(pinned)],
            capture_output=True,
            text=True,
            timeout=100,
        )
    except subprocess.TimeoutExpired:
        pytest.fail(_not_fetched(release, "pip got no answer for 100 seconds"), pytrace=False)
    if run.returncode:
        errors = [line for line in run.stderr.splitlines() if line.startswith("ERROR")] or ["pip said nothing"]
        pytest.fail(_not_fetched(release, errors[0]), pytrace=False)
    return folder


def _not_fetched(release: str, why: str) -> str:
    return f"{release} could not be fetched, so nothing was explored: {why}; pip must reach a package index that has it"


def explore_release(folder: Path, scenario: str) -> dict[str, Any]:
    """Runs one scenario on the release in `folder`, in a new process."""
    run = subprocess.run(
        [sys.executable, str(RUN_ONE), str(folder), scenario], capture_output=True, text=True, timeout=110, cwd=folder
    )
    assert run.returncode == 0, f"the child process ended with exit code {run.returncode}\n{run.stderr}"
    result: dict[str, Any] = json.loads(run.stdout)
    assert result["loaded_from"] == [str(folder.resolve())], "the child must run the release that was fetched for it"
    return result


CASES = [
    ("one_lexer", "sqlparse==0.4.4", "sqlparse==0.5.0", "two_instances", "2 different default lexers", 2),
    ("complete_lexer", "sqlparse==0.4.4", "sqlparse==0.5.0", "check", "'select' was read as Token.Name", 2),
    ("registered_bars", "tqdm==4.32.1", "tqdm==4.32.2", "double_init", "lost 1 of 2 open bars", 1),
    ("disabled_bars", "tqdm==4.32.1", "tqdm==4.32.2", "exception", "raised KeyError", 2),
]


@pytest.mark.parametrize(
    ("scenario", "broken", "repaired", "kind", "symptom", "bound"), CASES, ids=[case[0] for case in CASES]
)
def test_the_broken_release_fails_and_the_repaired_one_passes(
    fetch: Fetch,
    record_property: Callable[[str, object], None],
    scenario: str,
    broken: str,
    repaired: str,
    kind: str,
    symptom: str,
    bound: int,
) -> None:
    before, after = (explore_release(fetch(release), scenario) for release in (broken, repaired))
    for result in (before, after):
        record_property("concurrency", f"{result['installed'][0]}: {result['verdict'].upper()}: {result['reason']}")
    assert (before["installed"], after["installed"]) == ([broken], [repaired])
    assert (before["verdict"], before["kind"]) == ("fail", kind), before
    assert symptom in before["message"]
    assert (after["verdict"], after["proved"]) == ("pass", bound), after
