"""A neighbour in bursts: two processes that compute for 50 to 500 ms, then sleep for 50 to 900 ms."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def bursts(seed: int) -> Iterator[None]:
    """Two such processes for the time of the block; they end with it, or with this process."""
    with ExitStack() as stack:
        for number in range(2):
            words = [sys.executable, "-m", "benchmarks.gate_study.neighbour", str(seed * 2 + number)]
            process = stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE))
            stack.callback(process.kill)
        yield


def main(seed: int) -> None:
    """Until standard input ends."""
    import select

    generator = random.Random(seed)
    while True:
        until = time.perf_counter() + generator.uniform(0.05, 0.5)
        while time.perf_counter() < until:
            sum(range(1000))
        if select.select([sys.stdin], [], [], generator.uniform(0.05, 0.9))[0]:
            return


if __name__ == "__main__":
    main(int(sys.argv[1]))
