"""A lock of each kind, made in each way: covered where the scenario needs it, and reported where it does not."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

import harness
from harness import Verdict
from harness.exploration.sensitivity import NO_REASON, Probe, leaves_open, probe_locks, summary, taken_locks
from tests.sensitivity import classes

FILE = str(classes.__file__)
COUNTING = (
    classes.Locks, classes.Aliased, classes.RLocks, classes.Conditions, classes.ConditionsOnLocks, classes.Semaphores,
    classes.BoundedSemaphores, classes.Subclassed, classes.ClassBody, classes.Fields, classes.SlottedFields,
    classes.Striped, classes.Tries, classes.Asks,
)  # fmt: skip


def probes(make: Any, threads: Sequence[Any], check: Any, **options: Any) -> list[Probe]:
    """What sensitivity says of a scenario that passes."""

    def explore() -> harness.Exploration:
        return harness.explore(make, threads, check, modules=("tests.sensitivity.classes",), **options)

    taken_locks()
    found = explore()
    assert found.verdict is Verdict.PASS, found
    return probe_locks(explore, taken_locks())


def counting(make: Any, **options: Any) -> list[Probe]:
    return probes(make, [make.record] * 2, _right, **options)


def _right(counts: Any, results: list[Any]) -> bool:
    return bool(counts.right(results))


def lines(kind: type, tag: str) -> set[int]:
    """The lines of a class that carry a tag."""
    text, first = inspect.getsourcelines(kind)
    return {first + number for number, line in enumerate(text) if tag in line.partition("  # ")[2]}


def split(found: list[Probe], change: str = "no-op") -> tuple[set[int], set[int]]:
    """The lines of the changes that were noticed, and of those that were not."""
    of_kind = [probe for probe in found if probe.mutation[4] == change]
    assert {probe.mutation[0] for probe in of_kind} == {FILE}
    return (
        {probe.mutation[1] for probe in of_kind if probe.covered},
        {probe.mutation[1] for probe in of_kind if not probe.covered},
    )


@pytest.mark.parametrize("kind", COUNTING, ids=lambda kind: kind.__name__)
def test_the_lock_that_is_needed_is_covered_and_the_spare_one_is_not(kind: Any) -> None:
    found = counting(kind)
    assert split(found) == (lines(kind, "needed"), lines(kind, "spare"))
    (missed,) = [probe for probe in found if not probe.covered]
    (line,) = lines(kind, "spare")
    assert str(missed).startswith(f"lock not covered: tests/sensitivity/classes.py, line {line} (")
    assert "made a no-op): PASS: " in str(missed)
    assert leaves_open([(missed.key, missed.settled, str(missed))])


def test_locks_of_a_base_are_those_of_its_subclasses() -> None:
    base = classes.ClassBody
    assert split(counting(classes.Inherits)) == (lines(base, "needed"), lines(base, "spare"))


def test_inherited_fields_are_where_the_base_defines_them() -> None:
    base, derived = classes.Fields, classes.MoreFields
    spare = lines(base, "spare") | lines(derived, "spare")
    # The second lock excludes threads too: either alone is enough.
    assert split(counting(derived)) == (set(), lines(base, "needed") | spare)


def test_two_locks_on_a_line_are_told_apart() -> None:
    found = sorted(counting(classes.OneLine), key=lambda probe: probe.mutation)
    (line,) = lines(classes.OneLine, "needed")
    assert [(probe.mutation[1], probe.covered) for probe in found] == [(line, True), (line, False)]
    assert f"line {line}, column 42 (Lock made a no-op)" in str(found[1])


def test_a_lock_that_setup_makes_is_where_setup_makes_it() -> None:
    def setup() -> Any:
        return SimpleNamespace(lock=classes.Mutex(), total=0)

    def record(state: Any) -> None:
        with state.lock:
            state.total += 1

    (probe,) = probes(setup, [record] * 2, lambda state, results: state.total == 2)
    assert probe.covered
    assert probe.mutation[0] == __file__
    assert "setup" in inspect.getsource(inspect.getmodule(setup)).splitlines()[probe.mutation[1] - 2]  # type: ignore[arg-type]


def test_a_lock_of_the_module() -> None:
    total = [0]

    def setup() -> None:
        total[0] = 0

    def record(_: None) -> None:
        with classes.module_lock:
            total[0] += 1

    (probe,) = probes(setup, [record] * 2, lambda _: total[0] == 2)
    assert probe.covered
    (other,) = probes(setup, [record] * 2, lambda _: None)
    assert not other.covered
    assert other.mutation == probe.mutation


def test_an_event_is_tried_where_somebody_waits_for_it() -> None:
    found = probes(
        classes.Events, [classes.Events.publish, classes.Events.read], lambda _, results: results[1] == "value"
    )
    assert split(found) == (lines(classes.Events, "needed"), lines(classes.Events, "spare"))


def test_barriers() -> None:
    share = classes.Barriers.share
    found = probes(classes.Barriers, [share] * 2, lambda _, results: results == [2, 2])
    assert split(found) == (lines(classes.Barriers, "needed"), lines(classes.Barriers, "spare"))


def test_a_barrier_that_nobody_waits_at_still_elects_one() -> None:
    found = probes(classes.Election, [classes.Election.arrive] * 2, lambda e: len(e.leaders) == 1 and e.rounds == 1)
    assert split(found) == (set(), lines(classes.Election, "spare"))


def gate(kind: Any, entering: int) -> dict[str, Probe]:
    found = probes(kind, [kind.open, *[kind.enter] * entering], lambda g: g.is_open)
    return {probe.mutation[4]: probe for probe in found}


def test_notify_all_is_needed_where_two_wait_and_not_where_one_does() -> None:
    assert gate(classes.Gate, 2)["notify"].covered
    one = gate(classes.Gate, 1)
    assert not one["notify"].covered
    assert "(Condition with notify for notify_all)" in str(one["notify"])
    assert one["no-op"].covered
    assert one["spurious"].covered, "a wait in a loop passes when it is woken spuriously"


def test_a_wait_that_is_no_loop_is_reported_and_cannot_be_accepted() -> None:
    for kind in (classes.OnceTested, classes.AcceptedOnceTested):
        found = gate(kind, 1)["spurious"]
        assert not found.settled
        assert str(found).startswith("wait not in a loop: tests/sensitivity/classes.py, line ")
        assert leaves_open([(found.key, found.settled, str(found)), (found.key, True, "passed in another scenario")])


def test_notify_all_is_accepted_by_a_comment_of_its_own() -> None:
    found = gate(classes.AcceptedGate, 1)
    assert found["notify"].accepted == "there is one who enters"
    assert found["no-op"].covered
    assert not found["no-op"].accepted, "the comment is not about the lock"


@pytest.mark.parametrize(
    ("kind", "reason"), [(classes.Accepted, "it is for show"), (classes.AcceptedFields, "a field for show")]
)
def test_a_lock_is_accepted_by_a_comment_with_a_reason(kind: Any, reason: str) -> None:
    found = counting(kind)
    assert [probe.accepted for probe in found if not probe.covered] == [reason]
    assert all(probe.settled for probe in found)
    assert summary([(probe.key, probe.settled, str(probe)) for probe in found])[-1].startswith("2 of 2 ")


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [(classes.NoReason, True), (classes.NoColon, True), (classes.OtherWords, False)],
)
def test_a_comment_without_a_reason_or_about_something_else_is_not_honoured(kind: Any, complaint: bool) -> None:
    (missed,) = [probe for probe in counting(kind) if not probe.settled]
    assert str(missed).startswith("lock not covered: ")
    assert (NO_REASON in str(missed)) is complaint


def test_an_isolated_scenario_tells_its_locks_too() -> None:
    kind = classes.Locks
    assert split(counting(kind, isolate="process")) == (lines(kind, "needed"), lines(kind, "spare"))


def test_what_an_earlier_scenario_covered_is_not_tried_again() -> None:
    covered: set[Any] = set()

    def explore() -> harness.Exploration:
        return harness.explore(classes.Locks, [classes.Locks.record] * 2, _right)

    taken_locks()
    explore()
    taken = taken_locks()
    assert len(probe_locks(explore, taken, covered)) == 2
    (spare,) = probe_locks(explore, taken, covered)
    assert not spare.covered


def test_a_lock_older_than_the_harness_is_said_not_to_be_tried() -> None:
    import _thread

    native = _thread.allocate_lock

    def setup() -> Any:
        return SimpleNamespace(lock=native(), total=0)

    def record(state: Any) -> None:
        with state.lock:
            state.total += 1

    found = probes(setup, [record] * 2, lambda state: state.total == 2)
    said = summary([(probe.key, probe.settled, str(probe)) for probe in found])
    assert said[0].startswith("a lock that was made before the harness was loaded was not tried")
    assert said[-1] == "no lock of the project was taken in a scenario that passed: nothing was tried"


def test_nothing_tried_is_not_settled() -> None:
    assert leaves_open([("", True, "")])
    assert not leaves_open([]), "no scenario ran: nothing is claimed"
    assert summary([]) == ["no scenario was explored: nothing was tried"]
