"""Intervals, the scalability law and the word error rate: pure functions against values known by hand."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.pools.intervals import median_interval, quantile, ratios
from harness.pools.scaling import Law, fit
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
