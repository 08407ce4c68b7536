"""Turns what a call did into plain data that is equal in every process: no addresses, no thread numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_VARYING = (
    (re.compile(r"0x[0-9a-fA-F]+"), "0x"),
    (re.compile(r"owner=[1-9]\d*"), "owner=thread"),
    (re.compile(r"(started|stopped)( daemon)? \d+"), r"\1\2 ident"),
    (re.compile(r"(Thread|ThreadPoolExecutor|Dummy)-\d+"), r"\1-n"),
    (re.compile(r"_\d+\b"), "_n"),
)


def text(value: object) -> str:
    """The text without what differs from process to process."""
    result = str(value)
    for pattern, replacement in _VARYING:
        result = pattern.sub(replacement, result)
    return result


def plain(value: object) -> object:
    """The value itself if it is plain, else the name of its type."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return f"a {type(value).__name__}"


def attempt(action: Callable[..., Any], *args: Any, **kwargs: Any) -> object:
    """The plain result of the call, or the type and the message of what it raised."""
    try:
        return plain(action(*args, **kwargs))
    except Exception as error:
        return [type(error).__name__, text(error)]


def kind(action: Callable[..., Any], *args: Any, **kwargs: Any) -> object:
    """As `attempt`, with the type alone: for messages that C code words from its own signature."""
    try:
        return plain(action(*args, **kwargs))
    except Exception as error:
        return [type(error).__name__]
