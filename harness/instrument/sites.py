"""Yield points as places in code: what every site offers, and the sites of synchronisation operations."""

from __future__ import annotations

from collections.abc import Sequence
from types import CodeType, FrameType
from typing import Any, Protocol


class AnySite(Protocol):
    """A place in code where control may pass; `hot` once two threads were seen to conflict there."""

    code: CodeType
    line: int
    label: str
    hot: bool

    def touch(self, frame: FrameType) -> Sequence[tuple[Any, Any, int]]:
        """The locations that the coming access touches."""


class SyncSite:
    """A synchronisation operation as seen from the target's line that asked for it."""

    __slots__ = ("code", "hot", "label", "line")

    def __init__(self, code: CodeType, line: int, label: str) -> None:
        self.code = code
        self.line = line
        self.label = label
        self.hot = False

    def touch(self, frame: FrameType) -> Sequence[tuple[Any, Any, int]]:
        return ()


class SyncSites:
    """One site for each operation and place; kept for a whole exploration so that `hot` stays."""

    def __init__(self) -> None:
        self._sites: dict[tuple[int, int, str], SyncSite] = {}
        self._codes: list[CodeType] = []
        self.ended = SyncSite(SyncSites.at.__code__, 0, "end")

    def at(self, frame: FrameType, verb: str) -> SyncSite:
        """The site of operation ``verb`` asked for where ``frame`` stands."""
        code = frame.f_code
        key = (id(code), frame.f_lasti, verb)
        site = self._sites.get(key)
        if site is None:
            self._codes.append(code)
            site = self._sites[key] = SyncSite(code, frame.f_lineno, verb)
        return site

    def all(self) -> list[SyncSite]:
        """Every site met so far."""
        return list(self._sites.values())
