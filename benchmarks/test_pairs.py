"""The arithmetic of the tables, on figures whose answer is known."""

from __future__ import annotations

import random

import pytest

from benchmarks import costs
from benchmarks.bodies import BODIES
from benchmarks.contestant import Block
from benchmarks.pairs import fastest, ratio
from benchmarks.record import figure, table
from benchmarks.test_peers import comparison
from benchmarks.tools import OURS, OURS_UNDER_WAY, PEERS, RANDOM

SLOW, FAST = (peer.name for peer in PEERS)


def test_constant_rates_give_a_sharp_ratio() -> None:
    found = ratio({"a": [1_000.0] * 5, "b": [100.0] * 5}, "a", ["b"])
    assert (found.value, found.low, found.high) == (10.0, 10.0, 10.0)


def test_the_better_rival_counts() -> None:
    rates = {"a": [600.0] * 4, "slow": [10.0] * 4, "fast": [200.0] * 4}
    assert fastest(rates, ["slow", "fast"]) == "fast"
    assert ratio(rates, "a", ["slow", "fast"]).value == pytest.approx(3.0)


def test_one_disturbed_round_moves_the_interval_and_not_the_median() -> None:
    found = ratio({"a": [100.0, 100, 100, 100, 100, 10, 100], "b": [10.0] * 7}, "a", ["b"])
    assert found.value == pytest.approx(10.0)
    assert found.low <= 10.0 <= found.high


def test_the_interval_covers_the_true_ratio() -> None:
    """With 10 % noise on both sides and a slow drift common to both, about 95 of 100 intervals hold the truth."""
    rng = random.Random(7)
    covered = 0
    for seed in range(100):
        drift = [1 + 0.3 * step / 12 for step in range(12)]
        a = [1_000 * slow * rng.gauss(1, 0.1) for slow in drift]
        b = [100 * slow * rng.gauss(1, 0.1) for slow in drift]
        found = ratio({"a": a, "b": b}, "a", ["b"], seed)
        covered += found.low <= 10.0 <= found.high
    assert covered >= 88


def test_the_same_data_give_the_same_interval() -> None:
    rates = {"a": [9.0, 11, 10, 12], "b": [1.0, 1.1, 0.9, 1.2]}
    assert ratio(rates, "a", ["b"]) == ratio(rates, "a", ["b"])


@pytest.mark.parametrize(
    ("rates", "complaint"),
    [
        ({"a": [1.0, 2.0], "b": [1.0]}, "one rate a round"),
        ({"a": [], "b": []}, "at least one"),
        ({"a": [1.0], "b": [0.0]}, "positive"),
    ],
)
def test_data_that_cannot_be_compared_are_refused(rates: dict[str, list[float]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ratio(rates, "a", ["b"])


def test_a_section_shows_rates_ratios_and_targets() -> None:
    body = BODIES["2 threads x 1 increment"]
    blocks = {
        OURS.name: [Block(10, 2_000, 0.5, 0.4)] * 3,
        OURS_UNDER_WAY.name: [Block(10, 2_000, 0.25, 0.2)] * 3,
        SLOW: [Block(1, 100, 1.0, 0.5)] * 3,
        FAST: [Block(1, 100, 0.2, 0.1)] * 3,
    }
    section = comparison(RANDOM, body, blocks)
    assert section.startswith("## random: 2 threads x 1 increment\n")
    rows = {cells[0]: cells[1:] for line in section.splitlines() if (cells := _cells(line))}
    assert rows["harness"] == ["4,000", "5,000", "200", "50", ""]
    assert rows[OURS_UNDER_WAY.name] == ["8,000", "10,000", "", "", ""]
    assert rows[SLOW] == ["100", "200", "100", "1,000", "40.0 (40.0 to 40.0)"]
    assert rows[FAST] == ["500", "1,000", "100", "200", "8.0 (8.0 to 8.0)"]
    assert f"{FAST}: **8.0 (8.0 to 8.0)** times; by CPU time 5.0 (5.0 to 5.0); target 10: missed" in section
    assert f"{FAST}: **16.0 (16.0 to 16.0)** times; by CPU time 10.0 (10.0 to 10.0); target 10: met" in section


def test_costs_are_slopes() -> None:
    """A schedule of 60 us and 4 us a point (3 without a conflict), and hand-overs of 6 us on top."""
    figures: dict[tuple[object, ...], float] = {costs.SET_UP: 2e-3, costs.HAND_OVERS: 999}
    for points in costs.POINTS:
        figures["points", costs.CONFLICT, points] = 60e-6 + 4e-6 * points
        figures["points", costs.NO_CONFLICT, points] = 60e-6 + 3e-6 * points
    figures[costs.IN_TURNS] = figures["points", costs.CONFLICT, costs.TURNS] + 999 * 6e-6
    (single, growth) = costs.sections(figures)
    assert [cells[1:] for line in single.splitlines()[4:] if (cells := _cells(line))] == [
        ["4", "us"], ["3", "us"], ["6", "us"], ["2", "ms"],
    ]  # fmt: skip
    assert ["in conflict", "10,000", "40,100", "4.01"] in [_cells(line) for line in growth.splitlines()]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1234, "0.123"), (9.876, "9.88"), (98.76, "98.8"), (987.6, "988"), (12_345.0, "12,300"), (1_000.0, "1,000")],
)
def test_figures_have_three_digits(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_table_lines_up() -> None:
    text = table(["tool", "rate"], [["a", "1"], ["longer", "1,000"]])
    assert text.splitlines() == ["| tool   |  rate |", "| ------ | ----: |", "| a      |     1 |", "| longer | 1,000 |"]
