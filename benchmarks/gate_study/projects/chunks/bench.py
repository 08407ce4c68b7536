from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from work import squares

from harness import benchmark


def processes():
    return ProcessPoolExecutor(2, get_context("spawn"))


@benchmark(tasks=2000, setup=processes)
def squares_on_processes(pool):
    return squares(pool, range(2000))
