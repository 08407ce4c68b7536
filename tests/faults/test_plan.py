"""Plans: their short form, their JSON, and what is wrong with a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from harness.faults.catalogue import FAULTS, Where
from harness.faults.plan import Plan, parse
from harness.faults.strategies import plans
from harness.model import UsageError


@given(plans())
def test_both_forms_give_the_plan_back(plan: Plan) -> None:
    assert parse(str(plan)) == plan
    assert Plan.from_json(plan.to_json()) == plan


def test_what_is_left_out_is_the_first_task_and_seed_zero() -> None:
    assert parse("kill-in-body") == parse("kill-in-body@1") == Plan("kill-in-body", 1, 0)
    assert str(parse("kill-in-body@3")) == "kill-in-body@3#0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kill-in-boddy@3", "did you mean kill-in-body?"),
        ("nonsense-of-a-name", "the faults are kill-before-body, "),
        ("kill-in-body@0", "task must be a whole number of at least 1"),
        ("kill-in-body@x", "is written fault@task#seed"),
        ("", "is written fault@task#seed"),
        ("kill-in-body@" + "3" * 5000, "task must be a number of at most 18 digits"),
        ("kill-in-body@3#" + "3" * 5000, "seed must be a number of at most 18 digits"),
        ("kill in body" * 5000, "is written fault@task#seed"),
    ],
)
def test_a_wrong_plan_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_number_that_cannot_be_written_out_is_no_part_of_a_plan() -> None:
    with pytest.raises(UsageError, match="seed must be a number of at most 18 digits"):
        Plan("kill-in-body", 1, 10**5000)


@pytest.mark.parametrize("data", [3, {}, {"fault": "kill-in-body", "when": 3}, {"fault": "kill-in-body", "task": "3"}])
def test_a_wrong_object_says_what_is_wrong(data: object) -> None:
    with pytest.raises(UsageError):
        Plan.from_json(data)


def test_there_are_the_faults_that_the_documentation_promises() -> None:
    assert len(FAULTS) >= 20
    assert all(fault.where <= set(Where) and fault.where and fault.summary for fault in FAULTS.values())


@given(st.data())
def test_a_strategy_keeps_to_what_it_is_told(data: st.DataObject) -> None:
    plan = data.draw(plans(where="thread", tasks=4))
    assert Where.THREAD in plan.what.where
    assert 1 <= plan.task <= 4


def test_a_failing_plan_shrinks_to_the_first_fault_at_the_first_task() -> None:
    assert find(plans(tasks=8), lambda plan: plan.what.kills and plan.task >= 2) == parse("kill-before-body@2#0")
