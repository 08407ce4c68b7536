"""A submodule, found by walking the package."""

from __future__ import annotations

from tests.probes.sample_errors import Formatted


class Derived(Formatted):
    def __init__(self, code: int) -> None:
        super().__init__(code, "derived")
