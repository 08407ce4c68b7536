"""Keeps tests that need the machine to themselves out of parallel runs."""

from __future__ import annotations

import pytest

ALONE = pytest.mark.skip(reason="marked serial: run it without pytest-xdist's -n")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, with the reason, what is marked `serial` when this process is a worker of pytest-xdist."""
    if hasattr(config, "workerinput"):
        for item in items:
            if item.get_closest_marker("serial"):
                item.add_marker(ALONE)
