"""A package whose exceptions make the trip, or do not, in every way that is published."""

from __future__ import annotations


class Plain(Exception):
    pass


class Kept(Exception):
    def __init__(self, code: int, detail: str) -> None:
        super().__init__(code, detail)


class Formatted(Exception):
    """Calls ``super().__init__`` with one text made of two arguments."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class KeywordOnly(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__(code)
        self.code = code


class Closing(Exception):
    def __init__(self) -> None:
        super().__init__()
        self.release = lambda: None


class NeedsServer(Exception):
    def __init__(self, connection: object) -> None:
        raise RuntimeError(f"no connection in {connection!r}")
