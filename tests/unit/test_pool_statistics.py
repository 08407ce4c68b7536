"""Intervals, the scalability law and the word error rate: pure functions against values known by hand."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.pools.compare import Bench, Plan
from harness.pools.gil import Samples, _counted, _Wake
from harness.pools.host import _together
from harness.pools.intervals import median_interval, quantile, ratios
from harness.pools.scaling import Law, fit, taking_turns
from harness.pools.worker import Answer
from harness.pools.workload import fingerprint
from harness.pools.workloads.whisper import word_error_rate


def test_six_values_give_their_range_and_say_97_percent() -> None:
    found = median_interval([3, 1, 2, 6, 5, 4])
    assert (found.low, found.middle, found.high) == (1, 3.5, 6)
    assert found.coverage == pytest.approx(1 - 2 / 64)


def test_nine_values_leave_the_outermost_out() -> None:
    found = median_interval([1, 2, 3, 4, 5, 6, 7, 8, 1000])
    assert (found.low, found.high) == (2, 8)
    assert found.coverage == pytest.approx(1 - 2 * (1 + 9) / 512)


def test_few_values_say_how_little_they_cover() -> None:
    assert median_interval([1.0]).coverage == 0
    assert median_interval([1.0, 2.0, 3.0]).coverage == pytest.approx(0.75)
    with pytest.raises(ValueError, match="nothing was measured"):
        median_interval([])


def test_the_interval_covers_the_median_as_often_as_it_says() -> None:
    generator = random.Random(1)
    draws = [median_interval([generator.lognormvariate(0, 1) for _ in range(15)]) for _ in range(4000)]
    covered = sum(draw.low <= 1 <= draw.high for draw in draws) / len(draws)
    assert draws[0].coverage >= 0.95
    assert covered == pytest.approx(draws[0].coverage, abs=0.012)


def test_ratios_are_taken_within_rounds() -> None:
    found = ratios([2, 20, 200], [1, 10, 100])
    assert (found.low, found.middle, found.high) == (2, 2, 2)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.floats(0, 1))
def test_a_quantile_lies_between_the_extremes(values: list[float], share: float) -> None:
    assert min(values) <= quantile(values, share) <= max(values)


def test_the_law_is_found_again() -> None:
    law = Law(100.0, 0.1, 0.02)
    found = fit({n: law.at(n) for n in (1, 2, 4)})
    assert found is not None
    assert (found.contention, found.crosstalk) == (pytest.approx(0.1), pytest.approx(0.02))


def test_the_law_never_has_negative_coefficients() -> None:
    found = fit({1: 100.0, 2: 230.0, 4: 500.0})
    assert found is not None and found.contention == 0 and found.crosstalk == 0
    assert fit({1: 100.0, 2: 190.0}) is None


@pytest.mark.parametrize(("workers", "share", "times"), [(2, 0.0, 2.0), (2, 1.0, 1.0), (2, 0.5, 1.6), (4, 1.0, 1.0)])
def test_workers_that_take_turns(workers: int, share: float, times: float) -> None:
    assert taking_turns(workers, share) == pytest.approx(times)


def test_word_error_rate() -> None:
    assert word_error_rate("he was not an ill disposed young man", "He was not an ill-disposed young man.") == 0
    assert word_error_rate("mister john", "Mr. John") == 0
    assert word_error_rate("a b c d", "a x c") == 0.5
    assert word_error_rate("a b", "") == 1


def test_fingerprints_tell_results_apart_and_equal_ones_together() -> None:
    numpy = pytest.importorskip("numpy")
    one = {"text": "a", "scores": [1.5, math.nan], "array": numpy.arange(3)}
    same = {"text": "".join(["a"]), "scores": [1.5, math.nan], "array": numpy.arange(3)}
    assert fingerprint(one) == fingerprint(same)
    assert fingerprint(numpy.arange(3)) != fingerprint(numpy.arange(3.0))
    assert fingerprint([1, [2]]) != fingerprint([[1], 2])
    assert fingerprint((1, 2)) != fingerprint([1, 2])


def wake(at: float, *, held: bool = False, ran: float = 0.0, queued: float = 0.0) -> _Wake:
    """After a pause of 2 ms; all in ms."""
    return _Wake(held, held, int(at * 1e6), 2e6, int(ran * 1e6), int(queued * 1e6))


def test_wakes_at_which_the_worker_waited_for_a_cpu_say_nothing_of_the_gil() -> None:
    computes = [wake(7, held=True, ran=5), wake(14, held=True, ran=5)]
    waits = [wake(at) for at in range(16, 44, 2)]  # the delay rises only once the wait is over
    last = [wake(51, held=True, ran=5, queued=30), wake(58, held=True, ran=5, queued=30)]
    assert _counted([*computes, *waits, *last]) == Samples(4, 4, 4)
    assert _counted([*computes, *waits, wake(46, held=True, queued=30)]) == Samples(2, 2, 2)


def test_a_worker_that_waits_for_something_else_leaves_the_gil_free() -> None:
    sleeps = [wake(at, queued=0.01 * at) for at in range(2, 52, 2)]
    assert _counted(sleeps) == Samples(25, 0, 0)
    assert _counted([]) == Samples(0, 0, 0)


def test_the_time_in_which_tasks_were_in_hand_together() -> None:
    def answer(begun: int, ended: int) -> Answer:
        return Answer((), begun, ended, 0, 0, 0, 0, (1, 1))

    assert _together([answer(0, 10), answer(10, 20)]) == 0
    assert _together([answer(0, 10), answer(4, 8), answer(9, 20)]) == 2 * (4 + 1)
    assert _together([]) == 0


class _Threads:
    """Two threads; only at the third time do they get a CPU at once."""

    def __init__(self) -> None:
        self.found = iter([(0.0, 0.0), (0.2, 0.1), (0.9, 0.45), (0.0, 0.0)])

    def wait(self) -> None:
        pass

    def ask(self, command: str, **arguments: Any) -> dict[str, float]:
        if command != "paced":
            return {}
        together, locked = next(self.found)
        return {"inside": 1.0, "together": together, "locked": locked}


def test_waits_for_a_lock_are_those_of_two_threads_that_ran_together(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def driver(*_: Any, **__: Any) -> Iterator[_Threads]:
        yield _Threads()

    bench = Bench("python", Plan(), lambda text: None)
    bench.item = 0.01
    monkeypatch.setattr(bench, "driver", driver)
    assert bench.diagnose()["locked"] == 0.45
