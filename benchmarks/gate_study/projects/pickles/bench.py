from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from work import Service

from harness import benchmark


def processes():
    return ProcessPoolExecutor(2, get_context("spawn"))


@benchmark(tasks=20, setup=processes)
def sums_on_processes(pool):
    return Service().total(pool, 20)
