"""What fails only when something else fails is found with ``inject=``, and only with it; the repaired twin passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import harness
from harness import Cancels, Exploration, Raises, TimesOut, UsageError, Verdict, Witness
from tests.injection import planted

HERE = "tests.injection.planted"
WRITE = Raises(OSError, at=f"{HERE}:write")
Body = Callable[[Any], Any]


def deposit(amount: int) -> Body:
    return lambda account: account.deposit(amount)


def add(target: Any) -> Any:
    return target.add()


def look(service: planted.Service) -> None:
    assert service.open in (True, False)


def one_job(limited: planted.Limited) -> object:
    return limited.submit(lambda: 1).result()


def peek(limited: planted.Limited) -> None:
    assert limited.free <= 2


def counted(guarded: planted.Guarded, results: list[Any]) -> bool:
    return guarded.value == sum(result is True for result in results)


@dataclass(frozen=True)
class Case:
    """A wrong class and its repaired twin, what is done to them, and the fault that shows the difference."""

    broken: type
    repaired: type
    threads: tuple[Body, ...]
    check: Any
    inject: Any
    kind: str
    preemptions: int = 2


CASES = [
    Case(planted.Account, planted.SafeAccount, (deposit(1), deposit(2)), lambda a: a.sums_up(), WRITE, "deadlock"),
    Case(planted.HalfBooked, planted.SafeAccount, (deposit(1), deposit(2)), lambda a: a.sums_up(), WRITE, "check"),
    Case(planted.Tally, planted.RightTally, (add, add), None, WRITE, "not_serializable"),
    Case(
        planted.Transfers, planted.IdempotentTransfers, (lambda t: t.transfer("a"), lambda t: t.transfer("b")),
        lambda t: sorted(t.done) == ["a", "b"], Raises(ConnectionError, after=f"{HERE}:Transfers.store"), "check",
    ),
    Case(
        planted.Mailbox, planted.TidyMailbox, (lambda m: m.receive(), lambda m: m.send("x")),
        lambda m: m.waiting == 0, TimesOut(), "check",
    ),
    Case(planted.Guarded, planted.HonestlyGuarded, (add, add), counted, TimesOut(), "check"),
    Case(
        planted.Service, planted.PatientService, (lambda s: s.stop(), look), lambda s: not s.written_after_close,
        TimesOut(at=f"{HERE}:Service.stop"), "check",
    ),
    Case(planted.Limited, planted.FreedLimited, (one_job, peek), lambda s: s.free == 2, Cancels(), "check", 0),
    Case(
        planted.HandMade, planted.HandMadeRight, (lambda p: p.submit(21).result(), lambda p: p.serve()),
        lambda p: p.answered == 1, Cancels(at=f"{HERE}:HandMade.submit"), "exception", 1,
    ),
    Case(
        planted.Loop, planted.TidyLoop, (lambda s: s.run(), lambda s: s.count(0)), lambda s: s.active == 0,
        Cancels(at=f"{HERE}:Loop.fetch"), "check", 0,
    ),
    Case(
        planted.ImpatientLoop, planted.TidyImpatientLoop, (lambda s: s.run(), lambda s: s.count(0)),
        lambda s: s.active == 0, Raises(TimeoutError, at="asyncio:wait_for"), "check", 0,
    ),
]  # fmt: skip


def explore(case: Case, make: type, **more: Any) -> Exploration:
    if case.check is None:
        more["observe"] = lambda state: state.value
    options: dict[str, Any] = {"preemptions": case.preemptions, "modules": (HERE,), **more}
    return harness.explore(make, case.threads, case.check, **options)


def place_of(case: Case, make: type) -> Any:
    """The fault at the method of the class itself, where the twin has its own."""
    if isinstance(case.inject, TimesOut) and case.inject.at and make is case.repaired:
        return TimesOut(at=f"{HERE}:{make.__name__}.stop")
    if isinstance(case.inject, Raises) and case.inject.after and make is case.repaired:
        return Raises(ConnectionError, after=f"{HERE}:{make.__name__}.store")
    return case.inject


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.broken.__name__)
def test_the_broken_one_fails_with_the_fault_and_only_with_it(case: Case) -> None:
    without = explore(case, case.broken)
    assert without.verdict is Verdict.PASS, str(without)
    found = explore(case, case.broken, inject=case.inject)
    assert found.failure is not None, str(found)
    assert (found.failure.kind, len(found.failure.witness.faults)) == (case.kind, 1), str(found)
    assert "injected: " in found.failure.explanation
    assert "(1 injected fault: " in found.failure.message
    again = explore(case, case.broken, inject=case.inject)
    assert again.failure is not None
    assert again.failure.witness.decisions == found.failure.witness.decisions
    record = Witness.from_json(found.failure.witness.to_json())
    for _ in range(20):
        replayed = explore(case, case.broken, inject=case.inject, replay=record)
        assert replayed.failure is not None, str(replayed)
        assert replayed.failure.kind == case.kind
        assert replayed.failure.witness.decisions == record.decisions


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.broken.__name__)
def test_the_repaired_one_passes_in_every_schedule_with_a_fault(case: Case) -> None:
    passed = explore(case, case.repaired, inject=place_of(case, case.repaired))
    assert passed.verdict is Verdict.PASS, str(passed)
    assert passed.proved == case.preemptions
    assert "1 fault" in passed.reason


def test_two_faults_take_a_budget_of_two() -> None:
    def judged(most: int) -> Exploration:
        check: Callable[[Any], bool] = lambda state: state.value <= 2  # noqa: E731
        return harness.explore(planted.Retrying, [add, add], check, modules=(HERE,), inject=WRITE, max_faults=most)

    assert judged(1).verdict is Verdict.PASS
    found = judged(2)
    assert found.failure is not None
    assert (found.failure.kind, len(found.failure.witness.faults)) == ("deadlock", 2)
    none = judged(0)
    assert none.verdict is Verdict.PASS
    assert "no fault was injected: max_faults=0" in none.reason


def test_what_fails_without_a_fault_is_shown_without_one() -> None:
    def judged(**more: Any) -> Exploration:
        return harness.explore(planted.Racy, [add, add], lambda s: s.value == 2, modules=(HERE,), **more)

    plain, found = judged(), judged(inject=WRITE)
    assert plain.failure is not None
    assert found.failure is not None
    assert found.failure.witness == plain.failure.witness
    assert '"fault"' not in found.failure.witness.to_json()


def test_a_function_made_in_c_keeps_what_its_calls_touch() -> None:
    found = harness.explore(
        planted.Bounded, [lambda b: b.push()] * 2, lambda b: len(b.heap) <= 1, modules=(HERE,),
        inject=Raises(MemoryError, at="heapq:heappush"),
    )  # fmt: skip
    assert found.failure is not None, str(found)
    assert found.failure.witness.faults == ()


def test_what_is_raised_from_an_injected_exception_is_its_answer_and_what_slips_in_between_is_not() -> None:
    def judged(make: type) -> Exploration:
        return harness.explore(
            make, [deposit(1), deposit(2)], lambda account: account.sums_up(), modules=(HERE,), inject=WRITE
        )

    assert judged(planted.Translating).verdict is Verdict.PASS
    found = judged(planted.Stumbling)
    assert found.failure is not None
    assert found.failure.kind == "exception"
    assert "KeyError" in found.failure.message


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (Raises(OSError, at=f"{HERE}:Limited.submit"), "OSError instead of"),
        (TimesOut(), "time-out"),
        (TimesOut(at=f"{HERE}:Mailbox.receive"), "time-out in"),
        (Cancels(), "cancellation of"),
    ],
)
def test_a_fault_that_is_never_injected_is_said_and_does_not_pass(fault: Any, named: str) -> None:
    found = harness.explore(
        planted.SafeAccount, [deposit(1), deposit(2)], lambda a: a.sums_up(), modules=(HERE,), inject=[WRITE, fault]
    )
    assert found.verdict is Verdict.INCONCLUSIVE
    assert f"never injected: {named}" in found.reason


def test_a_call_whose_result_is_no_future_is_never_cancelled() -> None:
    found = harness.explore(
        planted.Racy, [add, lambda s: s.value], lambda s: True, modules=(HERE,), inject=Cancels(at=f"{HERE}:write")
    )
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "never injected: cancellation" in found.reason


def booked(tally: planted.Tally, results: list[Any]) -> bool:
    return tally.value == results.count(None)


def test_sampling_injects_too_and_the_witness_is_shrunk() -> None:
    """It takes a preemption, which the proof is not allowed: only the samples have both."""

    def judged(make: type) -> Exploration:
        return harness.explore(make, [add] * 4, booked, modules=(HERE,), inject=WRITE, max_faults=2, preemptions=0)

    found = judged(planted.Tally)
    assert found.failure is not None, str(found)
    assert (len(found.failure.witness.faults), found.failure.witness.preemptions) == (1, 1)
    passed = judged(planted.RightTally)
    assert "at most 0 preemptions and 2 faults; sampled 200 schedules at 4" in passed.reason


def test_a_budget_that_ends_early_proves_less_and_says_so() -> None:
    passed = harness.explore(
        planted.SafeAccount, [deposit(1), deposit(2), deposit(3)], lambda a: a.sums_up(), modules=(HERE,),
        inject=WRITE, schedules=150,
    )  # fmt: skip
    assert passed.verdict is Verdict.PASS, str(passed)
    assert passed.proved == 0
    assert "with at most 0 preemptions and 1 fault" in passed.reason
    assert "stopped by the budget" in passed.reason


class Late:
    """Wrong with a fault at once, and without one when it is preempted."""

    def __init__(self) -> None:
        self.value = 0

    def add(self) -> None:
        before = self.value
        self.value = before + 1
        planted.write(1)


def test_a_failure_with_a_fault_is_not_shown_where_there_is_one_without() -> None:
    found = harness.explore(
        Late, [add, add], lambda late, results: late.value == results.count(None), modules=(HERE,), inject=WRITE
    )
    assert found.failure is not None
    assert found.failure.witness.faults == ()
    assert found.failure.witness.preemptions == 1


def test_everything_is_put_back() -> None:
    before = planted.write, planted.Limited.submit, vars(planted.HandMade)["submit"]
    case = CASES[0]
    explore(case, case.broken, inject=[WRITE, Cancels(at=f"{HERE}:FreedLimited.give_back")])
    assert (planted.write, planted.Limited.submit, vars(planted.HandMade)["submit"]) == before
    assert "give_back" not in vars(planted.FreedLimited)


def test_a_record_whose_fault_is_not_offered_any_more_is_refused() -> None:
    case = CASES[0]
    found = explore(case, case.broken, inject=WRITE)
    assert found.failure is not None
    replayed = explore(case, case.broken, replay=found.failure.witness)
    assert replayed.verdict is Verdict.INCONCLUSIVE
    assert "the record injects OSError instead of" in replayed.reason


BAD: list[tuple[Any, tuple[str, ...]]] = [
    ("time-out", ("inject must be a sequence of faults", "TimesOut()")),
    ([OSError], ("inject[0] is no fault", "Raises(OSError")),
    (Raises(OSError), ("inject[0]", "give at=", "after=")),
    (Raises(OSError, at=f"{HERE}:write", after=f"{HERE}:write"), ("give at=", "after=")),
    (Raises(OSError, at="tests.injection.planted.write"), ("names no function", "package.module:function")),
    (Raises(OSError, at="tests.injection.nothing:write"), ("cannot be imported", "run this in the folder that")),
    (Raises(OSError, at=f"{HERE}:wriet"), ("has no wriet", "did you mean write?")),
    (Raises(OSError, at=f"{HERE}:Account"), ("is a class", "Account.__init__")),
    (Raises(OSError, at="builtins:dict.get"), ("no function whose calls",)),
    (Raises(UnicodeDecodeError, at=f"{HERE}:write"), ("cannot be made", "lambda")),
    (Raises("OSError", at=f"{HERE}:write"), ("no type of exception",)),  # type: ignore[arg-type]
    (Raises(lambda: 5, at=f"{HERE}:write"), ("5 is no exception",)),  # type: ignore[arg-type, return-value]
    ([WRITE, WRITE], ("inject[1]", "named twice")),
    (TimesOut(at="time:sleep"), ("made in C",)),
]


@pytest.mark.parametrize(("inject", "words"), BAD)
def test_bad_input_is_one_clear_line(inject: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        harness.explore(planted.Account, [deposit(1), deposit(2)], lambda a: True, modules=(HERE,), inject=inject)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_faults": -1}, ("max_faults must be a whole number of at least 0",)),
        ({"inject": TimesOut(), "timeouts": "any"}, ("timeouts=", "give one of them")),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        harness.explore(planted.Guarded, [add, add], lambda g: True, modules=(HERE,), **options)
    for word in words:
        assert word in str(caught.value)


def test_a_time_out_without_a_check_is_refused() -> None:
    with pytest.raises(UsageError, match="needs a check"):
        harness.explore(planted.Guarded, [add, add], observe=lambda g: g.value, modules=(HERE,), inject=TimesOut())


def test_the_scenario_kinds_judge_by_runs_without_faults_and_refuse() -> None:
    with pytest.raises(UsageError, match="hammer: inject"):
        harness.hammer(planted.Racy, "add()", observe="value", threads=2, modules=(HERE,), inject=WRITE)
