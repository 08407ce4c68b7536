"""`harness explain`: what the record of a real failure decides, and what it says of files that are no records."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import harness
from harness.cli import main


def add(state: SimpleNamespace) -> None:
    value = state.total
    state.total = value + 1


def test_the_record_of_a_lost_update_tells_where_the_thread_was_preempted(tmp_path: Path) -> None:
    found = harness.explore(lambda: SimpleNamespace(total=0), [add, add], lambda state: state.total == 2)
    assert found.failure is not None
    record = found.failure.witness.save(tmp_path / "record.json")
    told = CliRunner().invoke(main, ["explain", str(record)])
    assert told.exit_code == 0, told.output
    assert told.output.startswith("check: the check returned False")
    assert "state.total = value + 1" in told.output


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file or directory"), (b"\xff\xfe", "cannot read"), (b"{}", "not a replay record")],
)
def test_what_is_no_record_is_refused_with_the_remedy(content: bytes | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content)
    told = CliRunner().invoke(main, ["explain", str(path)])
    assert told.exit_code == 2
    (line,) = [line for line in told.output.splitlines() if line.startswith("Error: ")]
    assert words in line
    assert "the JSON file that a failure named" in line
