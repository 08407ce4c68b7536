"""The checker against brute force: every subset of the pending operations, every permutation, nothing clever."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Hashable, Sequence
from typing import Any

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from harness.oracles import linearizability as oracle
from harness.schedule.history import Operation, Result


class Queues:
    """Independent bounded queues with two blocking operations, as a specification written for this test."""

    initial: Hashable = ()

    def apply(self, state: Any, operation: Operation) -> tuple[Result, Hashable] | None:
        queues = dict(state)
        items = queues.get(operation.key, ())
        if operation.name == "get":
            if not items:
                return None
            queues[operation.key] = items[1:]
            return Result(items[0]), tuple(sorted(queues.items()))
        if operation.name == "size":
            return Result(len(items)), state
        if len(items) >= 2:
            return None
        queues[operation.key] = (*items, int(operation.name[-1]))
        return Result(None), tuple(sorted(queues.items()))


SPECIFICATION = Queues()


def by_force(
    history: Sequence[Operation], relation: str, quiescent: bool = False, final: Any = None, results: bool = True
) -> bool:
    """Whether some permutation of the completed operations and some of the pending ones explains the history."""
    completed = [operation for operation in history if operation.returned is not None]
    pending = [operation for operation in history if operation.returned is None]
    most = 0 if quiescent else len(pending)
    for count in range(most + 1):
        for chosen in itertools.combinations(pending, count):
            for order in itertools.permutations([*completed, *chosen]):
                if _respects(order, relation) and _gives(order, history, quiescent, final, results):
                    return True
    return False


def _respects(order: Sequence[Operation], relation: str) -> bool:
    for position, later in enumerate(order):
        for earlier in order[position + 1 :]:
            if relation == "real time" and earlier.returned is not None and earlier.returned < later.call:
                return False
            if relation == "program" and earlier.thread == later.thread and earlier.index < later.index:
                return False
    return True


def _gives(
    order: Sequence[Operation], history: Sequence[Operation], quiescent: bool, final: Any, results: bool
) -> bool:
    state = SPECIFICATION.initial
    for operation in order:
        step = SPECIFICATION.apply(state, operation)
        if step is None or (results and operation.result is not None and step[0] != operation.result):
            return False
        state = step[1]
    if final is not None and state != final:
        return False
    left = [operation for operation in history if operation not in order]
    return not quiescent or all(SPECIFICATION.apply(state, operation) is None for operation in left)


@st.composite
def histories(draw: st.DrawFn, keys: int = 2) -> tuple[Operation, ...]:
    """Up to six operations of up to three threads; results from one real run, some of them then made wrong."""
    threads = draw(st.integers(1, 3))
    names = st.sampled_from(["put1", "put2", "get", "size"])
    programs = [
        draw(st.lists(st.tuples(names, st.integers(1, keys)), min_size=0, max_size=3 if threads < 3 else 2))
        for _ in range(threads)
    ]
    left = {thread: list(enumerate(calls)) for thread, calls in enumerate(programs) if calls}
    open_: dict[int, Operation] = {}
    done: list[Operation] = []
    state: Hashable = SPECIFICATION.initial
    time = 0
    while left or open_:
        thread = draw(st.sampled_from(sorted({*left, *open_})))
        time += 1
        if thread not in open_:
            index, (name, key) = left[thread].pop(0)
            open_[thread] = Operation(thread, index, name, time, None, None, key)
            continue
        operation = open_.pop(thread)
        step = SPECIFICATION.apply(state, operation)
        hangs = draw(st.integers(0, 7)) == 0
        if step is None or hangs:
            left.pop(thread, None)
            done.append(operation)
            if step is not None and draw(st.booleans()):
                state = step[1]
            continue
        result, state = step
        if draw(st.integers(0, 5)) == 0:
            result = Result(draw(st.sampled_from([None, 0, 1, 2])))
        done.append(dataclasses.replace(operation, returned=time, result=result))
        if not left.get(thread):
            left.pop(thread, None)
    return tuple(sorted(done, key=lambda operation: operation.call))


STALE = (
    Operation(0, 0, "put1", 1, 2, Result(None), 1),
    Operation(1, 0, "size", 3, 4, Result(0), 1),
)
TOOK_EFFECT = (Operation(0, 0, "put1", 1, None, None, 1), Operation(1, 0, "get", 2, 3, Result(1), 1))


@settings(max_examples=400, deadline=None)
@given(histories(), st.booleans())
@example(STALE, False)
@example(TOOK_EFFECT, False)
@example(TOOK_EFFECT, True)
def test_linearizable_as_by_brute_force(history: tuple[Operation, ...], quiescent: bool) -> None:
    expected = by_force(history, "real time", quiescent)
    event(f"linearizable: {expected}, pending: {any(o.returned is None for o in history)}")
    order = oracle.find_order(history, SPECIFICATION, oracle.real_time(history), quiescent=quiescent)
    assert (order is not None) == expected
    if order is not None:
        assert _respects(order, "real time") and _gives(order, history, quiescent, None, True)


@settings(max_examples=300, deadline=None)
@given(histories(), st.booleans())
def test_judged_by_key_as_by_brute_force(history: tuple[Operation, ...], quiescent: bool) -> None:
    assert oracle.linearizable(history, SPECIFICATION, quiescent=quiescent) == by_force(history, "real time", quiescent)
    assert len(oracle.parts(history)) == len({operation.key for operation in history})


@settings(max_examples=300, deadline=None)
@given(histories(keys=1))
@example(STALE)
def test_sequentially_consistent_as_by_brute_force(history: tuple[Operation, ...]) -> None:
    assert oracle.sequentially_consistent(history, SPECIFICATION) == by_force(history, "program")


@settings(max_examples=200, deadline=None)
@given(histories(keys=1), st.sampled_from([(), ((1, ()),), ((1, (1,)),), ((1, (2, 1)),), ((1, (1, 2)),)]))
def test_final_state_as_by_brute_force(history: tuple[Operation, ...], final: Any) -> None:
    found = oracle.final_state_serialisable(history, SPECIFICATION, lambda state: state == final)
    assert found == by_force(history, "program", final=final, results=False)


@settings(max_examples=200, deadline=None)
@given(histories(keys=1))
def test_a_refutation_ends_every_order(history: tuple[Operation, ...]) -> None:
    predecessors = oracle.real_time(history)
    if oracle.find_order(history, SPECIFICATION, predecessors) is not None:
        return
    ends = list(oracle.refutations(history, SPECIFICATION, predecessors))
    assert ends
    for end in ends:
        state = SPECIFICATION.initial
        for operation in end.prefix:
            step = SPECIFICATION.apply(state, operation)
            assert step is not None and (operation.result is None or step[0] == operation.result)
            state = step[1]
        step = SPECIFICATION.apply(state, end.operation)
        assert (None if step is None else step[0]) == end.expected != end.operation.result


@settings(max_examples=200, deadline=None)
@given(histories(keys=1))
def test_a_tree_is_the_specification_it_was_taught(history: tuple[Operation, ...]) -> None:
    tree = taught(history)
    predecessors = oracle.real_time(history)
    for quiescent in (False, True):
        with_tree = oracle.find_order(history, tree, predecessors, quiescent=quiescent)
        direct = oracle.find_order(history, SPECIFICATION, predecessors, quiescent=quiescent)
        assert (with_tree is None) == (direct is None)


def taught(history: Sequence[Operation]) -> oracle.Tree:
    """A tree that saw every order of the history's operations that keeps each thread's."""
    tree = oracle.Tree()
    for order in itertools.permutations(history):
        if not _respects(order, "program"):
            continue
        steps: list[tuple[tuple[int, int], Result | None]] = []
        state: Hashable = SPECIFICATION.initial
        for operation in order:
            step = SPECIFICATION.apply(state, operation)
            steps.append(((operation.thread, operation.index), None if step is None else step[0]))
            if step is None:
                break
            state = step[1]
        tree.learn(steps)
    return tree


def test_memo_keeps_long_histories_cheap() -> None:
    """Twelve overlapping puts of one value and a wrong size: exponential without the memo."""
    puts = [Operation(thread, 0, "put1", thread, 100, Result(None), thread) for thread in range(12)]
    wrong = Operation(12, 0, "size", 50, 101, Result(7), 0)
    calls = 0

    class Counting(Queues):
        def apply(self, state: Any, operation: Operation) -> tuple[Result, Hashable] | None:
            nonlocal calls
            calls += 1
            return super().apply(state, operation)

    history = [*puts, wrong]
    assert oracle.find_order(history, Counting(), oracle.real_time(history)) is None
    assert calls <= 13 * 2**12
    calls = 0
    assert not oracle.linearizable(history, Counting())
    assert calls <= 60
