"""The mark of a benchmark. It measures nothing and imports nothing: user code imports it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar, overload

MARK = "__harness_benchmark__"
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Mark:
    """How a marked function is measured; see :func:`benchmark`."""

    tasks: int = 1
    setup: Callable[[], AbstractContextManager[Any]] | None = None
    compare: bool = True


@overload
def benchmark(function: Function, /) -> Function: ...
@overload
def benchmark(
    *, tasks: int = 1, setup: Callable[[], AbstractContextManager[Any]] | None = None, compare: bool = True
) -> Callable[[Function], Function]: ...
def benchmark(
    function: Callable[..., Any] | None = None,
    /,
    *,
    tasks: int = 1,
    setup: Callable[[], AbstractContextManager[Any]] | None = None,
    compare: bool = True,
) -> Any:
    """Mark a function or coroutine function as a benchmark of the gate.

    One call does ``tasks`` tasks. ``setup()`` is a context manager entered once in each measuring process, and the
    function gets what it yields: make pools there. What the function returns is compared between base and head
    unless ``compare`` is false. Raises ``ValueError`` when ``tasks`` is not positive.
    """
    if tasks < 1:
        raise ValueError(f"tasks must be at least 1, got {tasks}")

    def mark(marked: Callable[..., Any]) -> Callable[..., Any]:
        setattr(marked, MARK, Mark(tasks, setup, compare))
        return marked

    return mark if function is None else mark(function)
