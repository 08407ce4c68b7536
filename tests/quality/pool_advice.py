"""Workloads of known answer, a neighbour that burns CPU in bursts, and how often the advice is right.

``python -m tests.quality.pool_advice --runs 10`` prints the rates.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.pools import Advice, Comparison, Factor, Plan, advise, compare

CONSTRUCTED = str(Path(__file__).with_name("pool_workloads.py"))
PROCESSES = frozenset({"forkserver", "spawn", "fork"})
THREADS = frozenset({"threads", "asyncio-to-thread"})
SERIAL = frozenset({"serial"})
PLAN = {"pools": ("threads", "forkserver"), "scaling": (), "rounds": 9, "starts": 2, "gil_seconds": 0.6}


@dataclass(frozen=True)
class Known:
    """A workload, the pools that are right for it, and the factors that limit it."""

    reference: str
    pools: frozenset[str]
    factors: frozenset[Factor]
    job: int | None = None

    @property
    def name(self) -> str:
        return self.reference.rpartition(":")[2] + ("" if self.job is None else f" x{self.job}")

    def compare(self) -> tuple[Comparison, Advice]:
        with tempfile.NamedTemporaryFile(prefix="harness-machine-lock-") as lock:  # not that of another run
            os.environ["HARNESS_MACHINE_LOCK"] = lock.name
            comparison = compare(self.reference, Plan(job=self.job, **PLAN))  # type: ignore[arg-type]
        return comparison, advise(comparison)

    def right(self, advice: Advice) -> bool:
        return advice.pool in self.pools and advice.factor in self.factors


def known(name: str, pools: frozenset[str], *factors: Factor, job: int | None = None) -> Known:
    return Known(f"{CONSTRUCTED}:{name}" if name.isupper() else name, pools, frozenset(factors), job)


KNOWN = (
    known("PYTHON", PROCESSES, Factor.GIL),
    known("REGEX", PROCESSES, Factor.GIL),
    known("inference-and-python?steps=200000", PROCESSES, Factor.GIL),
    known("HASHING", THREADS, Factor.CORES),
    known("COMPRESSION", THREADS, Factor.CORES),
    known("numpy", THREADS, Factor.CORES),
    known("onnx", THREADS, Factor.CORES),
    known("onnx-50ms", THREADS, Factor.CORES),
    known("WAITING", THREADS, Factor.WAITING),
    known("CHILDREN", THREADS, Factor.WAITING),
    known("MOSTLY_WAITING", THREADS, Factor.WAITING),
    known("PROCESS_LOCK", PROCESSES, Factor.LOCK),
    known("MACHINE_LOCK", SERIAL, Factor.WAITING, Factor.CONTENTION),
    known("LARGE_NATIVE", THREADS, Factor.SERIALISATION, Factor.CORES),
    known("LARGE_PYTHON", SERIAL, Factor.SERIALISATION, Factor.GIL),
    known("PYTHON", SERIAL, Factor.START_UP, job=8),
)


def burst(seed: int) -> None:
    """Burn one core in bursts of 20 to 200 ms, idle as long on average."""
    generator = random.Random(seed)
    while True:
        end = time.monotonic() + generator.uniform(0.02, 0.2)
        while time.monotonic() < end:
            pass
        time.sleep(generator.uniform(0.02, 0.2))


@contextmanager
def neighbour(seed: int = 0) -> Iterator[None]:
    """A second process that burns CPU in bursts."""
    process = multiprocessing.get_context("spawn").Process(target=burst, args=(seed,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--quiet", action="store_true", help="without the noisy neighbour")
    parser.add_argument("--only", default="", help="part of a name")
    options = parser.parse_args()
    chosen = [one for one in KNOWN if options.only in one.name]
    for one in chosen:
        right, gil = 0, []
        for run in range(options.runs):
            if options.quiet:
                comparison, advice = one.compare()
            else:
                with neighbour(run):
                    comparison, advice = one.compare()
            gil.append(comparison.diagnosis.gil)
            right += one.right(advice)
            if not one.right(advice):
                print(f"  run {run}: {advice.pool}, {advice.factor}: {advice.paragraph}", flush=True)
                for cell in comparison.main:
                    print(f"    {cell.name}: {cell.speed_up.text()}, {cell.unloaded}, {cell.split}", flush=True)
        print(f"{one.name}: right {right} of {options.runs}; GIL held {min(gil):.3f} to {max(gil):.3f}", flush=True)


if __name__ == "__main__":
    main()
