"""The shape of one correct program. It knows nothing about how it is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Program:
    """Threads over one state that are right, and end, in every interleaving.

    `check` gets the state, or the state and the results; `observe` alone means that what is
    observed must equal what some sequential order gives. `blocks_in_c` marks a program in which a
    thread may wait in C for something that the harness does not own, so that INCONCLUSIVE is an
    honest verdict. `options` go to `harness.explore` as they are.
    """

    name: str
    setup: Callable[[], Any]
    threads: Sequence[Callable[[Any], object]]
    check: Callable[..., object] | None = None
    observe: Callable[[Any], object] | None = None
    blocks_in_c: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


def both_ways(
    name: str,
    setup: Callable[[], Any],
    waiter: Callable[[Any], object],
    notifier: Callable[[Any], object],
    check: Callable[[Any, Mapping[str, object]], object],
    *,
    blocks_in_c: bool = False,
) -> tuple[Program, Program]:
    """The same pair twice: the waiter starts first, then the notifier starts first.

    `check` gets the state and the results by role, so that one check serves both orders.
    """

    def waiter_is_first(state: Any, results: Sequence[object]) -> object:
        return check(state, {"waiter": results[0], "notifier": results[1]})

    def notifier_is_first(state: Any, results: Sequence[object]) -> object:
        return check(state, {"waiter": results[1], "notifier": results[0]})

    return (
        Program(
            f"{name}_waiter_first",
            setup,
            [waiter, notifier],
            waiter_is_first,
            blocks_in_c=blocks_in_c,
        ),
        Program(
            f"{name}_notifier_first",
            setup,
            [notifier, waiter],
            notifier_is_first,
            blocks_in_c=blocks_in_c,
        ),
    )
