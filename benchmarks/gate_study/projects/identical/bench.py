from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

from work import count, digest, square

from harness import benchmark


@benchmark
def python_alone():
    return count()


def threads():
    return ThreadPoolExecutor(2)


@benchmark(tasks=20, setup=threads)
def digests_on_threads(pool):
    return list(pool.map(digest, range(20)))


def processes():
    return ProcessPoolExecutor(2, get_context("spawn"))


@benchmark(tasks=500, setup=processes)
def squares_on_processes(pool):
    return sum(pool.map(square, range(500), chunksize=50))
