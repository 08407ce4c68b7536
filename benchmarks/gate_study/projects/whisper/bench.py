from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from work import load, transcribe

from harness import benchmark


@contextmanager
def service():
    model = load()
    with ThreadPoolExecutor(2) as pool:
        yield pool, model


@benchmark(tasks=4, setup=service)
def clips_on_threads(parts):
    pool, model = parts
    return list(pool.map(lambda clip: transcribe(model, clip), range(4)))
