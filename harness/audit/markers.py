"""A wrong marker fails its own test, in the setup and with one line; the others run."""

from __future__ import annotations

from collections.abc import Callable

import pytest


class MarkerCheck:
    """Calls ``check`` with each test that is set up; its ``pytest.UsageError`` is the failure of that test.

    A plugin of its own, because the wrappers are all entered before it: one that raised first would keep the other
    plugins from their setup, and their teardown would fail too.
    """

    def __init__(self, check: Callable[[pytest.Item], object]) -> None:
        self._check = check

    @pytest.hookimpl
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        try:
            self._check(item)
        except pytest.UsageError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
