"""The GIL probe tells work that holds the GIL from work that gives it up, alone and beside a noisy neighbour."""

from __future__ import annotations

import contextlib
import hashlib
import random
import time

import pytest

from harness.pools import gil
from harness.pools.workload import resolve
from harness.pools.workloads.plain import compute
from tests.quality.pool_advice import neighbour

# What a neighbour takes from the machine is not what is measured here.
pytestmark = pytest.mark.serial

DATA = b"x" * 4_000_000


def share(work: object) -> float:
    found = gil.probe(work, 0.8, random.Random(1))  # type: ignore[arg-type]
    assert found.wakes >= 10
    return found.held / found.wakes


@pytest.mark.parametrize("noisy", [False, True])
def test_python_holds_it(noisy: bool) -> None:
    with neighbour() if noisy else contextlib.nullcontext():
        assert share(lambda: compute(1)) > 0.8


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("name", ["onnx", "onnx-50ms", "magika"])
def test_inference_gives_it_up(name: str, noisy: bool) -> None:
    work = resolve(name)
    resource = work.make(1)
    with neighbour() if noisy else contextlib.nullcontext():
        assert share(lambda: work.run(resource, 0)) < 0.1


@pytest.mark.parametrize("work", [lambda: time.sleep(0.01), lambda: hashlib.sha256(DATA).digest()])
def test_waiting_and_hashing_give_it_up(work: object) -> None:
    assert share(work) < 0.1


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        gil.probe(lambda: 1 // 0, 0.5, random.Random(1))
