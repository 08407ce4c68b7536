"""Bad input: one clear line with cause and remedy, in bounded time, and nothing left behind.

A wrong argument raises `harness.UsageError` at the door. A target that cannot be explored soundly gives INCONCLUSIVE
with a reason of one line, never FAIL and never PASS.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import harness
from harness import Kind, UsageError, Verdict
from harness.exploration import explorer
from harness.model import one_line
from harness.runtime import watch
from harness.runtime.run import Run
from harness.runtime.tasks import Task
from tests.correct.footprint import Footprint

LONGEST_LINE = 400
SOON = 45.0


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """No thread, child process or patch of ours is there after the run."""
    before = Footprint.settled()
    yield
    assert before.differences() == []


def setup() -> SimpleNamespace:
    return SimpleNamespace(lock=threading.Lock(), total=0, left=0, right=0, flag=False, gate=None)


def add(state: SimpleNamespace) -> None:
    with state.lock:
        state.total += 1


def touch(state: SimpleNamespace) -> None:
    state.left += 1


def check(state: SimpleNamespace, results: Sequence[object]) -> None:
    assert state.total == len(results)


def no_check(state: SimpleNamespace) -> None:
    return None


async def add_later(state: SimpleNamespace) -> None:
    add(state)


async def check_later(state: SimpleNamespace) -> None:
    assert state.total == -1


class AsyncCallable:
    """An instance whose call is a coroutine."""

    async def __call__(self, state: SimpleNamespace) -> None:
        add(state)


def leaping() -> Callable[[], float]:
    """A clock between two looks at which the process got no CPU for long."""
    return functools.partial(next, itertools.count(0.0, 100.0))


def distinct(count: int) -> list[Callable[[SimpleNamespace], None]]:
    """Threads that the harness cannot take for interchangeable."""
    return [functools.partial(lambda number, state: add(state), number) for number in range(count)]


def assert_one_line(text: str, *words: str) -> None:
    """One line, short enough to read, that holds each word."""
    assert text and "\n" not in text and len(text) <= LONGEST_LINE, text
    for word in words:
        assert word.lower() in text.lower(), f"{word!r} is not in: {text}"


def inconclusive(exploration: harness.Exploration, *words: str) -> None:
    """INCONCLUSIVE, with a reason of one line that holds each word."""
    assert exploration.verdict is Verdict.INCONCLUSIVE, exploration
    assert exploration.failure is None
    assert_one_line(exploration.reason, *words)
    with pytest.raises(harness.InconclusiveError):
        exploration.raise_if_failed()


def assert_still_works() -> harness.Exploration:
    """A good scenario passes and a bad one fails, in this process, now."""
    good = harness.explore(setup, [add, add], check)
    assert good.verdict is Verdict.PASS, good
    bad = harness.explore(setup, [touch, touch], lambda state: state.left == 2)
    assert bad.verdict is Verdict.FAIL, bad
    return good


BAD_ARGUMENTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "unknown module": ({"modules": ("no.such.module",)}, ("modules", "no.such.module")),
    "unknown submodule": ({"modules": ("json.no_such_part",)}, ("modules", "json.no_such_part")),
    "modules is one string": ({"modules": "json"}, ("modules", "json")),
    "modules holds no string": ({"modules": (5,)}, ("modules", "5")),
    "zero threads": ({"threads": []}, ("threads", "two")),
    "one thread": ({"threads": [add]}, ("threads", "two")),
    "threads is one callable": ({"threads": add}, ("threads",)),
    "threads is None": ({"threads": None}, ("threads", "None")),
    "thread is not callable": ({"threads": [add, 3]}, ("threads[1]", "callable")),
    "thread is a state": ({"threads": [add, add(setup())]}, ("threads[1]", "callable")),
    "thread wants two arguments": ({"threads": [add, lambda state, other: None]}, ("threads[1]",)),
    "thread wants no argument": ({"threads": [lambda: None, add]}, ("threads[0]",)),
    "async def": ({"threads": [add, add_later]}, ("threads[1]", "async", "not interleaved")),
    "async def in a partial": ({"threads": [functools.partial(add_later), add]}, ("threads[0]", "async")),
    "async call": ({"threads": [AsyncCallable(), add]}, ("threads[0]", "async")),
    "setup is not callable": ({"setup": setup()}, ("setup", "callable")),
    "setup wants an argument": ({"setup": lambda state: state}, ("setup",)),
    "setup is async": ({"setup": check_later}, ("setup",)),
    "check is not callable": ({"check": True}, ("check", "callable")),
    "check wants nothing": ({"check": lambda: True}, ("check", "check(state)")),
    "check wants three": ({"check": lambda a, b, c: True}, ("check", "check(state, results)")),
    "check wants a keyword": ({"check": lambda state, *, strict: True}, ("check", "check(state)")),
    "check is async": ({"check": check_later}, ("check", "async")),
    "observe is not callable": ({"observe": "total"}, ("observe",)),
    "observe wants two": ({"observe": lambda a, b: True}, ("observe",)),
    "negative preemptions": ({"preemptions": -1}, ("preemptions", "-1")),
    "preemptions is text": ({"preemptions": "two"}, ("preemptions", "two")),
    "preemptions is a fraction": ({"preemptions": 1.5}, ("preemptions", "1.5")),
    "no schedules": ({"schedules": 0}, ("schedules", "0")),
    "negative schedules": ({"schedules": -5}, ("schedules", "-5")),
    "schedules is None": ({"schedules": None}, ("schedules", "None")),
    "no seconds": ({"seconds": 0}, ("seconds", "0")),
    "negative seconds": ({"seconds": -1.0}, ("seconds", "-1")),
    "seconds is not a number": ({"seconds": float("nan")}, ("seconds", "nan")),
    "seconds is text": ({"seconds": "long"}, ("seconds", "long")),
    "seed is not a number": ({"seed": "today"}, ("seed", "today")),
    "unknown timeouts": ({"timeouts": "sometimes"}, ("timeouts", "sometimes", "virtual", "any")),
    "no watchdog": ({"watchdog": 0}, ("watchdog", "0")),
    "watchdog is text": ({"watchdog": "fido"}, ("watchdog", "fido")),
    "unknown isolation": ({"isolate": "thread"}, ("isolate", "thread", "process")),
    "expected is text": ({"expected": ("ValueError",)}, ("expected", "ValueError")),
    "expected is no type": ({"expected": (ValueError("x"),)}, ("expected", "exception")),
    "expected is a number": ({"expected": 5}, ("expected", "5")),
    "replay of no file": ({"replay": "no/such/witness.json"}, ("replay", "no/such/witness.json")),
    "replay of a number": ({"replay": 5}, ("replay", "5")),
    "too many orders": ({"threads": distinct(8), "check": None}, ("5", "040", "check")),
}


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_bad_argument(name: str) -> None:
    """`UsageError`, which is a ValueError, says in one line which argument is wrong and what it must be."""
    changes, words = BAD_ARGUMENTS[name]
    arguments: dict[str, Any] = {"setup": setup, "threads": [add, add], "check": check, **changes}
    positional = [arguments.pop(each) for each in ("setup", "threads", "check")]
    with pytest.raises(UsageError) as caught:
        harness.explore(*positional, **arguments)
    assert isinstance(caught.value, ValueError)
    assert_one_line(str(caught.value), *words)


def test_unknown_keyword() -> None:
    """An argument that does not exist is Python's own TypeError."""
    with pytest.raises(TypeError, match="preemption"):
        harness.explore(setup, [add, add], check, preemption=2)  # type: ignore[call-arg]


def test_module_that_fails_on_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module exists, but its import raises: the error's type and text are part of the line."""
    (tmp_path / "fails_on_import.py").write_text("raise LookupError('first line\\nsecond line')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError) as caught:
        harness.explore(setup, [add, add], check, modules=("fails_on_import",))
    assert_one_line(str(caught.value), "fails_on_import", "LookupError", "first line")


def test_replay_of_garbage(tmp_path: Path) -> None:
    """A file that is no witness is refused by name."""
    path = tmp_path / "witness.json"
    for content in ("not json", "{}", "[]", '{"version": 99}', '"text"'):
        path.write_text(content)
        with pytest.raises(UsageError) as caught:
            harness.explore(setup, [add, add], check, replay=path)
        assert_one_line(str(caught.value), "witness.json")


def test_as_many_orders_as_allowed_need_no_check() -> None:
    """Seven different threads have 5 040 orders; equal threads are merged, so a hundred of them have one."""
    for threads in (distinct(3), [add] * 100):
        exploration = harness.explore(setup, threads, observe=lambda state: state.total, schedules=50)
        assert exploration.verdict is Verdict.PASS, exploration


def test_too_many_orders_with_check() -> None:
    """With a check, the number of orders does not matter."""
    exploration = harness.explore(setup, distinct(8), check, schedules=50)
    assert exploration.verdict is Verdict.PASS, exploration


@pytest.mark.parametrize("schedules", [1, 2, 3, 4])
@pytest.mark.parametrize("judge", [check, None], ids=["check", "observe"])
def test_tiny_budget(schedules: int, judge: Callable[..., object] | None) -> None:
    """A budget that ends before anything was proved is a verdict, not an error; nothing is claimed beyond it."""
    exploration = harness.explore(setup, distinct(3), judge, observe=lambda state: state.total, schedules=schedules)
    assert exploration.verdict is not Verdict.FAIL, exploration
    assert exploration.schedules <= schedules
    assert exploration.proved is None or exploration.schedules >= 6, exploration
    assert_one_line(exploration.reason)


def test_no_schedule_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seconds are over before the first schedule: it is they that cut."""
    monkeypatch.setattr(explorer, "_clock", leaping())
    inconclusive(harness.explore(setup, [add, add], check, seconds=1), "cut after 1 s", "no schedule was executed")


# -- what setup, check and observe do wrong ------------------------------------------------------------------------


def test_setup_raises() -> None:
    """The reason says that it was setup, and what it raised, in one line whatever the message looks like."""

    def broken() -> None:
        raise LookupError("no database\nsecond line")

    inconclusive(harness.explore(broken, [add, add], check), "setup", "LookupError", "no database")


def test_setup_raises_later() -> None:
    """A setup that works once and fails in a later schedule."""
    calls: list[int] = []

    def wears_out() -> SimpleNamespace:
        calls.append(1)
        if len(calls) > 3:
            raise OSError("used up")
        return setup()

    inconclusive(harness.explore(wears_out, [add, add], check), "setup", "OSError", "used up")


def test_observe_raises() -> None:
    """An observe that fails judges nothing."""
    exploration = harness.explore(setup, [add, add], observe=lambda state: state.no_such_attribute)
    inconclusive(exploration, "observe", "AttributeError", "no_such_attribute")


class Opaque:
    """Compared by identity only."""


class Hostile:
    """Comparing it raises."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("do not compare me")


@pytest.mark.parametrize("make", [Opaque, Hostile, object, lambda: lambda: None, threading.Lock, lambda: [Opaque()]])
def test_observe_returns_what_cannot_be_compared(make: Callable[[], object]) -> None:
    """Objects without a value of their own would differ in each schedule and look like a finding."""
    inconclusive(harness.explore(setup, [add, add], observe=lambda state: make()), "compare", "observe")


def test_results_cannot_be_compared() -> None:
    """The same for what the threads return, when there is no check."""

    def make_opaque(state: SimpleNamespace) -> Opaque:
        add(state)
        return Opaque()

    inconclusive(harness.explore(setup, [make_opaque, make_opaque]), "compare")


def test_nothing_to_judge_by() -> None:
    """No check, no observe, and nothing comes back."""
    inconclusive(harness.explore(setup, [add, add]), "check", "observe")


class Falsy:
    """What numpy's False is: neither False nor None, yet not true."""

    def __bool__(self) -> bool:
        return False


@pytest.mark.parametrize(
    "value",
    [0, "", [], Falsy(), float("nan"), "text"],
    ids=["zero", "empty", "list", "falsy", "nan", "text"],
)
def test_check_returns_neither_none_nor_bool(value: object) -> None:
    """A check that means False and says 0 must not be green; nor may one that returns data be called fine."""
    exploration = harness.explore(setup, [add, add], lambda state: value)
    assert exploration.verdict is not Verdict.PASS, exploration
    assert_one_line(exploration.reason, "check")


# -- targets in which nothing can be interleaved -------------------------------------------------------------------


def only_locals(state: SimpleNamespace) -> int:
    total = 0
    for number in range(5):
        total += number
    return total


def generator_function(state: SimpleNamespace) -> Iterator[int]:
    add(state)
    yield 1


@pytest.mark.parametrize(
    "threads",
    [[only_locals, only_locals], [only_locals, add], [generator_function, generator_function], [len, len]],
    ids=["locals", "one of two", "generators that nobody runs", "C functions"],
)
def test_nothing_shared(threads: Sequence[Callable[[Any], object]]) -> None:
    """Fewer than two threads touch shared state: INCONCLUSIVE, never green."""

    def sized() -> Any:
        return [] if threads[0] is len else setup()

    exploration = harness.explore(sized, threads, lambda state: None)
    inconclusive(exploration)
    assert any(word in exploration.reason for word in ("shared", "yield point")), exploration.reason


def test_each_thread_has_its_own_object() -> None:
    """Two threads that write, but never to the same object."""
    parts = [lambda state: state[0].append(1), lambda state: state[1].append(1)]
    exploration = harness.explore(lambda: ([], []), parts, lambda state: None)
    inconclusive(exploration, "shared")


# -- targets that are not deterministic ----------------------------------------------------------------------------


def bits_of_chance() -> Iterator[int]:
    number = random.SystemRandom().getrandbits(48)
    return (number >> position & 1 for position in range(48))


def bits_of_time() -> Iterator[int]:
    number = random.Random(time.clock_gettime_ns(time.CLOCK_MONOTONIC)).getrandbits(48)
    return (number >> position & 1 for position in range(48))


class Member:
    """Hashes as objects do whose hash is their address."""

    def __init__(self, bit: int) -> None:
        self.bit = bit
        self.number = random.SystemRandom().getrandbits(60)

    def __hash__(self) -> int:
        return self.number


def bits_of_set_order() -> Iterator[int]:
    return (member.bit for member in {Member(position % 2) for position in range(48)})


@pytest.mark.parametrize("source", [bits_of_chance, bits_of_time, bits_of_set_order])
def test_nondeterministic_target(source: Callable[[], Iterator[int]]) -> None:
    """The first schedule runs twice and differs: INCONCLUSIVE that names the first difference."""

    def wander(state: SimpleNamespace) -> None:
        for bit in source():
            if bit:
                state.left += 1
            else:
                state.right += 1

    exploration = harness.explore(setup, [wander, wander], no_check)
    inconclusive(exploration, "determinis")
    assert "left" in exploration.reason or "right" in exploration.reason or "line" in exploration.reason


def test_chance_that_changes_no_access() -> None:
    """A random value that decides nothing is no reason to give up."""

    def store(state: SimpleNamespace) -> None:
        with state.lock:
            state.left = random.SystemRandom().random()
            state.total += 1

    assert harness.explore(setup, [store, store], check).verdict is Verdict.PASS


# -- targets that start processes ----------------------------------------------------------------------------------


def do_nothing() -> None:
    pass


def by_subprocess() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def by_multiprocessing() -> None:
    child = multiprocessing.get_context("fork").Process(target=do_nothing)
    child.start()
    child.join()


def by_fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def by_system() -> None:
    os.system("true")


def by_spawn() -> None:
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)


def by_pool() -> None:
    with ProcessPoolExecutor(1) as pool:
        pool.submit(do_nothing).result()


STARTERS = (by_subprocess, by_multiprocessing, by_fork, by_system, by_spawn, by_pool)


@pytest.mark.parametrize("swallows", [False, True], ids=["plain", "swallowed"])
@pytest.mark.parametrize("start", STARTERS, ids=lambda start: start.__name__)
def test_target_starts_processes(start: Callable[[], None], swallows: bool) -> None:
    """Also when the target swallows whatever is raised: the reason names the thread's call and says what to do."""

    def run(state: SimpleNamespace) -> None:
        add(state)
        try:
            start()
        except BaseException:
            if not swallows:
                raise

    inconclusive(harness.explore(setup, [run, add], check), "process")


def test_setup_may_start_processes() -> None:
    """What setup and check start is not interleaved, and is allowed."""

    def prepare() -> SimpleNamespace:
        by_subprocess()
        return setup()

    exploration = harness.explore(prepare, [add, add], check, preemptions=0, schedules=5)
    assert exploration.verdict is Verdict.PASS, exploration


# -- threads that get stuck ----------------------------------------------------------------------------------------


def hidden_native_lock() -> Any:
    """A lock of CPython's own that no module, instance or cell of the target holds."""
    import _thread

    lock = (getattr(_thread, "lock", None) or _thread.allocate)()  # type: ignore[attr-defined]
    assert isinstance(lock, _thread.LockType)
    return lock


class StuckOnLock:
    """A thread waits in C for a native lock that nobody will release."""

    word = "enter"

    def __init__(self) -> None:
        self._lock = hidden_native_lock()
        self._lock.acquire()
        self.enter = self._lock.acquire

    def free(self) -> None:
        self._lock.release()


class StuckOnPipe:
    """A thread reads from a pipe into which nobody writes."""

    word = "enter"

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self.enter = functools.partial(os.read, self._reader, 1)

    def free(self) -> None:
        os.write(self._writer, b"x" * 100)
        time.sleep(0.1)
        os.close(self._writer)
        os.close(self._reader)


def wait_in_c(enter: Callable[[], object], state: SimpleNamespace) -> None:
    add(state)
    enter()
    add(state)


@pytest.mark.parametrize("kind", [StuckOnLock, StuckOnPipe])
def test_stuck_in_c(kind: type[StuckOnLock] | type[StuckOnPipe]) -> None:
    """INCONCLUSIVE soon, saying who waits where; later scenarios work, and say that a thread is stuck."""
    trap = kind()
    begin = time.monotonic()
    try:
        exploration = harness.explore(setup, [functools.partial(wait_in_c, trap.enter), add], no_check, watchdog=0.5)
        assert time.monotonic() - begin < SOON
        inconclusive(exploration, "T1", "wait_in_c", "enter()")
        later = assert_still_works()
        assert "stuck" in " ".join(later.notes)
    finally:
        trap.free()


def test_all_stuck_in_c() -> None:
    """Every thread of the scenario is stuck: each is named."""
    trap = StuckOnPipe()
    body = functools.partial(wait_in_c, trap.enter)
    try:
        inconclusive(harness.explore(setup, [body, body], no_check, watchdog=0.5), "T1", "T2")
    finally:
        trap.free()


def test_others_go_on_beside_a_stuck_thread() -> None:
    """What the others do while one is stuck is no failure, even if a lock of ours is held by the stuck one."""
    trap = StuckOnPipe()

    def hold(state: SimpleNamespace) -> None:
        with state.lock:
            trap.enter()

    try:
        exploration = harness.explore(setup, [hold, add], no_check, watchdog=0.5)
        inconclusive(exploration, "T1", "enter()")
    finally:
        trap.free()


def touch_then_wait(traps: list[StuckOnPipe], state: SimpleNamespace) -> None:
    touch(state)
    for trap in traps:
        trap.enter()


def test_a_replay_that_gets_stuck_has_not_passed() -> None:
    """The schedule was followed up to where the thread is stuck: nothing is known of what comes after."""
    trap, traps = StuckOnPipe(), list[StuckOnPipe]()
    threads = [functools.partial(touch_then_wait, traps)] * 2
    found = harness.explore(setup, threads, lambda state: state.left == 2)
    assert found.failure is not None, found
    traps.append(trap)
    try:
        inconclusive(harness.explore(setup, threads, no_check, replay=found.failure.witness, watchdog=0.5), "enter()")
    finally:
        trap.free()


def test_time_without_looks_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the exploring thread gets no CPU the watchdog's time is over at its first look; it must look again."""
    monkeypatch.setattr(watch, "_monotonic", leaping())
    exploration = harness.explore(setup, [spin_for_ever, spin_for_ever], no_check, watchdog=2)
    assert exploration.failure is not None, exploration
    assert exploration.failure.kind == Kind.LIVELOCK
    test_all_stuck_in_c()


def test_a_thread_that_waits_for_a_cpu_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is to end, and does so once it gets a CPU, however often it was looked at before."""
    waiting: list[object] = []
    reraise = Run.reraise

    def late(run: Run, task: Task) -> None:
        while len(waiting) < 5:
            pass
        reraise(run, task)

    def status(worker: object) -> bytes:
        waiting.append(worker)
        return b"\nState:\tR (running)"

    def hold(state: SimpleNamespace) -> None:
        state.lock.acquire()
        state.lock.acquire()

    monkeypatch.setattr(watch, "UNWIND_LOOKS", 0)
    monkeypatch.setattr(watch, "_status", status)
    monkeypatch.setattr(watch, "_cpu_time", lambda worker: 0.0)
    monkeypatch.setattr(Run, "reraise", late)
    exploration = harness.explore(setup, [hold, hold], no_check)
    assert exploration.failure is not None, exploration
    monkeypatch.undo()
    assert "stuck" not in " ".join(assert_still_works().notes)


def test_thread_object_of_a_stuck_thread() -> None:
    """What the target started and lost answers afterwards as any thread does: alive, and ended once it is free."""
    trap = StuckOnPipe()
    started: list[threading.Thread] = []

    def start(state: SimpleNamespace) -> None:
        add(state)
        thread = threading.Thread(target=trap.enter)
        started.append(thread)
        thread.start()
        thread.join()

    try:
        inconclusive(harness.explore(setup, [start, add], no_check, watchdog=0.5))
        assert started[-1].is_alive()
    finally:
        trap.free()
    until = time.monotonic() + SOON
    while started[-1].is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    assert not started[-1].is_alive()


class Derives:
    """Its operator computes in C, and lets go of the interpreter meanwhile."""

    __slots__ = ()
    __matmul__ = staticmethod(functools.partial(hashlib.pbkdf2_hmac, "sha256", b"password", iterations=8_000_000))


def test_long_operator_is_no_loop() -> None:
    """A thread that computes in C with the same local variables all the time does not spin."""
    derives, before = Derives(), Footprint.settled()

    def derive(state: SimpleNamespace) -> None:
        add(state)
        derives @ b"salt"

    inconclusive(harness.explore(setup, [derive, add], no_check, watchdog=0.4), "derive", "derives @ b")
    assert_still_works()
    until = time.monotonic() + 60
    while before.differences() and time.monotonic() < until:  # the thread ends when it comes back from C
        time.sleep(0.05)


def test_blocked_in_c_for_a_while() -> None:
    """The other thread ends the wait: no hang, no failure."""

    def pair() -> SimpleNamespace:
        state = setup()
        state.reader, state.writer = os.pipe()
        return state

    def read(state: SimpleNamespace) -> None:
        add(state)
        os.read(state.reader, 1)
        os.close(state.reader)

    def write(state: SimpleNamespace) -> None:
        add(state)
        os.write(state.writer, b"x")
        os.close(state.writer)

    exploration = harness.explore(pair, [read, write], check, schedules=10, watchdog=5)
    assert exploration.verdict is not Verdict.FAIL, exploration
    assert_still_works()


def test_isolated_process_is_killed() -> None:
    """A stuck thread goes with its process: nothing is left here, and later scenarios need not mention it."""
    trap = StuckOnPipe()
    begin = time.monotonic()
    try:
        exploration = harness.explore(
            setup,
            [functools.partial(wait_in_c, trap.enter), add],
            no_check,
            watchdog=0.5,
            isolate="process",
        )
        assert time.monotonic() - begin < SOON
        inconclusive(exploration, "wait_in_c", "enter()")
    finally:
        trap.free()
    assert "stuck" not in " ".join(assert_still_works().notes)


def test_isolated_process_gives_the_same_verdicts() -> None:
    """What comes back from the child is the whole exploration."""
    good = harness.explore(setup, [add, add], check, isolate="process")
    here = harness.explore(setup, [add, add], check)
    assert (good.verdict, good.schedules, good.proved, good.reason) == (
        here.verdict,
        here.schedules,
        here.proved,
        here.reason,
    )
    bad = harness.explore(setup, [touch, touch], lambda state: state.left == 2, isolate="process")
    assert bad.verdict is Verdict.FAIL and bad.failure is not None and bad.failure.kind == Kind.CHECK
    again = harness.explore(setup, [touch, touch], lambda state: state.left == 2, replay=bad.failure.witness)
    assert again.verdict is Verdict.FAIL


def test_isolated_process_that_dies() -> None:
    """A target that kills its process: INCONCLUSIVE that says so."""

    def die(state: SimpleNamespace) -> None:
        add(state)
        os.kill(os.getpid(), signal.SIGKILL)

    exploration = harness.explore(setup, [die, add], no_check, isolate="process")
    inconclusive(exploration, "process")
    assert "SIGKILL" in exploration.reason or "signal 9" in exploration.reason


def test_a_death_that_shows_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the stream comes before the process can be waited for, where its last thread gets no CPU."""
    wait, asked = os.waitpid, itertools.count()

    def late(pid: int, options: int) -> tuple[int, int]:
        return (0, 0) if next(asked) < 50 else wait(pid, options)

    monkeypatch.setattr(os, "waitpid", late)
    test_isolated_process_that_dies()


# -- threads that do not end ---------------------------------------------------------------------------------------


def spin_for_ever(state: SimpleNamespace) -> None:
    state.left += 1
    while True:
        pass


def spin_on_flag(state: SimpleNamespace) -> None:
    state.left += 1
    while not state.flag:
        pass


def spin_on_lock(state: SimpleNamespace) -> None:
    while True:
        with state.lock:
            if state.flag:
                return


def poll_for_ever(state: SimpleNamespace) -> None:
    while not state.flag:
        time.sleep(0.01)


@pytest.mark.parametrize("body", [spin_for_ever, spin_on_flag, spin_on_lock, poll_for_ever])
@pytest.mark.parametrize("other", [None, add], ids=["both", "one"])
def test_livelock(body: Callable[[SimpleNamespace], None], other: Callable[[SimpleNamespace], None] | None) -> None:
    """A loop that nobody can end is a livelock, found in bounded time."""
    begin = time.monotonic()
    exploration = harness.explore(setup, [body, other or body], no_check, watchdog=2)
    assert time.monotonic() - begin < SOON
    assert exploration.verdict is Verdict.FAIL, exploration
    assert exploration.failure is not None and exploration.failure.kind == Kind.LIVELOCK
    assert_still_works()


def count_for_ever(state: SimpleNamespace) -> None:
    while True:
        state.left += 1


def test_endless_progress() -> None:
    """Every step changes the state, so it is no spinning; it must still end, and not be green."""
    exploration = harness.explore(setup, [count_for_ever, add], no_check, watchdog=2)
    assert exploration.verdict is not Verdict.PASS
    assert_one_line(exploration.reason)
    assert_still_works()


def count_alone_for_ever(state: SimpleNamespace) -> None:
    state.left += 1
    number = 0
    while True:
        number += 1


def test_endless_counting() -> None:
    """A loop that touches nothing shared, but gets on: no livelock."""
    inconclusive(harness.explore(setup, [count_alone_for_ever, add], no_check, watchdog=1), "count_alone_for_ever")
    assert_still_works()


def recurse_for_ever(state: SimpleNamespace) -> None:
    state.left += 1
    recurse_for_ever(state)


def test_endless_recursion() -> None:
    """The interpreter's own limit ends it, as an exception of the target."""
    exploration = harness.explore(setup, [recurse_for_ever, add], no_check)
    assert exploration.failure is not None and exploration.failure.kind == Kind.EXCEPTION
    assert "RecursionError" in exploration.failure.message
    assert_still_works()


def test_bare_except_cannot_keep_a_thread() -> None:
    """A deadlocked thread that swallows everything is unwound nevertheless."""

    def cling(state: SimpleNamespace) -> None:
        state.left += 1
        for _ in range(50):
            try:
                state.lock.acquire()
                state.lock.acquire()
            except BaseException:
                state.right += 1

    exploration = harness.explore(setup, [cling, cling], no_check, watchdog=2)
    assert exploration.failure is not None and exploration.failure.kind == Kind.DEADLOCK
    assert_still_works()


# -- interruptions and nesting -------------------------------------------------------------------------------------


@pytest.fixture
def control_c() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press_control_c() -> None:
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


def interrupting_setup() -> SimpleNamespace:
    signal.raise_signal(signal.SIGINT)
    return setup()


def interrupting_check(state: SimpleNamespace) -> None:
    signal.raise_signal(signal.SIGINT)


def interrupting_thread(state: SimpleNamespace) -> None:
    add(state)
    press_control_c()
    for _ in range(200):
        add(state)


@pytest.mark.usefixtures("control_c")
@pytest.mark.parametrize(
    ("prepare", "body", "judge"),
    [
        (interrupting_setup, add, no_check),
        (setup, add, interrupting_check),
        (setup, interrupting_thread, no_check),
    ],
    ids=["in setup", "in check", "in a schedule"],
)
def test_keyboard_interrupt(
    prepare: Callable[[], SimpleNamespace],
    body: Callable[[SimpleNamespace], None],
    judge: Callable[[SimpleNamespace], None],
) -> None:
    """Ctrl-C ends the exploration at once, as it ends everything else."""
    with pytest.raises(KeyboardInterrupt):
        harness.explore(prepare, [body, add], judge)
    assert_still_works()


@pytest.mark.usefixtures("control_c")
@pytest.mark.parametrize("repetition", range(3))
def test_keyboard_interrupt_while_threads_take_turns(repetition: int) -> None:
    """They would go on handing the baton while their end has begun; that both were told to run came out by chance."""

    def turns() -> SimpleNamespace:
        return SimpleNamespace(mine=threading.Semaphore(0), theirs=threading.Semaphore(0))

    def serve(state: SimpleNamespace) -> None:
        press_control_c()
        for _ in range(2000):
            state.theirs.release()
            state.mine.acquire()

    def answer(state: SimpleNamespace) -> None:
        for _ in range(2000):
            state.theirs.acquire()
            state.mine.release()

    with pytest.raises(KeyboardInterrupt):
        harness.explore(turns, [serve, answer], no_check)
    assert_still_works()


@pytest.mark.usefixtures("control_c")
def test_keyboard_interrupt_while_all_wait() -> None:
    """Also while a thread sits in C."""
    trap = StuckOnPipe()

    def interrupt_then_wait(state: SimpleNamespace) -> None:
        add(state)
        press_control_c()
        trap.enter()

    try:
        with pytest.raises(KeyboardInterrupt):
            harness.explore(setup, [interrupt_then_wait, add], no_check, watchdog=20)
    finally:
        trap.free()
    assert_still_works()


def test_explore_inside_explore() -> None:
    """One exploration at a time: the inner one says so, and the outer one goes on."""
    inner: list[harness.Exploration] = []

    def explore_in_check(state: SimpleNamespace, results: Sequence[object]) -> None:
        if not inner:
            inner.append(harness.explore(setup, [add, add], check))
        check(state, results)

    outer = harness.explore(setup, [add, add], explore_in_check)
    inconclusive(inner[0], "another exploration")
    assert outer.verdict is Verdict.PASS, outer


def test_explore_from_another_thread() -> None:
    """Any one thread may explore."""
    found: list[harness.Exploration] = []
    thread = threading.Thread(target=lambda: found.append(harness.explore(setup, [add, add], check)))
    thread.start()
    thread.join()
    assert found[0].verdict is Verdict.PASS, found[0]


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KeyError("total"), "KeyError: 'total'"),
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (RuntimeError(object()), "RuntimeError: <object object at 0x...>"),
        (ValueError(), "ValueError"),
        (Unprintable(), "Unprintable: (its message cannot be shown)"),
    ],
)
def test_an_exception_is_one_line_and_the_same_in_every_run(error: Exception, line: str) -> None:
    assert one_line(error) == line


# -- garbage -------------------------------------------------------------------------------------------------------


BURIED: list[int] = []


class Ring:
    """Only the collector ends it."""

    def __init__(self) -> None:
        self.ring = self

    def __del__(self) -> None:
        BURIED.append(1)


def test_garbage_of_earlier_schedules_does_not_touch_later_ones() -> None:
    """Its destructors run before the state is restored."""

    def drop(state: SimpleNamespace) -> None:
        add(state)
        Ring()

    exploration = harness.explore(setup, [drop] * 3, lambda state: not BURIED, schedules=200)
    assert exploration.verdict is Verdict.PASS, exploration
    assert exploration.schedules > 64
