"""Which pool for which work, and a responsive event loop: what a service that serves inferences relies on.

What these require does not change with the load of the machine; a busy one makes intervals wide, never a verdict wrong.
"""

from __future__ import annotations

import asyncio
import inspect
import time

import pytest

from harness import Verdict
from harness.kinds.pools import pools
from harness.kinds.responsive import responsive
from harness.pools import Plan
from harness.pools.workloads.plain import compute

pytestmark = pytest.mark.concurrency

PLAN = Plan(pools=("threads", "forkserver"), scaling=(), rounds=7, starts=2, gil_seconds=0.6)
TRIES = 20  # on a busy machine nobody may get to look during a lag: another run will tell


@pytest.mark.pools
def test_inference_leaves_the_gil_to_others_and_threads_do_not_halve_its_throughput() -> None:
    outcome = pools("onnx", "threads", at_least=0.5, than="serial", plan=PLAN)
    assert outcome.verdict is not Verdict.FAIL, outcome.reason
    assert outcome.comparison.diagnosis.gil < 0.1


@pytest.mark.pools
def test_pure_python_keeps_the_gil_and_threads_never_double_its_throughput() -> None:
    outcome = pools("python", "threads", at_least=1.9, than="serial", plan=PLAN)
    assert outcome.verdict is not Verdict.PASS, outcome.reason
    assert outcome.comparison.diagnosis.gil > 0.8


def test_a_service_that_infers_off_the_loop_is_responsive() -> None:
    async def service() -> None:
        for _ in range(20):
            await asyncio.to_thread(time.sleep, 0.02)

    for _ in range(TRIES):
        outcome = responsive(service, limit=0.05)
        if outcome.verdict is not Verdict.INCONCLUSIVE:
            break
    outcome.raise_if_failed()


def test_a_service_that_computes_on_the_loop_is_caught_with_its_line() -> None:
    async def service() -> None:
        await asyncio.sleep(0.1)
        compute(1, 2_000_000)
        await asyncio.sleep(0.1)

    outcome = responsive(service, limit=0.05)
    assert outcome.verdict is Verdict.FAIL
    line = inspect.getsourcelines(service)[1] + 2
    assert f"service at scenarios/test_pools.py:{line}, in compute at" in outcome.reason
