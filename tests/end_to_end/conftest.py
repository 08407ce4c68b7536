"""What several end-to-end tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.gate_repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")
