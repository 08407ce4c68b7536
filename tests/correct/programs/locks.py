"""Lock and RLock: with, try, time-outs, hand-over, order, re-entry."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace

from ..program import Program, both_ways


def shared() -> SimpleNamespace:
    """A lock and a total."""
    return SimpleNamespace(lock=threading.Lock(), other=threading.Lock(), total=0, skipped=0)


def increment(state: SimpleNamespace) -> None:
    with state.lock:
        state.total += 1


def increment_twice(state: SimpleNamespace) -> None:
    increment(state)
    increment(state)


def increment_with_try(state: SimpleNamespace) -> None:
    state.lock.acquire()
    try:
        before = state.total
        state.total = before + 1
    finally:
        state.lock.release()


def counts_every_thread(state: SimpleNamespace, results: Sequence[object]) -> None:
    assert state.total == len(results)


def try_once(state: SimpleNamespace) -> bool:
    if not state.lock.acquire(blocking=False):
        return False
    try:
        state.total += 1
        return True
    finally:
        state.lock.release()


def counts_those_who_got_it(state: SimpleNamespace, results: Sequence[object]) -> None:
    assert state.total == results.count(True) >= 1


def hold_for_a_while(state: SimpleNamespace) -> bool:
    with state.lock:
        time.sleep(0.005)
        state.total += 1
    return True


def acquire_in_time(state: SimpleNamespace) -> bool:
    got: bool = state.lock.acquire(timeout=60)
    if got:
        state.total += 1
        state.lock.release()
    return got


def both_got_it(state: SimpleNamespace, results: Sequence[object]) -> None:
    assert state.total == 2 and list(results) == [True, True]


def handshake() -> SimpleNamespace:
    return SimpleNamespace(lock=threading.Lock(), held=threading.Event(), leave=threading.Event())


def hold_until_told(state: SimpleNamespace) -> None:
    with state.lock:
        state.held.set()
        state.leave.wait()


def time_out_on_held_lock(state: SimpleNamespace) -> bool:
    state.held.wait()
    got: bool = state.lock.acquire(timeout=0.005)
    state.leave.set()
    return got


def timed_out(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return results[1] is False and not state.lock.locked()


def closed_gate() -> SimpleNamespace:
    gate = threading.Lock()
    gate.acquire()
    return SimpleNamespace(gate=gate, value=None)


def pass_gate(state: SimpleNamespace) -> object:
    with state.gate:
        return state.value


def open_gate(state: SimpleNamespace) -> None:
    state.value = "through"
    state.gate.release()


def went_through(state: SimpleNamespace, results: Mapping[str, object]) -> None:
    assert results["waiter"] == "through"


def accounts() -> SimpleNamespace:
    return SimpleNamespace(locks=[threading.Lock(), threading.Lock()], balances=[10, 10], moved=threading.Lock())


def transfer(source: int, target: int) -> Callable[[SimpleNamespace], None]:
    def move(state: SimpleNamespace) -> None:
        low, high = sorted((source, target))
        with state.locks[low], state.locks[high]:
            state.balances[source] -= 3
            state.balances[target] += 3

    return move


def money_is_kept(state: SimpleNamespace) -> bool:
    return state.balances == [10, 10]


def table() -> SimpleNamespace:
    return SimpleNamespace(forks=[threading.Lock() for _ in range(3)], meals=[0, 0, 0])


def philosopher(seat: int) -> Callable[[SimpleNamespace], None]:
    def dine(state: SimpleNamespace) -> None:
        low, high = sorted((seat, (seat + 1) % 3))
        with state.forks[low], state.forks[high]:
            state.meals[seat] += 1

    return dine


def everyone_ate(state: SimpleNamespace) -> bool:
    return state.meals == [1, 1, 1]


class Account:
    """Methods that call each other under one re-entrant lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.balance = 0

    def deposit(self, amount: int) -> int:
        with self.lock:
            self.balance += amount
            return self.current()

    def current(self) -> int:
        with self.lock:
            return self.balance

    def deposit_twice(self) -> bool:
        with self.lock:
            return self.deposit(1) + 1 == self.deposit(1)


def deposit_twice(account: Account) -> bool:
    return account.deposit_twice()


def four_deposits(account: Account, results: Sequence[object]) -> bool:
    return account.current() == 4 and list(results) == [True, True]


def try_reentrant(account: Account) -> bool:
    if not account.lock.acquire(blocking=False):
        return False
    assert account.lock.acquire(blocking=False)
    account.balance += 1
    account.lock.release()
    account.lock.release()
    return True


def balance_matches(account: Account, results: Sequence[object]) -> bool:
    return account.balance == results.count(True)


def closure() -> SimpleNamespace:
    """A counter in a closure cell: on 3.11 a careless tracer fabricates a lost update here."""
    count = 0
    lock = threading.Lock()

    def bump() -> None:
        nonlocal count
        with lock:
            before = count
            count = before + 1

    def read() -> int:
        return count

    return SimpleNamespace(bump=bump, read=read)


def bump_twice(state: SimpleNamespace) -> None:
    state.bump()
    state.bump()


def counted_four(state: SimpleNamespace) -> bool:
    return bool(state.read() == 4)


PROGRAMS = (
    Program("lock_with", shared, [increment, increment], counts_every_thread),
    Program("lock_twice_each", shared, [increment_twice] * 2, lambda state: state.total == 4),
    Program("lock_three_threads", shared, [increment] * 3, counts_every_thread),
    Program("lock_hundred_threads", shared, [increment] * 100, counts_every_thread),
    Program("lock_try_finally", shared, [increment_with_try, increment], counts_every_thread),
    Program("lock_try_acquire", shared, [try_once, try_once], counts_those_who_got_it),
    Program("lock_acquired_in_time", shared, [hold_for_a_while, acquire_in_time], both_got_it),
    Program("lock_acquire_times_out", handshake, [hold_until_told, time_out_on_held_lock], timed_out),
    *both_ways("lock_taken_in_setup", closed_gate, pass_gate, open_gate, went_through),
    Program("locks_in_order", accounts, [transfer(0, 1), transfer(1, 0)], money_is_kept),
    Program("locks_philosophers", table, [philosopher(seat) for seat in range(3)], everyone_ate),
    Program("rlock_reentry", Account, [deposit_twice, deposit_twice], four_deposits),
    Program("rlock_try_reentry", Account, [try_reentrant, try_reentrant], balance_matches),
    Program("lock_nonlocal", closure, [bump_twice, bump_twice], counted_four),
)
