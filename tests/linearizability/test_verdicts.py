"""What is concluded, and when nothing may be: budget, vacuity, no sequential specification, wrong arguments."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

import harness
from harness import UsageError, Verdict, linearizable
from harness.targets.programs import Method, choices_of
from tests.linearizability import structures as s

COUNTER = [["increment()", "get()"], ["increment()"]]


class Opaque:
    """Returns what compares by identity only."""

    def __init__(self) -> None:
        self.items: list[object] = []

    def make(self) -> object:
        self.items.append(1)
        return object()


class Stateless:
    def answer(self) -> int:
        return 42


class Deadlock:
    """Takes two locks in two orders."""

    def __init__(self) -> None:
        self.one = threading.Lock()
        self.two = threading.Lock()
        self.moves = 0

    def forth(self) -> None:
        with self.one, self.two:
            self.moves += 1

    def back(self) -> None:
        with self.two, self.one:
            self.moves += 1


class Guarded:
    """Owned by a thread: what its operations do depends on who calls them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def acquire(self) -> bool:
        return self.lock.acquire()

    def release(self) -> None:
        self.lock.release()


class Polling:
    """A queue whose `get` gives up after a second of virtual time."""

    def __init__(self) -> None:
        self.items: list[int] = []
        self.filled = threading.Condition()

    def put(self, item: int) -> None:
        with self.filled:
            self.items.append(item)
            self.filled.notify()

    def get(self) -> int | None:
        with self.filled:
            return self.items.pop(0) if self.filled.wait_for(lambda: self.items, timeout=1.0) else None


class Swallowing:
    """Catches everything, also what ends its thread."""

    def __init__(self) -> None:
        self.never = threading.Event()
        self.waits = 0

    def wait(self) -> int:
        self.waits += 1
        try:
            self.never.wait()
        except BaseException:
            return 7
        return 1


class Log:
    """Takes a list and adds it up; the lost update shows in the final state alone."""

    def __init__(self) -> None:
        self.total = 0

    def extend(self, items: list[int]) -> None:
        self.total += sum(items)


class Coupled:
    """A map whose keys are not independent: there is room for one."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.lock = threading.Lock()

    def put(self, key: str) -> bool:
        with self.lock:
            if len(self.rows) == 1 and key not in self.rows:
                return False
            self.rows[key] = 1
            return True


class Meeting(s.Counter):
    """A counter that loses updates, with an operation that needs a partner."""

    def __init__(self) -> None:
        super().__init__()
        self.barrier = threading.Barrier(2)

    def meet(self) -> None:
        self.barrier.wait()

    def act(self, counting: bool) -> int:
        self.increment() if counting else self.meet()
        return self.value


class LockedLog(Log):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def extend(self, items: list[int]) -> None:
        with self.lock:
            super().extend(items)


class Drawing:
    """Its results differ from run to run."""

    def __init__(self) -> None:
        self.seen = 0

    def draw(self) -> int:
        self.seen += 1
        return int.from_bytes(os.urandom(4), "big")


def failure(result: harness.Linearizability) -> harness.Failure:
    assert result.verdict is Verdict.FAIL, result.reason
    assert result.failure is not None
    return result.failure


def test_the_history_and_what_still_holds_are_printed() -> None:
    result = linearizable(s.Counter, program=COUNTER)
    assert result.history.splitlines() == [
        "time | T1               | T2",
        "-----+------------------+-----------------",
        "   1 | call increment() |",
        "   2 |                  | call increment()",
        "   3 |                  |   returned None",
        "   4 |   returned None  |",
        "   5 | call get()       |",
        "   6 |   returned 1     |",
    ]
    assert result.holds == ("sequentially consistent",)
    text = failure(result).explanation
    assert "the results need T1 get() before T2 increment(), but T2 increment() had returned" in text
    assert "after T1 increment(), T2 increment(): T1 get() returned 2, but here it returned 1" in text
    assert "Still holds: sequentially consistent. Does not hold: final state serialisable." in text
    assert "the write of T2 is lost" in text
    with pytest.raises(harness.ConcurrencyFailure, match="Still holds"):
        result.raise_if_failed()


def test_a_deadlock_is_what_one_operation_at_a_time_would_not_do() -> None:
    result = linearizable(Deadlock)
    assert failure(result).kind == "deadlock"
    assert result.program in ((("back()",), ("forth()",)), (("forth()",), ("back()",)))
    assert "never returns" in result.history
    assert result.holds == ("what returned is linearizable",)


def test_a_lost_wakeup_needs_three_threads() -> None:
    program = [["read()"], ["read()"], ["post(1)", "post(1)"]]
    result = linearizable(s.Mailbox, program=program)
    assert failure(result).kind == "lost_wakeup"
    assert [len(calls) for calls in result.program] == [1, 1, 2]
    assert linearizable(s.NotifyingMailbox, program=program, preemptions=1).verdict is Verdict.PASS


def test_operations_that_rightly_block_are_right() -> None:
    result = linearizable(s.LoopingQueue, program=[["get()"], ["get()"], ["put(1)"]])
    assert result.verdict is Verdict.PASS, result.reason


def test_what_happens_while_threads_are_ended_is_no_result() -> None:
    """It swallows the exception that ends its thread and returns something: the operation still never returned."""
    result = linearizable(Swallowing, program=[["wait()"], ["wait()"]])
    assert result.verdict is Verdict.PASS, result.reason


def test_a_timed_wait_ends_in_virtual_time() -> None:
    result = linearizable(Polling, program=[["get()", "put(1)"], ["get()"]])
    assert result.verdict is Verdict.PASS, result.reason


class HalfLocked:
    """One of its two ways to add is right."""

    def __init__(self) -> None:
        self.value = 0
        self.lock = threading.Lock()

    def add(self) -> None:
        with self.lock:
            self.value += 1

    def add_slowly(self) -> None:
        seen = self.get()
        with self.lock:
            self.value = seen + 1

    def get(self) -> int:
        with self.lock:
            return self.value


def test_what_happens_between_two_operations_is_explored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow addition must end after `add` and before `get` is called; stopped inside `get`, all would be right."""
    program = [["add()", "get()"], ["add_slowly()"]]
    result = linearizable(HalfLocked, program=program)
    assert failure(result).message.startswith("the results need T1 get() before T2 add_slowly()")
    monkeypatch.setattr("harness.exploration.operations.pass_boundary", lambda site: None)
    assert linearizable(HalfLocked, program=program).verdict is Verdict.PASS


def test_operations_run_in_their_own_threads() -> None:
    """A lock that its owner may take twice: with all operations in one thread the specification would be another."""
    result = linearizable(Guarded, program=[["acquire()", "acquire()"], ["acquire()", "release()"]])
    assert result.verdict is Verdict.PASS, result.reason


def test_observe_is_one_more_operation() -> None:
    program = [["extend([1, 2])"], ["extend([3])"]]
    assert linearizable(Log, program=program).verdict is Verdict.PASS
    result = linearizable(Log, program=program, observe=lambda log: log.total)
    assert "the final observe() returned 3" in failure(result).message
    assert result.holds == ()
    right = linearizable(LockedLog, program=program, observe=lambda log: log.total)
    assert right.verdict is Verdict.PASS, right.reason


def test_arguments_need_not_be_hashable() -> None:
    calls = {"extend": st.lists(st.integers(1, 2), min_size=1, max_size=2)}
    result = linearizable(Log, calls, observe=lambda log: log.total)
    assert failure(result).kind == "not_linearizable"
    assert [len(thread) for thread in result.program] == [1, 1]


def inconclusive(result: harness.Linearizability) -> str:
    assert result.verdict is Verdict.INCONCLUSIVE, result.reason
    with pytest.raises(harness.InconclusiveError):
        result.raise_if_failed()
    return result.reason


def test_programs_without_overlap_are_no_pass() -> None:
    assert "no two operations overlapped" in inconclusive(linearizable(Stateless))


def test_what_needs_a_partner_has_no_sequential_specification() -> None:
    found = linearizable(lambda: threading.Barrier(2), ["wait"])
    assert "wait() completes only together with another operation" in inconclusive(found)
    assert found.programs == 1  # no further one could tell more


def test_an_operation_that_needs_a_partner_hides_no_bug_of_the_others() -> None:
    found = linearizable(Meeting, ["meet()", "increment()", "get()"])
    assert found.verdict is Verdict.FAIL and "meet" not in str(found.program), found.reason


def test_nor_do_some_arguments_of_the_only_operation_hide_a_bug_at_others() -> None:
    found = linearizable(Meeting, ["act"])
    assert found.verdict is Verdict.FAIL and "False" not in str(found.program), found.reason


def test_results_without_content_need_a_plain_form() -> None:
    reason = inconclusive(linearizable(Opaque))
    assert "the result of make() cannot be compared" in reason and "result=" in reason
    assert linearizable(Opaque, result=lambda value: type(value).__name__).verdict is Verdict.PASS


def test_looking_up_the_operations_makes_no_object_of_a_class() -> None:
    made = []

    class Starting:
        def __init__(self) -> None:
            made.append(self)

        def add(self, key: str, amount: int) -> int:
            return amount

    (method,) = choices_of(None, Starting)
    assert isinstance(method, Method) and method.name == "add" and len(method.args) == 2
    assert made == []


def test_what_is_not_deterministic_is_no_failure() -> None:
    assert "answers differently in two equal runs" in inconclusive(linearizable(Drawing))


def test_a_key_that_does_not_divide_is_noticed() -> None:
    assert "key= does not divide" in inconclusive(linearizable(Coupled, key="key"))
    assert linearizable(Coupled, programs=20).verdict is Verdict.PASS


def test_the_budget_is_said() -> None:
    assert "before anything was proved" in inconclusive(linearizable(s.LockedCounter, schedules=1))
    cut = linearizable(s.LockedCounter, schedules=400)
    assert cut.verdict is Verdict.PASS and "stopped by the budget of 400 schedules" in cut.reason
    assert cut.schedules <= 400 and cut.proved is None


def test_the_cap_on_seconds_is_said() -> None:
    cut = linearizable(s.LoopingQueue, seconds=0.2)
    assert "cut after 0.2 s" in cut.reason
    assert cut.seconds < 60


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = threading.active_count()
    linearizable(Log, {"extend": [st.lists(st.integers())]}, programs=5)
    assert os.listdir(tmp_path) == []
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"make": 5}, "make must be a class or a function"),
        ({"make": s.Pair.assign}, "make cannot be called without arguments: pass lambda: assign(...)"),
        ({"make": lambda: 1 / 0}, "make raised ZeroDivisionError"),
        ({"operations": "get"}, "operations must be a list of names"),
        ({"operations": []}, "operations is empty"),
        ({"operations": ["fetch"]}, "has no method 'fetch': its methods are get, increment"),
        ({"operations": ["get(1)"]}, "get(1) does not fit get"),
        ({"operations": ["get(x)"]}, "is no operation"),
        ({"operations": {"get": [5]}}, "must hold Hypothesis strategies"),
        ({"operations": {"get": [st.integers()]}}, "does not fit get"),
        ({"program": [["get()"]]}, "two or more lists of written calls"),
        ({"program": [["get()"], "get()"]}, "two or more lists of written calls"),
        ({"program": [["get()"] * 9, ["get()"] * 9]}, "sequential orders"),
        ({"threads": 1}, "threads must be a whole number of at least 2"),
        ({"threads": 5, "length": 3}, "sequential orders"),
        ({"programs": 0}, "programs must be"),
        ({"preemptions": -1}, "preemptions must be"),
        ({"schedules": 0}, "schedules must be"),
        ({"seconds": 0}, "seconds must be"),
        ({"seed": "a"}, "seed must be"),
        ({"cpu": "all"}, "cpu must be"),
        ({"modules": "queue"}, "modules must be"),
        ({"key": "key"}, "key='key': "),
        ({"key": "key", "observe": len}, "pass one of them"),
        ({"replay": "/nonexistent/record.json"}, "cannot read the replay record"),
        ({"replay": harness.Witness((), ("T1", "T2"), (0, 1))}, "holds no operations"),
        ({"replay": harness.Witness((), ("T1", "T2"), (0, 1), operations=(("get(<x>)",), ("get()",)))}, "no literals"),
    ],
)
def test_wrong_arguments_are_one_line(arguments: dict[str, Any], says: str) -> None:
    make = arguments.pop("make", s.Counter)
    operations = arguments.pop("operations", None)
    with pytest.raises(UsageError) as error:
        linearizable(make, operations, **arguments)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_an_argument_without_a_known_strategy_is_named() -> None:
    class Odd:
        def put(self, item: Opaque.make) -> None: ...  # type: ignore[valid-type]

    with pytest.raises(UsageError, match="argument"):
        linearizable(Odd)
