"""Gives long tests their time, and keeps those that need the machine to themselves out of parallel runs.

A busy machine makes no property fail; `--hypothesis-profile` still chooses another profile than this one.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

LONG = 1500  # seconds; a watchdog, so far above what any of them takes on a busy machine
ALONE = pytest.mark.skip(reason="marked serial: run it without pytest-xdist's -n")

# what is not named here stays as it is: Hypothesis' own defaults, or, in a build, those of its profile `ci`
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give long tests their watchdog; skip what is marked `serial`, with the reason, in a worker of pytest-xdist."""
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.timeout(LONG), append=False)
    if hasattr(config, "workerinput"):
        for item in items:
            if item.get_closest_marker("serial"):
                item.add_marker(ALONE)
