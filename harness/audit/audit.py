"""Compares two moments and says what was left behind between them. The looking is done elsewhere."""

from __future__ import annotations

import fnmatch
import gc
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

from harness.audit.compare import difference
from harness.audit.hooks import hooks
from harness.audit.leaks import Leak, LeaksFound, grouped
from harness.audit.notes import notes
from harness.audit.observe import State, observe
from harness.model import UsageError
from harness.runtime.patches import replaced_factories

SETTLE = 1.0


def patterns(ignore: Any) -> tuple[str, ...]:
    """The patterns of what is no leak; raises :class:`UsageError` for what is no list of them."""
    if isinstance(ignore, Iterable) and not isinstance(ignore, (str, bytes)):
        found = tuple(ignore)
        if all(isinstance(pattern, str) for pattern in found):
            return found
    raise UsageError(f"ignore={ignore!r}: must be a list of patterns, such as ['file: /tmp/app.log']")


class LeakAudit:
    """One stretch of auditing: :meth:`start`, then :meth:`finish`; as a context manager it raises what it found.

    ``settle``: seconds that what is about to end may take. ``ignore``: patterns (``fnmatch``) of lines such as
    ``file: /tmp/app.log`` that are no leak. ``leaks`` holds the result of :meth:`finish`.
    """

    def __init__(self, *, settle: float = SETTLE, ignore: Sequence[str] = ()) -> None:
        if not isinstance(settle, (int, float)) or not settle >= 0:
            raise UsageError(f"settle={settle!r}: must be a number of seconds, 0 or more")
        self.leaks: tuple[Leak, ...] = ()
        self._settle = settle
        self._ignore = patterns(ignore)
        self._before = State()
        self._lost = 0
        self._stack = ExitStack()

    def start(self) -> None:
        """Look at what there is, and note from now on what is made."""
        gc.collect()
        with ExitStack() as undo:
            undo.enter_context(replaced_factories())
            hooks.install()
            undo.callback(hooks.uninstall)
            self._lost = len(notes.lost)
            self._before = observe()
            self._stack = undo.pop_all()

    def finish(self) -> tuple[Leak, ...]:
        """Look again; waits up to ``settle`` seconds for what is about to end. Every wrapper is gone afterwards."""
        try:
            until, pause = time.monotonic() + self._settle, 0.005
            while True:
                last = time.monotonic() >= until  # asked first: the last look is no older than the deadline
                found = self._difference()
                if last or not found:
                    break
                time.sleep(pause)
                pause = min(2 * pause, 0.1)
            self.leaks = grouped(found)
        finally:
            self._stack.close()
        return self.leaks

    @contextmanager
    def exempt(self) -> Iterator[None]:
        """What is made inside the block may stay: it belongs to something longer than what is audited."""
        before = observe()
        try:
            yield
        finally:
            self._before.allow(before, observe())

    def _difference(self) -> list[Leak]:
        gc.collect()
        notes.read_children()
        found = [*difference(self._before), *notes.lost[self._lost :]]
        return [leak for leak in found if not self._ignored(leak)]

    def _ignored(self, leak: Leak) -> bool:
        return any(fnmatch.fnmatchcase(f"{leak.kind}: {leak.what}", pattern) for pattern in self._ignore)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        found = self.finish()
        if found and error is None:
            raise LeaksFound(found)
        if found and error is not None:
            error.add_note(str(LeaksFound(found)))


def leak_audit(*, settle: float = SETTLE, ignore: Sequence[str] = ()) -> LeakAudit:
    """Audit a block: ``with leak_audit():`` raises :class:`LeaksFound` with all that the block left behind.

    Threads, descriptors, children and zombies, shared memory, temporary files and folders, held locks, pending tasks
    and futures, and the exceptions of futures, threads and tasks that nobody asked for; each with the line that made
    it. ``settle``: seconds that what is about to end may take. ``ignore``: patterns (``fnmatch``) of lines such as
    ``file: /tmp/app.log``. A block that raises keeps its exception, which gets the report as a note.

    Raises:
        LeaksFound: something was left behind.
        UsageError: an argument is wrong.
    """
    return LeakAudit(settle=settle, ignore=ignore)
