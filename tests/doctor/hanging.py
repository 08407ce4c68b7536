"""A user's tests that hang in the ways that pools and queues hang, each followed by one that must still run."""

TESTS = '''
import ctypes, multiprocessing, os, queue, signal, subprocess, sys, threading, time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import pytest

METHOD = os.environ.get("METHOD", "fork")
CONTEXT = multiprocessing.get_context(METHOD)
# The children must be at their lines by then: elsewhere each begins with a new interpreter.
AFTER = 4 if METHOD == "fork" else 15

def sleep_on():
    time.sleep(300)  # the guilty line

def pause_in_c():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    ctypes.CDLL(None).pause()  # the blocked line

def fill(items):
    items.put(b"x" * 1_000_000)

@pytest.fixture(scope="session")
def bystander():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        with ProcessPoolExecutor(1, CONTEXT) as pool:
            assert pool.submit(abs, -1).result() == 1
            yield process, pool
        process.kill()

def test_before(bystander):
    pass

@pytest.mark.hang_after(AFTER)
def test_exit_inside_with(bystander):
    with ProcessPoolExecutor(2, CONTEXT) as pool:
        pool.submit(sleep_on)

def test_runs_1(bystander):
    process, pool = bystander
    assert process.poll() is None
    assert pool.submit(abs, -2).result() == 2

@pytest.mark.hang_after(AFTER)
def test_blocked_in_c():
    with ProcessPoolExecutor(1, CONTEXT) as pool:
        pool.submit(pause_in_c).result()

def test_runs_2():
    pass

@pytest.mark.hang_after(AFTER)
def test_queue_feeder():
    items = CONTEXT.Queue()
    child = CONTEXT.Process(target=fill, args=(items,))
    child.start()
    child.join()

def test_runs_3():
    pass

@pytest.mark.hang_after(AFTER)
def test_interpreter_exit():
    ProcessPoolExecutor(1, CONTEXT).submit(sleep_on)

def test_runs_4():
    pass
'''
