from concurrent.futures import ThreadPoolExecutor

from work import digest

from harness import benchmark


def threads():
    return ThreadPoolExecutor(2)


@benchmark(tasks=20, setup=threads)
def digests_on_threads(pool):
    return list(pool.map(digest, range(20)))
