"""Is a history linearizable with respect to a sequential specification; if not, why, and what weaker property holds?

Wing and Gong's search (1993) with Lowe's memo of (operations done, state) pairs (2017), history by history; histories
of independent parts are judged part by part, since linearizability is local (Herlihy and Wing 1990; P-compositional,
Horn and Kroening 2015). Pending operations follow Herlihy and Wing: they took effect or they did not. It runs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from harness.schedule.history import FINAL, Operation, Result

Step = tuple[Result, Hashable]


class Specification(Protocol):
    """A deterministic sequential object with hashable states."""

    @property
    def initial(self) -> Hashable: ...

    def apply(self, state: Hashable, operation: Operation) -> Step | None:
        """The result and the next state; None where the operation blocks."""


@dataclass(frozen=True, slots=True)
class Refutation:
    """Why one order fails: after ``prefix``, ``operation`` gives ``expected`` (None: it blocks), not what it gave."""

    prefix: tuple[Operation, ...]
    operation: Operation
    expected: Result | None

    def __str__(self) -> str:
        after = "after " + ", ".join(o.label for o in self.prefix) if self.prefix else "first of all"
        would = self.expected.text if self.expected is not None else "blocks"
        did = self.operation.result.text if self.operation.result is not None else "never returned"
        return f"{after}: {self.operation.label} {would}, but here it {did}"


def real_time(history: Sequence[Operation]) -> list[int]:
    """For each operation the set, as bits, of those that had returned before it was called."""
    return [sum(1 << j for j, other in enumerate(history) if other.precedes(operation)) for operation in history]


def program_order(history: Sequence[Operation]) -> list[int]:
    """For each operation the set, as bits, of those its own thread made before it; the final observation sees all."""

    def follows(operation: Operation, other: Operation) -> bool:
        if operation.name == FINAL:
            return other.name != FINAL
        return other.thread == operation.thread and other.index < operation.index

    return [sum(1 << j for j, other in enumerate(history) if follows(operation, other)) for operation in history]


def find_order(
    history: Sequence[Operation],
    specification: Specification,
    predecessors: Sequence[int],
    *,
    quiescent: bool = False,
    accept: Callable[[Hashable], bool] | None = None,
    results: bool = True,
) -> tuple[Operation, ...] | None:
    """An order of the operations that respects ``predecessors`` and gives every result, or None.

    A pending operation may take part or not; in a ``quiescent`` history, in which nothing will ever go on, it takes no
    part and must block in the final state. ``accept`` judges the final state; ``results=False`` ignores the results.
    """
    completed = sum(1 << i for i, operation in enumerate(history) if operation.returned is not None)
    seen: set[tuple[int, Hashable]] = set()
    stack: list[tuple[int, Hashable, tuple[int, ...]]] = [(0, specification.initial, ())]
    while stack:
        done, state, order = stack.pop()
        if (done, state) in seen:
            continue
        seen.add((done, state))
        if done & completed == completed and (accept is None or accept(state)):
            waiting = [operation for i, operation in enumerate(history) if not done >> i & 1]
            if not quiescent or all(specification.apply(state, operation) is None for operation in waiting):
                return tuple(history[i] for i in order)
        for i in reversed(range(len(history))):
            pending = not completed >> i & 1
            if done >> i & 1 or predecessors[i] & ~done or (pending and quiescent):
                continue
            step = specification.apply(state, history[i])
            if step is not None and (pending or not results or step[0] == history[i].result):
                stack.append((done | 1 << i, step[1], (*order, i)))
    return None


def parts(history: Sequence[Operation]) -> list[tuple[Operation, ...]]:
    """The history cut into those of the independent parts, by key, in the order of their first call."""
    found: dict[Hashable, list[Operation]] = {}
    for operation in history:
        found.setdefault(operation.key, []).append(operation)
    return [tuple(part) for part in found.values()]


def linearizable(
    history: Sequence[Operation],
    specification: Specification | Callable[[Hashable], Specification],
    *,
    quiescent: bool = False,
) -> bool:
    """Whether the history of every key is linearizable; a callable gives the specification of a key."""
    return all(
        find_order(
            part,
            specification(part[0].key) if callable(specification) else specification,
            real_time(part),
            quiescent=quiescent,
        )
        is not None
        for part in parts(history)
    )


def sequentially_consistent(history: Sequence[Operation], specification: Specification) -> bool:
    """Whether some order gives every result when each thread's operations keep their order, whatever the real time."""
    return find_order(history, specification, program_order(history)) is not None


def final_state_serialisable(
    history: Sequence[Operation], specification: Specification, accept: Callable[[Hashable], bool]
) -> bool:
    """Whether some order of the operations, whatever their results, ends in a state that ``accept`` recognises."""
    return find_order(history, specification, program_order(history), accept=accept, results=False) is not None


def refutations(
    history: Sequence[Operation], specification: Specification, predecessors: Sequence[int]
) -> Iterator[Refutation]:
    """For each beginning of an order that explains the history so far, the next operations that do not fit."""
    completed = sum(1 << i for i, operation in enumerate(history) if operation.returned is not None)

    def walk(done: int, state: Hashable, prefix: tuple[Operation, ...]) -> Iterator[Refutation]:
        for i, operation in enumerate(history):
            if done >> i & 1 or predecessors[i] & ~done:
                continue
            step = specification.apply(state, operation)
            pending = not completed >> i & 1
            if step is not None and (pending or step[0] == operation.result):
                yield from walk(done | 1 << i, step[1], (*prefix, operation))
            elif not pending:
                yield Refutation(prefix, operation, None if step is None else step[0])

    yield from walk(0, specification.initial, ())


def broken_edge(history: Sequence[Operation], specification: Specification) -> tuple[Operation, Operation] | None:
    """Two operations whose real-time order must be given up to explain the history, if that alone would do."""
    order = find_order(history, specification, program_order(history))
    if order is None:
        return None
    for position, later in enumerate(order):
        for earlier in order[position + 1 :]:
            if earlier.precedes(later):
                return earlier, later
    return None


class Tree:
    """The specification learnt from sequential executions: a state stands for all that can follow.

    Prefixes after which the same operations give the same results are one state, so the memo works without knowing
    anything of the object's inside. What was never executed raises ``KeyError``.
    """

    def __init__(self) -> None:
        self._children: dict[tuple[Any, ...], dict[tuple[int, int], Result | None]] = {(): {}}
        self._finals: dict[tuple[Any, ...], Any] = {}
        self._states: dict[Any, int] = {}
        self._steps: list[dict[tuple[int, int], tuple[Result, Hashable] | None]] = []
        self._ends: list[Any] = []
        self._known: list[Result] = []
        self._initial: int | None = None

    def learn(self, steps: Sequence[tuple[tuple[int, int], Result | None]], final: Any = None) -> None:
        """Take in one execution: (thread, index) and result in their order; None, only last, for one that blocked."""
        prefix: tuple[Any, ...] = ()
        for operation, result in steps:
            self._children.setdefault(prefix, {})[operation] = result
            if result is not None:
                prefix = (*prefix, operation)
        self._children.setdefault(prefix, {})
        if final is not None:
            self._finals[prefix] = final
        self._initial = None

    def blocks(self, order: Sequence[tuple[int, int]]) -> bool:
        """Whether some operation of ``order`` is known to block when its turn comes."""
        prefix: tuple[Any, ...] = ()
        for operation in order:
            known = self._children.get(prefix, {})
            if operation in known and known[operation] is None:
                return True
            prefix = (*prefix, operation)
        return False

    def completes(self, operation: tuple[int, int]) -> bool:
        """Whether the operation completes in some sequential execution."""
        return any(known.get(operation) is not None for known in self._children.values())

    @property
    def initial(self) -> Hashable:
        if self._initial is None:
            self._states.clear()
            self._steps.clear()
            self._ends.clear()
            self._initial = self._state(())
        return self._initial

    def _state(self, prefix: tuple[Any, ...]) -> int:
        steps: dict[tuple[int, int], tuple[Result, Hashable] | None] = {}
        for operation, result in self._children[prefix].items():
            steps[operation] = None if result is None else (result, self._state((*prefix, operation)))
        end = self._finals.get(prefix)
        key = tuple(
            sorted((op, -1, -1) if step is None else (op, self._number(step[0]), step[1]) for op, step in steps.items())
        ), -1 if end is None else self._number(end)
        state = self._states.setdefault(key, len(self._steps))
        if state == len(self._steps):
            self._steps.append(steps)
            self._ends.append(end)
        return state

    def _number(self, result: Any) -> int:
        for number, known in enumerate(self._known):
            if known == result:
                return number
        self._known.append(result)
        return len(self._known) - 1

    def apply(self, state: Hashable, operation: Operation) -> Step | None:
        """The result and the next state; None where the operation blocks."""
        assert isinstance(state, int)
        return self._steps[state][operation.thread, operation.index]

    def final(self, state: Hashable) -> Any:
        """What was observed of the object in ``state``, or None."""
        assert isinstance(state, int)
        return self._ends[state]
