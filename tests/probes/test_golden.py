"""Real objects of published packages: the report names the right line, and is the one that was kept.

``python -m tests.probes.test_golden`` writes the files anew. A file says with which versions it was written; with
others only the right line and the first path are compared, because a library may rename what it holds.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from harness.probes import PickleReport, probe_pickle
from harness.probes.text import render
from tests.probes.golden.objects import GOLDEN, Golden

FOLDER = Path(__file__).parent / "golden"
SOURCE = FOLDER / "objects.py"
LIBRARY_LINE = re.compile(r"\[(?!tests/)[\w./<>-]+:\d+\]")


def versions(golden: Golden) -> str:
    found = [f"{package}=={importlib.metadata.version(package)}" for package in golden.packages]
    return " ".join([f"python=={sys.version_info.major}.{sys.version_info.minor}", *found])


def probed(golden: Golden) -> PickleReport:
    return probe_pickle(golden.make(), start_method="spawn", name="service")


def text_of(golden: Golden, report: PickleReport) -> str:
    text = render(report, timings=False).replace(f", asked at {report.asked_at}", "")
    text = re.sub(r"\[tests/probes/test_golden\.py:\d+\]", "[the call]", text)
    return f"# {versions(golden)}\n{LIBRARY_LINE.sub('[library]', text)}"


def right_line(name: str) -> str:
    for number, line in enumerate(SOURCE.read_text(encoding="utf-8").splitlines(), 1):
        if line.endswith(f"# the right line: {name}"):
            return f"tests/probes/golden/objects.py:{number}"
    raise LookupError(name)


def present(golden: Golden) -> None:
    for package in golden.packages:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)
def test_the_report_names_the_right_line_and_is_the_kept_one(golden: Golden) -> None:
    present(golden)
    report = probed(golden)
    places = {culprit.where for culprit in report.culprits} | {problem.where for problem in report.problems}
    assert not report.ok
    assert right_line(golden.name) in places
    kept = (FOLDER / f"{golden.name}.txt").read_text(encoding="utf-8")
    text = text_of(golden, report)
    if kept.partition("\n")[0] == text.partition("\n")[0]:
        assert text == kept


def write() -> None:
    """Write every report anew."""
    for golden in GOLDEN:
        (FOLDER / f"{golden.name}.txt").write_text(text_of(golden, probed(golden)), encoding="utf-8")


if __name__ == "__main__":
    write()
