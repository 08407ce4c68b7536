from work import count

from harness import benchmark


@benchmark
def python_alone():
    return count()
