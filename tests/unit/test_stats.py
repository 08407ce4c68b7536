"""The gate's statistics against hand-computed values and against their promise, by simulation."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.decision import COST, Margins, Outcome, Rule, combine, judge, judge_channel
from harness.stats.pairs import Slice, bootstrap_gate, ratio, stopped
from harness.stats.rates import binomial_interval
from harness.stats.sign import first_crossing, further_signs, log_e_value, median_interval, signs_needed


def test_nine_equal_signs_decide_at_one_percent() -> None:
    assert signs_needed(0.01) == 9
    assert first_crossing([True] * 20, 0.01) == 9
    assert first_crossing([True] * 8, 0.01) is None


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_capital_is_a_martingale_under_fair_signs(positive: int, negative: int) -> None:
    now = math.exp(log_e_value(positive, negative))
    after = (math.exp(log_e_value(positive + 1, negative)) + math.exp(log_e_value(positive, negative + 1))) / 2
    assert after == pytest.approx(now, rel=1e-9)


@pytest.mark.parametrize("alpha", [0.2, 0.05])
def test_fair_signs_cross_no_more_often_than_promised(alpha: float) -> None:
    generator = random.Random(7)
    crossed = sum(
        first_crossing((generator.random() < 0.5 for _ in range(150)), alpha) is not None for _ in range(600)
    )
    low, _ = binomial_interval(crossed, 600, 0.999)
    assert low <= alpha
    assert crossed > 0, "a test that never stops would keep any promise"


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        log_e_value(-1, 0)


@given(st.integers(0, 30), st.integers(0, 30))
def test_further_signs_are_enough_and_not_too_many(positive: int, negative: int) -> None:
    more = further_signs(positive, negative, 0.01, most=300)
    if more is None:
        return
    share = (positive + 0.5) / (positive + negative + 1)
    gained = round(share * more)
    assert log_e_value(positive + gained, negative + more - gained) >= math.log(100)


@given(st.lists(st.floats(0.5, 2), max_size=60))
def test_the_interval_of_the_median_is_ordered_and_made_of_values(values: list[float]) -> None:
    low, high = median_interval(values, 0.05)
    assert low is None or low in values
    assert high is None or high in values
    if low is not None and high is not None:
        assert low <= high or len(values) > 20  # a drift may refute both sides in turn


def test_the_interval_covers_the_median_at_every_look() -> None:
    generator = random.Random(11)
    missed = 0
    for _ in range(200):
        values = [generator.lognormvariate(0, 0.1) for _ in range(50)]
        low, high = median_interval(values, 0.05)
        missed += (low is not None and low >= 1) or (high is not None and high <= 1)
    assert binomial_interval(missed, 200, 0.999)[0] <= 0.05


@pytest.mark.parametrize(("true_ratio", "wanted"), [(1.0, Outcome.PASS), (1.2, Outcome.REGRESSION)])
def test_clear_ratios_are_decided_the_right_way(true_ratio: float, wanted: Outcome) -> None:
    generator = random.Random(3)
    rule = Rule.standard(3)
    for _ in range(100):
        pairs = (
            {"cost": true_ratio * math.exp(generator.gauss(0, 0.03)), "parallelism": math.exp(generator.gauss(0, 0.05))}
            for _ in range(200)
        )
        assert stopped(pairs, rule, 200)[0] is wanted


def test_at_the_failing_margin_alarms_stay_below_alpha() -> None:
    """The worst case of the null hypothesis: head exactly 5 % slower, signs are coins."""
    generator = random.Random(5)
    alarms = 0
    for _ in range(400):
        ratios = [1.05 * math.exp(generator.gauss(0, 0.05)) for _ in range(80)]
        alarms += first_crossing((value > 1.05 for value in ratios), 0.05) is not None
    assert binomial_interval(alarms, 400, 0.999)[0] <= 0.05


@pytest.mark.parametrize(
    ("ratios", "wrong", "promise"),
    [
        ({"cost": 1.05, "parallelism": 1.10}, Outcome.REGRESSION, "alpha"),  # the largest that is no regression
        ({"cost": 1.10, "parallelism": 1.20}, Outcome.PASS, "beta"),  # the smallest that is no pass
    ],
)
def test_a_whole_gate_keeps_its_promise_at_its_margins(ratios: dict[str, float], wrong: Outcome, promise: str) -> None:
    """Three benchmarks, both channels exactly at the margin: every sign is a coin, every look a chance to be wrong."""
    generator = random.Random(13)
    rule = Rule.standard(3)
    gates, erred, ended = 4000, 0, 0
    for _ in range(gates):
        outcomes = [
            stopped(({name: at * math.exp(generator.gauss(0, 0.05)) for name, at in ratios.items()}
                     for _ in range(120)), rule, 120)[0]
            for _ in range(3)
        ]  # fmt: skip
        erred += wrong in outcomes
        ended += Outcome.INCONCLUSIVE not in outcomes
    low, high = binomial_interval(erred, gates)
    assert low <= getattr(rule, promise), f"{erred} of {gates} gates said {wrong}"
    assert high < 0.015, "so few gates could not tell a promise that is broken"
    assert ended > gates / 2 or wrong is Outcome.PASS


@pytest.mark.parametrize(("slower", "least"), [(1.10, 0.97), (1.20, 0.99)])
def test_the_power_at_the_noise_of_shared_machines(slower: float, least: float) -> None:
    """CPU time of identical code differs by 2 to 4 % between fresh pairs, wall time by 8 to 56 %."""
    generator = random.Random(17)
    rule = Rule.standard(3)
    found, used = 0, []
    for _ in range(200):
        pairs = (
            {"cost": slower * math.exp(generator.gauss(0, 0.03)), "parallelism": math.exp(generator.gauss(0, 0.3))}
            for _ in range(200)
        )
        outcome, count = stopped(pairs, rule, 200)
        found += outcome is Outcome.REGRESSION
        used.append(count)
    assert found >= least * 200
    assert sorted(used)[100] <= 30


def test_an_undecided_channel_says_how_many_pairs_more() -> None:
    found = judge_channel([1.0] * 5, COST, 0.01, 0.01)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.more is not None
    assert found.more >= signs_needed(0.01) - 5
    assert judge_channel([], COST, 0.01, 0.01).pairs == 0


def test_alpha_is_shared_by_benchmarks_and_channels() -> None:
    rule = Rule.standard(5)
    assert rule.share(rule.alpha) == pytest.approx(0.001)


def test_one_slow_channel_is_a_regression_and_one_open_channel_is_no_pass() -> None:
    rule = Rule.standard(1)
    slow = judge({"cost": [1.0] * 30, "parallelism": [1.5] * 30}, rule)
    assert combine(slow) is Outcome.REGRESSION
    unsure = judge({"cost": [1.0] * 30, "parallelism": [1.05, 1.5] * 6}, rule)
    assert combine(unsure) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("margins", [(0.1, 0.05), (0.0, 0.1), (0.05, 0.05)])
def test_margins_that_cannot_decide_are_refused(margins: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="fail < accept"):
        Margins(*margins)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_impossible_ratios_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        judge_channel([bad], COST, 0.01, 0.01)


def test_the_ratio_is_per_task_and_symmetric() -> None:
    slices = [Slice("base", 1.0, 2.0, 10), Slice("head", 4.0, 3.0, 20)]
    assert ratio(slices, "parallelism") == pytest.approx(2.0)
    assert ratio(slices, "cost") == pytest.approx(0.75)
    with pytest.raises(ValueError, match="both sides"):
        ratio(slices[:1], "cost")
    with pytest.raises(ValueError, match="no observation"):
        ratio([Slice("base", 0.0, 0.0, 1), slices[1]], "cost")


def test_waiting_for_a_cpu_is_not_wall_time() -> None:
    free = Slice("base", 1.0, 2.0, 10, 0.0, 2)
    crowded = Slice("base", 2.0, 2.0, 10, 2.0, 2)  # the same two threads with half of each CPU
    locked = Slice("head", 1.33, 2.0, 10, 0.0, 2)
    crowded_and_locked = Slice("head", 2.66, 2.0, 10, 2.0, 2)
    assert free.unhindered == crowded.unhindered == pytest.approx(1.0)
    assert locked.unhindered == pytest.approx(1.33)
    assert crowded_and_locked.unhindered == pytest.approx(1.33, rel=0.02)
    assert ratio([free, crowded_and_locked], "parallelism") == pytest.approx(1.33, rel=0.02)


def test_threads_that_wait_for_each_other_have_no_excuse() -> None:
    many = Slice("head", 1.0, 2.0, 10, 6.0, 2)  # eight threads on two CPUs
    sleeping = Slice("head", 1.0, 0.01, 10, 0.01, 2)
    assert many.unhindered == pytest.approx(1.0)
    assert sleeping.unhindered == pytest.approx(0.99)
    assert Slice("head", 1.0, 2.0, 10, 6.0).unhindered == 1.0, "without the number of CPUs nothing is known"


@given(st.floats(1e-3, 10), st.floats(0, 40), st.floats(0, 40), st.integers(0, 64))
def test_an_unhindered_time_is_positive_and_no_longer_than_the_wall(
    wall: float, cpu: float, queued: float, cpus: int
) -> None:
    assert 0 <= Slice("base", wall, cpu, 1, queued, cpus).unhindered <= wall


def test_bounds_of_rates_are_clopper_and_pearsons() -> None:
    low, high = binomial_interval(0, 100)
    assert (low, high) == (0.0, pytest.approx(1 - 0.05 ** (1 / 100)))
    assert binomial_interval(5, 20) == (pytest.approx(0.0866, abs=1e-3), pytest.approx(0.491, abs=1e-3))
    assert binomial_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="no share"):
        binomial_interval(3, 2)


def test_bootstrap_gates_on_identical_sides_stay_silent() -> None:
    generator = random.Random(1)
    recorded = [
        [
            {"cost": math.exp(generator.gauss(0, 0.02)), "parallelism": math.exp(generator.gauss(0, 0.2))}
            for _ in range(40)
        ]
        for _ in range(3)
    ]
    outcomes = [bootstrap_gate(recorded, Rule.standard(3), generator, 60)[0] for _ in range(40)]
    assert not any(Outcome.REGRESSION in gate for gate in outcomes)
    assert any(set(gate) == {Outcome.PASS} for gate in outcomes)
