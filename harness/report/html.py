"""What the pages of all commands need."""

from __future__ import annotations

import importlib
from typing import Any

from harness.model import UsageError


def require_jinja2() -> Any:
    """The module jinja2, to be asked for before anything is measured; raises :class:`UsageError` without it."""
    try:
        return importlib.import_module("jinja2")
    except ModuleNotFoundError as error:
        raise UsageError("--html needs jinja2: pip install 'concurrency-harness[html]'") from error
