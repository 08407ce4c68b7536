"""Gives long tests their time, and keeps those that need the machine to themselves out of parallel runs."""

from __future__ import annotations

import pytest

LONG = 1500  # seconds; a watchdog, so far above what any of them takes on a busy machine
ALONE = pytest.mark.skip(reason="marked serial: run it without pytest-xdist's -n")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give long tests their watchdog; skip what is marked `serial`, with the reason, in a worker of pytest-xdist."""
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.timeout(LONG), append=False)
    if hasattr(config, "workerinput"):
        for item in items:
            if item.get_closest_marker("serial"):
                item.add_marker(ALONE)
