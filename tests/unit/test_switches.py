"""Where a finding says that it can happen: on builds with a GIL too, or only where there is none."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from harness import Verdict, explore


class Account:
    def __init__(self) -> None:
        self.total = 0
        self.log: list[int] = []
        self.cache: weakref.WeakValueDictionary[str, Account] = weakref.WeakValueDictionary()
        self.kept: list[Account] = []

    @property
    def balance(self) -> int:
        return self.total

    def read(self) -> int:
        return self.total

    def read_and_note(self) -> int:
        total = self.total
        self.log.append(0)
        return total


def in_one_expression(account: Account) -> None:
    account.total += 1


def through_a_local(account: Account) -> None:
    before = account.total
    account.total = before + 1


def with_a_c_call_between(account: Account) -> None:
    before = account.total
    len("")
    account.total = before + 1


def with_a_call_between(account: Account) -> None:
    before = account.total
    nothing()
    account.total = before + 1


def with_a_loop_between(account: Account) -> None:
    before = account.total
    for _ in (1, 2):
        pass
    account.total = before + 1


def returned_by_a_method(account: Account) -> None:
    account.total = account.read() + 1


def returned_by_a_property(account: Account) -> None:
    account.total = account.balance + 1


def returned_after_a_c_call(account: Account) -> None:
    account.total = account.read_and_note() + 1


def called_back_by_c(account: Account) -> None:
    before = list(map(Account.read, [account]))[0]
    account.total = before + 1


def written_by_a_function(account: Account) -> None:
    before = account.total
    put(account, before + 1)


def put(account: Account, value: int) -> None:
    account.total = value


def nothing() -> None:
    pass


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (in_one_expression, "free-threaded"),
        (through_a_local, "free-threaded"),
        (with_a_c_call_between, "gil"),
        (with_a_call_between, "gil"),
        (with_a_loop_between, "gil"),
        (returned_by_a_method, "free-threaded"),
        (returned_by_a_property, "free-threaded"),
        (returned_after_a_c_call, "gil"),
        (called_back_by_c, "gil"),
        (written_by_a_function, "gil"),
    ],
)
def test_where_the_lost_update_can_happen(body: Callable[[Account], None], where: str) -> None:
    exploration = explore(Account, [body, body], lambda account: account.total == 2)
    assert exploration.verdict is Verdict.FAIL
    assert exploration.failure is not None
    assert exploration.failure.witness.where == where
    again = explore(Account, [body, body], lambda account: account.total == 2, replay=exploration.failure.witness)
    assert again.failure is not None
    assert again.failure.witness.where == where


def test_an_access_that_commutes_does_not_hide_the_call_before_it() -> None:
    """The switch after `Account()` has the same effect as one before the access that the schedule preempted."""

    def get(account: Account) -> Any:
        found = account.cache.get("a")
        if found is None:
            found = Account()
            account.kept.append(found)
            account.cache["a"] = found
        return found

    exploration = explore(Account, [get, get], lambda account, results: results[0] is results[1])
    assert exploration.failure is not None
    assert exploration.failure.witness.where == "gil"


class Ranking:
    def __init__(self) -> None:
        self.asked = 0

    def place(self, name: str) -> int:
        self.asked += 1
        return len(name)

    def order(self) -> list[str]:
        return sorted(["bob", "ann"], key=self.place)


def test_what_was_not_preempted_is_said() -> None:
    """A key function runs inside `sorted`; the verdict must not claim more than was tried."""
    exploration = explore(Ranking, [Ranking.order, Ranking.order], lambda ranking: ranking.asked <= 4)
    assert exploration.verdict is Verdict.PASS
    assert "not preempted inside callbacks and destructors at test_switches.py:" in exploration.reason
    assert "in any schedule" not in exploration.reason


class Names:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.taken: set[str] = set()

    def claim(self) -> bool:
        if "a" in self.taken:
            return False
        with self.lock:
            self.taken.add("a")
        return True


def test_entering_a_free_lock_is_no_place_to_switch() -> None:
    exploration = explore(Names, [Names.claim, Names.claim], lambda names, results: results.count(True) == 1)
    assert exploration.failure is not None
    assert exploration.failure.witness.where == "free-threaded"
