"""Fingerprints: the same for a value and its copy in another process, another for another value."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from harness.faults.fingerprint import digest

np = pytest.importorskip("numpy")
ROOT = Path(__file__).parents[2]


class Picture:
    """Is shown by its address."""

    def __init__(self, number: int) -> None:
        self.number, self.lock, self.me = number, threading.Lock(), self


class Unreadable:
    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> Any:
        raise RuntimeError("not today")


def values(number: int) -> dict[str, Any]:
    array = np.zeros(100_000)
    array[50_000] = number
    words = {f"{word}-{number}" for word in "abcdefgh"}
    return {
        "an object": Picture(number),
        "a set": words,
        "a frozen set in a list": [frozenset(words)],
        "a dict of sets": {"words": words, ("a", 1): number},
        "a long array": array,
        "an array of a set": np.array([words, None]),
        "text": "\ud800" * number,
        "a long number": 10**5000 + number,
        "a function": [Picture, values, len][number % 3],
    }


def digests(number: int) -> dict[str, str]:
    return {name: digest(value) for name, value in values(number).items()}


def digests_in_new_process(number: int, seed: str) -> dict[str, str]:
    code = f"from tests.faults.test_fingerprint import digests; print(digests({number}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(ast.literal_eval(done.stdout))


def test_another_process_gives_the_same_fingerprint_and_another_value_another() -> None:
    found = digests_in_new_process(3, "1")
    assert digests_in_new_process(3, "2") == found
    assert not digests_in_new_process(4, "1").items() & found.items()


@pytest.mark.parametrize("value", [Unreadable, lambda number: (item for item in range(number)), threading.Lock])
def test_what_cannot_be_read_counts_by_its_type(value: Any) -> None:
    made = [value(number) if value is not threading.Lock else value() for number in (1, 2)]
    assert digest(made[0]) == digest(made[1]) != digest(1)


def test_one_and_true_and_the_text_of_one_are_three() -> None:
    assert len({digest(value) for value in (1, True, "1", b"1", b"str:1", 1.0, [1], (1,), {1}, frozenset({1}))}) == 10
