"""Why a history is not linearizable, and what weaker property it has, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.model import Kind
from harness.oracles import linearizability as oracle
from harness.oracles.linearizability import Tree
from harness.schedule.history import Operation

REFUTATIONS = 8
CONSISTENT = "sequentially consistent"
SERIALISABLE = "final state serialisable"
SAFE = "what returned is linearizable"


def reason(history: Sequence[Operation], tree: Tree) -> str:
    """Which constraint no order of the operations satisfies, in one sentence."""
    edge = oracle.broken_edge(history, tree)
    if edge is not None:
        earlier, later = edge
        return (
            f"the results need {later.label} before {earlier.label}, "
            f"but {earlier.label} had returned before {later.label} was called"
        )
    ends = list(oracle.refutations(history, tree, oracle.program_order(history)))
    wrong = {end.operation for end in ends}
    if len(wrong) == 1:
        (operation,) = wrong
        assert operation.result is not None
        return f"no order of the operations explains that {operation.label} {operation.result.text}"
    texts = " and ".join(f"{o.label} {o.result.text}" for o in history if o in wrong and o.result is not None)
    return f"no order of the operations explains that {texts}"


@dataclass(frozen=True, slots=True)
class Weaker:
    """The weaker properties that a failing history has, and all of them in words."""

    held: tuple[str, ...] = ()
    text: str = ""


def judge_weaker(history: Sequence[Operation], tree: Tree | None, final: Any, kind: Kind) -> Weaker:
    """What still holds of a failing history: real time given up, or the results, or the return of what hangs."""
    if not history or tree is None:
        return Weaker()
    if kind is not Kind.NOT_LINEARIZABLE:
        return Weaker((SAFE,), f"Still holds: {SAFE}.")
    verdicts = {CONSISTENT: oracle.sequentially_consistent(history, tree)}
    unknown = ""
    if final is None:
        unknown = " Final state: not known, it does not compare; pass observe=."
    else:
        verdicts[SERIALISABLE] = oracle.final_state_serialisable(
            history, tree, lambda state: bool(tree.final(state) == final)
        )
    held = tuple(name for name, value in verdicts.items() if value)
    lost = tuple(name for name, value in verdicts.items() if not value)
    text = f"Still holds: {', '.join(held) or 'nothing weaker'}."
    if lost:
        text += f" Does not hold: {', '.join(lost)}."
    return Weaker(held, text + unknown)


def orders(history: Sequence[Operation], tree: Tree | None) -> str:
    """Why no order fits: the orders that respect real time, each up to the first result that differs."""
    if not history or tree is None:
        return ""
    ends = list(oracle.refutations(history, tree, oracle.real_time(history)))
    lines = ["One operation at a time, in every order that real time allows:"]
    lines += [f"  {end}" for end in ends[:REFUTATIONS]]
    if len(ends) > REFUTATIONS:
        lines.append(f"  and {len(ends) - REFUTATIONS} more")
    return "\n".join(lines) if ends else ""
