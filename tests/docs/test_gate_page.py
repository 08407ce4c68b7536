"""`docs/how-to/gate.md`, followed: its files are committed, changed as it says, and the gate prints what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks
from tests.end_to_end.gate_repository import Repository

pytestmark = pytest.mark.once

PAGE = DOCS / "how-to" / "gate.md"


def masked(text: str) -> list[str]:
    """Without commits, ratios and times: these differ from run to run."""
    text = re.sub(r"\b[0-9a-f]{12}\b", "COMMIT", text)
    text = re.sub(r"\d+\.\d+ \[[\d., -]+\]", "RATIO", text)
    text = re.sub(r"│ \d+ +│ \d+\.\d +│", "│ PAIRS │ SECONDS │", text)
    text = re.sub(r"\d+ s$", "SECONDS", text, flags=re.M)
    return [re.sub(r" +", " ", line) for line in text.splitlines()]


@pytest.mark.timeout(800)
def test_the_page_shows_what_the_gate_prints(tmp_path: Path) -> None:
    found = blocks(PAGE)
    repository = Repository(tmp_path / "repository", {block.file: block.text for block in found if block.file})
    counter = (repository.folder / "counter.py").read_text("utf-8")
    repository.write("counter.py", counter.replace("        with self.lock:\n            self", "        self"))
    scores = (repository.folder / "scores.py").read_text("utf-8")
    repository.write("scores.py", scores.replace("range(steps)", "range(steps * 3 // 2)"))
    repository.commit("change")
    # beside heavy load the default of 60 s is too few pairs for a decision, which ends them at once
    code, text = repository.gate("--seconds", "250", github=False, limit=700)
    (expected,) = [block.text for block in found if block.language == "text"]
    printed = "".join(line + "\n" for line in text.splitlines() if not line.startswith("gate: scenarios"))
    printed = re.sub(r"^gate: REGRESSION: .*\n", "", printed, flags=re.M)
    assert code == 1, text
    assert masked(printed) == masked(expected)
