"""The oracle of chaos on ledgers written by hand: each promise kept and broken, and what must always hold."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import Kind
from harness.oracles.survival import Delivery, Record, judge, survival

BOTH = list(Delivery)


def ledger(text: str, workers: int = 2, capacity: int = 2) -> Iterator[Record]:
    """Records from lines `task event[=text] ...`, in order; w/o a fault of their own they get one about no task."""
    at = iter(range(1, 1000))
    yield Record("case", "", 1, 1, 0.0, workers)
    if " fault" not in text:
        yield Record("fault", "", 1, 1, 0.5)
    for line in text.strip().splitlines():
        task, *events = line.split()
        for event in events:
            name, _, value = event.partition("=")
            yield Record(name, task, 2, 2, float(next(at)), 0, value)
    yield Record("capacity", "", 1, 1, 999.0, capacity, str(workers))


DONE = "submitted taken started finished=A result=A"


def kinds(text: str, delivery: Delivery, **options: int) -> list[Kind]:
    return [found.kind for found in judge(survival(ledger(text, **options)), delivery)]


@pytest.mark.parametrize("delivery", BOTH)
def test_tasks_that_are_done_once_keep_every_promise(delivery: Delivery) -> None:
    assert kinds(f"t1 {DONE}\nt2 {DONE}", delivery) == []


@pytest.mark.parametrize("delivery", BOTH)
def test_a_caller_that_waits_for_ever(delivery: Delivery) -> None:
    assert kinds(f"t1 {DONE}\nt2 submitted taken started fault gave-up", delivery) == [Kind.UNRESOLVED]


@pytest.mark.parametrize(
    ("delivery", "found"),
    [
        (Delivery.AT_MOST_ONCE, []),
        (Delivery.AT_LEAST_ONCE, [Kind.LOST_TASK]),
        (Delivery.EXACTLY_ONCE, [Kind.LOST_TASK]),
    ],
)
def test_a_caller_that_is_told_of_the_loss(delivery: Delivery, found: list[Kind]) -> None:
    assert kinds("t1 submitted taken started fault broken=BrokenProcessPool:", delivery) == found


@pytest.mark.parametrize(
    ("delivery", "found"),
    [(Delivery.AT_MOST_ONCE, [Kind.DOUBLED_TASK]), (Delivery.AT_LEAST_ONCE, []), (Delivery.EXACTLY_ONCE, [])],
)
def test_a_task_that_was_killed_and_begun_again(delivery: Delivery, found: list[Kind]) -> None:
    assert kinds("t1 submitted taken started fault taken started finished=A result=A", delivery) == found


@pytest.mark.parametrize(
    ("delivery", "found"),
    [
        (Delivery.AT_MOST_ONCE, [Kind.DOUBLED_TASK]),
        (Delivery.AT_LEAST_ONCE, []),
        (Delivery.EXACTLY_ONCE, [Kind.DOUBLED_TASK]),
    ],
)
def test_a_task_that_was_done_and_done_again(delivery: Delivery, found: list[Kind]) -> None:
    assert kinds("t1 submitted started finished=A fault started finished=A result=A", delivery) == found


@pytest.mark.parametrize("delivery", BOTH)
def test_the_result_of_another_task(delivery: Delivery) -> None:
    crossed = "t1 submitted started finished=A result=B\nt2 submitted started finished=B result=A"
    assert kinds(crossed, delivery) == [Kind.MISDELIVERED]


@pytest.mark.parametrize("delivery", BOTH)
def test_an_error_of_the_task_itself_is_its_end(delivery: Delivery) -> None:
    assert kinds("t1 submitted started fault raised=ValueError error=ValueError:wrong", delivery) == []
    assert kinds("t1 submitted started fault raised=ValueError error=JobFailed:ValueError:wrong", delivery) == []
    assert kinds("t1 submitted fault raised=* broken=BrokenProcessPool:", delivery) == []


def test_an_error_that_is_not_the_task_s_own() -> None:
    for got in ("error=TypeError:arguments", "broken=BrokenProcessPool:ValueError:"):
        assert kinds(f"t1 submitted started fault raised=ValueError {got}", Delivery.AT_LEAST_ONCE) == [Kind.LOST_TASK]


def test_a_task_that_was_refused_and_run_all_the_same() -> None:
    seen = survival(ledger("t1 submitted refused=RuntimeError: started finished=A"))
    assert (seen.lost, seen.doubled) == (("t1",), ("t1",))


def test_a_pool_with_fewer_workers_than_before() -> None:
    assert kinds(f"t1 {DONE}", Delivery.AT_MOST_ONCE, capacity=1) == [Kind.UNUSABLE_POOL]
    seen = survival(ledger(f"t1 {DONE}", capacity=1))
    assert judge(seen, Delivery.AT_MOST_ONCE, usable=False) == ()


def test_what_was_left_behind() -> None:
    left = Record("left", "", 1, 1, 99.0, 0, "1 child")
    seen = survival([*ledger(f"t1 {DONE}"), left])
    assert [found.kind for found in judge(seen, Delivery.AT_MOST_ONCE)] == [Kind.LEFT_BEHIND]


def test_a_ledger_without_a_fault_shows_that_none_struck() -> None:
    assert not survival([record for record in ledger(f"t1 {DONE}") if record.event != "fault"]).fired


def test_recovery_is_the_time_to_the_next_result() -> None:
    seen = survival(ledger(f"t1 submitted taken started fault broken=X:\nt2 {DONE}"))
    assert seen.recovery == 6.0
    assert survival(ledger("t1 submitted fault gave-up\nt2 submitted result=A")).recovery is None


events = st.sampled_from(
    ["taken", "started", "finished=A", "finished=B", "raised=E", "raised=*", "fault", "gave-up",
     "result=A", "result=B", "error=E:", "error=F:", "broken=P:", "refused=R:"]
)  # fmt: skip
ledgers = st.lists(st.lists(events, max_size=8), min_size=1, max_size=4).map(
    lambda tasks: "\n".join(f"t{n} submitted {' '.join(listed)}" for n, listed in enumerate(tasks, 1))
)


@given(ledgers)
def test_every_task_has_exactly_one_end(text: str) -> None:
    """Done with its own result, failed by its own error, lost, or misdelivered: no task is overlooked."""
    seen = survival(ledger(text))
    for task in seen.submitted:
        line = next(one for one in text.splitlines() if one.startswith(f"{task} "))
        own_result = any(f" result={v}" in line and f"finished={v}" in line for v in "AB")
        own_result |= "raised=*" in line and " result=" in line
        assert (task in seen.lost) <= (not own_result)
        assert (task in seen.unresolved) <= (task in seen.lost)
        assert not (task in seen.failed and task in seen.lost)
        assert own_result or task in seen.lost or task in seen.failed or task in seen.misdelivered


@given(ledgers)
def test_the_stronger_promise_is_broken_whenever_the_weaker_is(text: str) -> None:
    seen = survival(ledger(text))
    weak = {found.kind for found in judge(seen, Delivery.AT_LEAST_ONCE)}
    assert weak <= {found.kind for found in judge(seen, Delivery.EXACTLY_ONCE)}


@given(ledgers, st.randoms(use_true_random=False))
def test_the_order_of_records_of_different_tasks_does_not_matter(text: str, chance: object) -> None:
    records = list(ledger(text))
    by_task: dict[str, list[Record]] = {}
    for record in records:
        by_task.setdefault(record.task, []).append(record)
    order = [record.task for record in records]
    chance.shuffle(order)  # type: ignore[attr-defined]
    mixed = [by_task[task].pop(0) for task in order]
    first, second = survival(records), survival(mixed)
    for name in ("unresolved", "lost", "failed", "rerun", "doubled", "misdelivered"):
        assert set(getattr(first, name)) == set(getattr(second, name))
