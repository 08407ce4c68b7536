"""Explores one operation program of an object: learns its sequential behaviour, judges the history of each schedule.

The object itself is the specification: every order of the whole operations is executed under the same engine, each
operation in its own thread, so that time, locks and thread identity are those of the schedules that are judged.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.exploration.arguments import Script, validate
from harness.exploration.explorer import Explorer, OutOfBudget
from harness.exploration.plain import SHOWN, attributes, freeze, short, text_of
from harness.exploration.result import Evidence, Exploration, conclude, count_of, inconclusive
from harness.exploration.session import Session
from harness.model import CannotExplore, Finding, Kind, Violation, one_line
from harness.oracles import linearizability, serial
from harness.oracles.linearizability import Tree
from harness.oracles.order import reason
from harness.runtime.boundary import Boundary, pass_boundary, unwinding
from harness.runtime.locks import AbandonedLock, Lock
from harness.schedule.history import FINAL, Call, History, Operation, Program, Result, overlapping
from harness.strategies.systematic import Plan


@dataclass(frozen=True, slots=True)
class Target:
    """What is explored: a fresh object, the key of a call, a plain form of results, what to observe at the end."""

    make: Callable[[], Any]
    key: Callable[[Call], Hashable] | None = None
    result: Callable[[Any], Any] | None = None
    observe: Callable[[Any], Any] | None = None
    modules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Budget and engine options of one exploration."""

    preemptions: int = 2
    schedules: int = 10_000
    seconds: float | None = None
    seed: int = 0
    watchdog: float = 10.0
    root: str = "."
    cpu: int | None = None


@dataclass(slots=True)
class Judged:
    """An explored program: the engine's conclusion and what was seen of its histories."""

    program: Program
    exploration: Exploration
    evidence: Evidence
    histories: int = 0
    overlaps: bool = False
    rendezvous: str = ""
    orders: int = 0
    history: History = ()
    tree: Tree | None = None
    stalled: bool = False
    final: Result | None = None
    whole: bool = True
    seconds: float = field(default=0.0, compare=False)


class Execution:
    """The state of one schedule: the object, and what its operations did so far in logical time."""

    def __init__(self, target: Any, program: Program, order: Sequence[tuple[int, int]] | None) -> None:
        self.target = target
        self.program = program
        self.order = order
        self.time = 0
        self.records: list[list[Any]] = []
        self.obstacle = ""
        self.gates: dict[tuple[int, int], Lock] = {}
        if order is not None:
            self.gates = {operation: Lock() for operation in order}
            for operation in order[1:]:
                self.gates[operation].acquire()
        self._next = dict(zip(order or (), (order or ())[1:], strict=False))

    def tick(self) -> int:
        self.time += 1
        return self.time

    def opened(self, operation: tuple[int, int]) -> None:
        """In a sequential execution the turn passes to the operation after ``operation``."""
        following = self._next.get(operation)
        if following is not None:
            self.gates[following].release()


class Interrupted(BaseException):
    """Carries an error out of a check, where an ``Exception`` would be taken for a failure of the target."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class Operations:
    """Explores programs on one target; see :meth:`explore`."""

    def __init__(self, target: Target, limits: Limits) -> None:
        self.target = target
        self.limits = limits

    def explore(self, program: Program, *, whole: bool = False, replay: Any = None, **changes: Any) -> Judged:
        """Explore ``program``; ``whole`` judges it as one object even where a key divides it."""
        return _Exploring(self.target, dataclasses.replace(self.limits, **changes), program, whole, replay).run()


class _Exploring:
    def __init__(self, target: Target, limits: Limits, program: Program, whole: bool, replay: Any) -> None:
        self.target = target
        self.limits = limits
        self.program = program
        self.replay = replay
        self.key = None if whole or target.key is None else target.key
        self.order: Sequence[tuple[int, int]] | None = None
        self.current: Execution | None = None
        self.trees: dict[Hashable, Tree] = {}
        self.verdicts: dict[Any, Finding | None] = {}
        self.orders = 0
        self.overlaps = False
        self.rendezvous = ""
        self.failing: tuple[History, bool, Result | None] = ((), False, None)
        self.atomic: bool | None = None
        self.boundaries = {
            (t, i): Boundary(str(call)) for t, calls in enumerate(program) for i, call in enumerate(calls)
        }

    # -- execution -----------------------------------------------------------------------------------------------

    def run(self) -> Judged:
        limits = self.limits
        script = self._script()
        session = Session(script, limits.root, limits.cpu)
        explorer = Explorer(session)
        try:
            with session():
                self._learn(session, explorer.evidence)
                exploration = explorer.explore()
        except OutOfBudget:
            explorer.evidence.cut = f"stopped by the budget of {count_of(limits.schedules)}"
            exploration = conclude(explorer.evidence, 0.0)
        except (CannotExplore, Interrupted) as stopped:
            obstacle = stopped.error if isinstance(stopped, Interrupted) else stopped
            if not isinstance(obstacle, CannotExplore):
                raise obstacle from None
            explorer.evidence.problem = str(obstacle)
            exploration = inconclusive(explorer.evidence, str(obstacle), 0.0)
        history, stalled, final = self.failing
        tree = None
        if history and self.key is None:
            tree = self.trees.get(None)
        return Judged(
            self.program, exploration, explorer.evidence, len(self.verdicts), self.overlaps, self.rendezvous,
            self.orders, history, tree, stalled, final, self.key is None, exploration.seconds,
        )  # fmt: skip

    def _script(self) -> Script:
        limits = self.limits

        def setup() -> Execution:
            made = self.target.make()
            if self.atomic is None:
                self.atomic = not any(_is_python(made, call.name) for calls in self.program for call in calls)
            self.current = Execution(made, self.program, self.order)
            return self.current

        setup.__wrapped__ = self.target.make  # type: ignore[attr-defined]
        bodies = [functools.partial(self._body, number) for number in range(len(self.program))]
        script = validate(
            setup,
            bodies,
            self._check,
            observe=None,
            modules=self.target.modules,
            preemptions=limits.preemptions,
            schedules=limits.schedules,
            seconds=limits.seconds,
            seed=limits.seed,
            expected=(),
            replay=self.replay,
            timeouts="virtual",
            watchdog=limits.watchdog,
        )
        names = tuple(f"T{number + 1}" for number in range(len(bodies)))
        return dataclasses.replace(
            script, names=names, classes=tuple(range(len(bodies))), on_stall=lambda state, found: self._stalled(found)
        )

    def _body(self, thread: int, execution: Execution) -> None:
        for index, call in enumerate(self.program[thread]):
            if execution.order is not None:
                if (thread, index) not in execution.gates:
                    continue
                execution.gates[thread, index].acquire()
            elif index or self.atomic:
                pass_boundary(self.boundaries[thread, index])
            self._operate(thread, index, call, execution)

    def _operate(self, thread: int, index: int, call: Call, execution: Execution) -> None:
        if unwinding():
            return
        record: list[Any] = [thread, index, execution.tick(), None, None]
        execution.records.append(record)
        try:
            value = getattr(execution.target, call.name)(*call.args, **dict(call.kwargs))
        except Exception as error:
            if unwinding():
                return
            record[3] = execution.tick()
            record[4] = self._raised(call, error, execution)
        else:
            if unwinding():
                return
            record[3] = execution.tick()
            record[4] = self._result(call, value, execution)
        if execution.order is not None:
            execution.opened((thread, index))

    def _raised(self, call: Call, error: Exception, execution: Execution) -> Result:
        try:
            return Result(freeze(error), f"raised {one_line(error)}"[:SHOWN])
        except Exception as reason:
            execution.obstacle = execution.obstacle or (
                f"the arguments of the {type(error).__name__} that {call} raised cannot be compared "
                f"({text_of(reason)}): leave the method out"
            )
            return Result((), "raised something")

    def _result(self, call: Call, value: Any, execution: Execution) -> Result:
        if value is execution.target:
            return Result(("self",), "returned itself")
        try:
            plain = self.target.result(value) if self.target.result is not None else value
            return Result(freeze(plain), f"returned {short(plain)}")
        except Exception as error:
            execution.obstacle = execution.obstacle or (
                f"the result of {call} cannot be compared ({text_of(error)}): leave the method out, or pass "
                "result=, a function that gives plain data"
            )
            return Result((), "returned something")

    # -- the specification ---------------------------------------------------------------------------------------

    def _learn(self, session: Session, evidence: Evidence) -> None:
        """Execute every sequential order of the operations of each key, and check that the keys are independent."""
        operations = [(t, i) for t, calls in enumerate(self.program) for i in range(len(calls))]
        groups: dict[Hashable, list[tuple[int, int]]] = {}
        for operation in operations:
            groups.setdefault(self._key(operation), []).append(operation)
        for key, group in groups.items():
            tree = self.trees[key] = Tree()
            for order in serial.orders([thread for thread, _ in group]):
                turns = [group[position] for position in order]
                if not tree.blocks(turns):
                    self._execute_order(session, evidence, turns, tree)
        self._check_repeats(session, evidence, operations)
        if len(groups) > 1:
            self._check_key(session, evidence, operations)

    def _key(self, operation: tuple[int, int]) -> Hashable:
        return None if self.key is None else self.key(self.program[operation[0]][operation[1]])

    def _execute_order(
        self, session: Session, evidence: Evidence, turns: Sequence[tuple[int, int]], tree: Tree | None
    ) -> list[tuple[tuple[int, int], Result | None]]:
        self.order = turns
        try:
            executed = session.execute(Plan(()), range(len(self.program)))
        finally:
            self.order = None
        self.orders += 1
        evidence.schedules += 1
        if evidence.schedules > self.limits.schedules:
            raise OutOfBudget
        execution = self.current
        assert execution is not None
        problem = execution.obstacle or executed.problem or (executed.finding.message if executed.finding else "")
        if problem:
            raise CannotExplore(f"in the sequential order {self._named(turns)}: {problem}")
        steps: list[tuple[tuple[int, int], Result | None]] = [((r[0], r[1]), r[4]) for r in execution.records]
        final = None
        if all(result is not None for _, result in steps):
            try:
                final = self._final(execution)
            except AbandonedLock as error:
                raise CannotExplore(f"after the sequential order {self._named(turns)} observe waits: {error}") from None
            if self.target.observe is not None and self.key is None:
                steps.append(((len(self.program), 0), final))
        if tree is not None:
            tree.learn(steps, final)
        return steps

    def _named(self, turns: Sequence[tuple[int, int]]) -> str:
        return ", ".join(f"T{thread + 1} {self.program[thread][index]}" for thread, index in turns)

    def _check_repeats(
        self, session: Session, evidence: Evidence, operations: Sequence[tuple[int, int]]
    ) -> None:
        """The same sequential order twice must give the same results."""
        first, second = (self._execute_order(session, evidence, operations, None) for _ in range(2))
        for ((thread, index), one), (_, two) in zip(first, second, strict=False):
            if one != two:
                raise CannotExplore(
                    f"{self.program[thread][index]} answers differently in two equal runs "
                    f"({one.text if one else 'blocks'}, then {two.text if two else 'blocks'}): seed random numbers in "
                    "make, or pass result=, a function that keeps what does not vary"
                )

    def _check_key(self, session: Session, evidence: Evidence, operations: Sequence[tuple[int, int]]) -> None:
        """One order of all operations must give each key the results that it has alone."""
        for turns in (operations, list(_round_robin(self.program))):
            steps = self._execute_order(session, evidence, turns, None)
            alone: dict[Hashable, Any] = {key: tree.initial for key, tree in self.trees.items()}
            for (thread, index), result in steps:
                key = self._key((thread, index))
                name = str(self.program[thread][index])
                step = self.trees[key].apply(alone[key], Operation(thread, index, name, 0, None, None))
                if step is None or result is None or step[0] != result:
                    raise CannotExplore(
                        f"key= does not divide the object into independent parts: {name} answers differently once "
                        "operations of other keys have run; leave key= out"
                    )
                alone[key] = step[1]

    def _final(self, execution: Execution) -> Result | None:
        """The object's state at the end: what ``observe`` says, else its attributes where they compare."""
        target = execution.target
        try:
            if self.target.observe is not None:
                value = self.target.observe(target)
                return Result(freeze(value), f"returned {short(value)}")
            value = attributes(target)
            return None if value is None else Result(freeze(value), short(value))
        except AbandonedLock:
            raise
        except Exception as error:
            if self.target.observe is not None:
                text = f"observe gave nothing comparable ({text_of(error)}): let it return plain data"
                raise CannotExplore(text) from None
            return None

    # -- judgement -----------------------------------------------------------------------------------------------

    def _history(self, execution: Execution) -> History:
        return tuple(
            Operation(t, i, str(self.program[t][i]), call, returned, result, self._key((t, i)))
            for t, i, call, returned, result in execution.records
        )

    def _check(self, execution: Execution) -> None:
        if execution.order is not None:
            return
        try:
            finding = self._judge(execution, None)
        except AbandonedLock:
            raise
        except Exception as error:
            raise Interrupted(error) from error
        if finding is not None:
            raise Violation(finding.kind, finding.message)

    def _stalled(self, found: Finding) -> Finding | None:
        execution = self.current
        assert execution is not None
        return None if execution.order is not None else self._judge(execution, found)

    def _judge(self, execution: Execution, stall: Finding | None) -> Finding | None:
        if execution.obstacle:
            raise CannotExplore(execution.obstacle)
        history = self._history(execution)
        self.overlaps = self.overlaps or self.atomic is True or overlapping(history)
        final = self._final(execution) if stall is None else None
        if final is not None and self.target.observe is not None and self.key is None:
            end = execution.time + 1
            history = (*history, Operation(len(self.program), 0, FINAL, end, end + 1, final))
        signature = (history, stall is not None)
        key = repr(signature)
        if key not in self.verdicts:
            self.verdicts[key] = self._verdict(history, stall)
        finding = self.verdicts[key]
        if finding is not None:
            self.failing = (history, stall is not None, final)
        return finding

    def _verdict(self, history: History, stall: Finding | None) -> Finding | None:
        for part in linearizability.parts(history):
            tree = self.trees[part[0].key]
            alone = next((o for o in part if o.returned and not tree.completes((o.thread, o.index))), None)
            if alone is not None:
                self.rendezvous = alone.name
                return None
            preceding = linearizability.real_time(part)
            if linearizability.find_order(part, tree, preceding) is None:
                return Finding(Kind.NOT_LINEARIZABLE, reason(part, tree))
            if stall is not None and linearizability.find_order(part, tree, preceding, quiescent=True) is None:
                waiting = ", ".join(o.label for o in part if o.returned is None)
                return Finding(
                    stall.kind, f"{waiting} never returns, though one operation at a time it would: {stall.message}"
                )
        return None


def _is_python(target: Any, name: str) -> bool:
    """Whether the method is Python code, which can be preempted inside."""
    method = getattr(target, name, None)
    if hasattr(getattr(method, "__func__", method), "__code__"):
        return True
    in_c = inspect.isbuiltin(method) or inspect.ismethoddescriptor(method)
    return not in_c and type(method).__module__ not in ("builtins", "functools")


def _round_robin(program: Program) -> Sequence[tuple[int, int]]:
    longest = max(len(calls) for calls in program)
    return [(t, i) for i in range(longest) for t in range(len(program)) if i < len(program[t])]
