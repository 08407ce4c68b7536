"""Every planted leak is seen as what it is, with the line that made it; nothing is said of its clean twin."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import LeakKind, LeaksFound, leak_audit
from tests.audit.planted import clean, leaky

EXPECTED = {
    "thread": LeakKind.THREAD,
    "file": LeakKind.FILE,
    "socket_": LeakKind.SOCKET,
    "pipe": LeakKind.PIPE,
    "child": LeakKind.CHILD,
    "zombie": LeakKind.ZOMBIE,
    "shared_memory": LeakKind.SHARED_MEMORY,
    "temporary_file": LeakKind.TEMPORARY_FILE,
    "temporary_directory": LeakKind.TEMPORARY_DIRECTORY,
    "held_lock": LeakKind.HELD_LOCK,
    "pending_task": LeakKind.PENDING_TASK,
    "lost_future": LeakKind.PENDING_FUTURE,
    "lost_thread_exception": LeakKind.THREAD_EXCEPTION,
    "lost_task_exception": LeakKind.TASK_EXCEPTION,
    "lost_future_exception": LeakKind.FUTURE_EXCEPTION,
}
HIDDEN = {"pending_task": {LeakKind.DESCRIPTOR, LeakKind.SOCKET}}
"""What comes with a leak by its nature: here the loop that was left open too."""


@pytest.fixture(autouse=True)
def tidied() -> Iterator[None]:
    yield
    leaky.tidy()
    leaky.STOP.clear()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("work", leaky.KINDS, ids=lambda work: work.__name__)
def test_a_leak_is_seen(work: Callable[[], object]) -> None:
    with pytest.raises(LeaksFound) as found, leak_audit(settle=0.1):
        work()
    kinds = {leak.kind for leak in found.value.leaks}
    assert kinds - HIDDEN.get(work.__name__, set()) == {EXPECTED[work.__name__]}
    first = inspect.getsourcelines(work)[1]
    last = first + len(inspect.getsourcelines(work)[0])
    leak = next(leak for leak in found.value.leaks if leak.kind is EXPECTED[work.__name__])
    file, _, line = leak.where.rpartition(":")
    assert Path(file) == Path(leaky.__file__).relative_to(Path.cwd())
    # The lock was made at the top of the module, and the report names where it was taken too.
    assert first <= int(line) < last or (leak.kind is LeakKind.HELD_LOCK and "leaky.py:" in leak.what)
    assert leak.remedy in str(found.value)


@pytest.mark.parametrize("work", leaky.KINDS, ids=lambda work: work.__name__)
def test_nothing_is_said_of_the_clean_twin(work: Callable[[], object]) -> None:
    with leak_audit() as audit:
        getattr(clean, work.__name__)()
    assert audit.leaks == ()


def test_every_planted_leak_has_a_twin() -> None:
    assert len(EXPECTED) == len(leaky.KINDS) == 15
    assert {work.__name__ for work in leaky.KINDS} == EXPECTED.keys()
