"""The shape of a case: a program with a planted bug, and the same program put right.

It knows the arguments of ``harness.explore`` by name only; it explores nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variant:
    """One program: a fresh state, the threads that share it, and what must hold."""

    setup: Callable[[], Any]
    threads: Sequence[Callable[[Any], object]]
    check: Callable[..., object] | None = None
    observe: Callable[[Any], object] | None = None
    expected: tuple[type[BaseException], ...] = ()


@dataclass(frozen=True)
class Case:
    """A planted bug (must FAIL with ``kind``) beside its fixed twin (must PASS).

    ``says`` is a piece of the failure's message, where the kind alone could hide that something else went wrong.
    ``waits`` says that some thread waits for another one when they run one after another in the
    listed order; ``needs`` names a package without which the case cannot run.
    """

    name: str
    broken: Variant
    fixed: Variant
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    says: str = ""
    waits: bool = False
    needs: str | None = None


def twins(
    name: str,
    kind: str,
    broken: Callable[[], Any],
    fixed: Callable[[], Any],
    threads: Sequence[Callable[[Any], object]],
    *,
    check: Callable[..., object] | None = None,
    observe: Callable[[Any], object] | None = None,
    expected: tuple[type[BaseException], ...] = (),
    **more: Any,
) -> Case:
    """The usual case: two setups driven by one script and judged by one check."""

    def variant(setup: Callable[[], Any]) -> Variant:
        return Variant(setup, threads, check, observe, expected)

    return Case(name, variant(broken), variant(fixed), kind, **more)
