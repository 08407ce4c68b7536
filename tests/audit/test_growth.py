"""Growth for each repetition: a leak is found with its rate, and what is made at first use is none."""

from __future__ import annotations

import functools
import itertools
import mmap
import os
import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import InconclusiveError, LeakKind, LeaksFound, UsageError, leak_growth
from harness.audit.growth import Growth
from harness.audit.slope import slope, theil_sen

K = 8


def counts(gains: list[float]) -> list[float]:
    return [sum(gains[:n]) for n in range(len(gains) + 1)]


@pytest.mark.once
@given(rate=st.floats(0.01, 100), start=st.floats(0, 100))
def test_a_steady_growth_has_its_rate(rate: float, start: float) -> None:
    found = slope([start + rate * n for n in range(7 * K + 1)], random.Random(0))
    assert found.grows
    assert found.low <= found.per_task * (1 + 1e-6) and found.per_task <= found.high * (1 + 1e-6)
    assert found.per_task == pytest.approx(rate)


@pytest.mark.once
@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 7 * K - 2 * K - 1), max_size=30))
def test_what_ends_before_the_last_2k_is_no_leak(steps: list[int]) -> None:
    """Whatever was made before, in whatever order: caches, pools that fill."""
    gains = [float(steps.count(n)) for n in range(7 * K)]
    assert not slope(counts(gains), random.Random(0)).grows


@pytest.mark.once
@pytest.mark.parametrize("seed", range(5))
def test_a_leak_of_every_other_repetition_is_found(seed: int) -> None:
    rng = random.Random(seed)
    found = slope(counts([float(rng.random() < 0.5) for _ in range(7 * 16)]), rng)
    assert found.grows and 0.3 < found.per_task < 0.7


def test_a_leak_too_rare_for_so_few_repetitions_is_neither_found_nor_denied() -> None:
    rare = [float(number % 5 == 0) for number in range(7 * 32)]
    few, many = (slope(counts(rare[: 7 * k]), random.Random(0)) for k in (8, 32))
    assert (few.grows, few.undecided) == (False, True)
    assert (many.grows, many.undecided) == (True, False)
    growth = Growth({LeakKind.DESCRIPTOR: few, LeakKind.MEMORY: few}, 56)
    assert "open" in str(growth) and "flat" in str(growth)
    with pytest.raises(InconclusiveError, match="more repetitions"):
        growth.raise_if_leaking()


@pytest.mark.once
def test_noise_without_growth_is_rarely_taken_for_a_leak() -> None:
    alarms = 0
    for seed in range(60):
        rng = random.Random(seed)
        alarms += slope([rng.gauss(1000, 10) for _ in range(7 * K + 1)], rng).grows
    assert alarms <= 2


def test_the_slope_is_not_moved_by_one_jump() -> None:
    assert theil_sen([0, 0, 9, 9, 9, 9, 9, 9, 9, 9]) == 0


@pytest.fixture
def opened() -> Iterator[list[socket.socket]]:
    found: list[socket.socket] = []
    yield found
    for one in found:
        one.close()


def test_a_socket_for_each_task_and_none(opened: list[socket.socket]) -> None:
    growth = leak_growth(lambda: opened.append(socket.socket()), repetitions=3)
    assert growth.slopes[LeakKind.DESCRIPTOR].per_task == 1
    assert [leak.kind for leak in growth.leaks] == [LeakKind.DESCRIPTOR]
    with pytest.raises(LeaksFound, match="descriptor: 1 a task"):
        growth.raise_if_leaking()

    @functools.lru_cache
    def only_once() -> int:
        opened.append(socket.socket())
        return os.getpid()

    calm = leak_growth(only_once, repetitions=3)
    assert calm.raise_if_leaking() is calm
    assert len(opened) == 21 + 1


def test_a_pool_that_fills_as_it_is_used_is_no_leak() -> None:
    calls = itertools.count(1)
    with ThreadPoolExecutor(8) as pool:

        def task() -> None:
            together = threading.Barrier(min(next(calls), 8))  # so that each has a thread of its own
            assert len(list(pool.map(lambda _: together.wait(60), range(together.parties)))) == together.parties

        growth = leak_growth(task, repetitions=5)
    assert not growth.slopes[LeakKind.THREAD].grows


def test_shared_memory_counts_for_those_who_made_or_map_it() -> None:
    kept = []
    others = Path("/dev/shm", f"of-another-{os.getpid()}")

    def leave() -> None:
        kept.append(SharedMemory(create=True, size=16))
        kept[-1].close()

    def see_others() -> None:
        others.with_name(f"{others.name}-{next(calls)}").touch()  # as any process on the machine may

    calls = itertools.count()
    try:
        assert leak_growth(leave, repetitions=2).slopes[LeakKind.SHARED_MEMORY].per_task == 1
        assert leak_growth(see_others, repetitions=2).slopes[LeakKind.SHARED_MEMORY].per_task == 0
    finally:
        for memory in kept:
            memory.unlink()
        for path in others.parent.glob(f"{others.name}*"):
            path.unlink()


def test_memory_that_is_kept_is_found_and_memory_that_is_not_is_not() -> None:
    def touched() -> mmap.mmap:
        memory = mmap.mmap(-1, 1_000_000)  # not from the heap, which may have had it before
        for place in range(0, len(memory), mmap.PAGESIZE):
            memory[place] = 1
        return memory

    kept = []
    leaking = leak_growth(lambda: kept.append(touched()), repetitions=4)
    assert leaking.slopes[LeakKind.MEMORY].grows
    assert leaking.slopes[LeakKind.MEMORY].per_task == pytest.approx(1e6, rel=0.1)
    kept.clear()
    assert not leak_growth(touched, repetitions=4).slopes[LeakKind.MEMORY].grows


def test_a_wrong_argument_is_said() -> None:
    with pytest.raises(UsageError, match="cannot be called"):
        leak_growth(3)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least 2"):
        leak_growth(os.getpid, repetitions=1)
