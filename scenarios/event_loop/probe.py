"""Whether an event loop stood still, told from a machine that is busy.

The loop beats, and beside it a thread does, with the same pause. A loop that stands still has no beat while the thread
has many; on a busy machine, or in a process that was stopped, both have none.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

PAUSE = 0.02


@dataclass
class Beats:
    """`still`: the most beats of the thread between two of the loop; `seconds`: how long; `line`: what ran there."""

    loop: int = 0
    thread: int = 0
    still: int = 0
    seconds: float = 0.0
    line: str = ""
    _last: float = field(default_factory=time.monotonic)
    _seen: Counter[str] = field(default_factory=Counter)

    def of_loop(self) -> None:
        now = time.monotonic()
        seen, self._seen = self._seen, Counter()
        if seen.total() > self.still:
            self.still, self.seconds, self.line = seen.total(), now - self._last, seen.most_common(1)[0][0]
        self._last = now
        self.loop += 1

    def of_thread(self, line: str) -> None:
        self.thread += 1
        self._seen[line] += 1


async def watched(work: Callable[[], Awaitable[None]]) -> Beats:
    """Await `work()` between beats of the loop, and say what they were."""
    beats, ended = Beats(), threading.Event()
    ident = threading.get_ident()

    def thread() -> None:
        while not ended.wait(PAUSE):
            beats.of_thread(_own_line(ident))

    async def loop() -> None:
        while True:
            beats.of_loop()
            await asyncio.sleep(PAUSE)

    probe, heart = threading.Thread(target=thread, daemon=True), asyncio.create_task(loop())
    await asyncio.sleep(0)
    probe.start()
    try:
        await work()
        await asyncio.sleep(2 * PAUSE)
    finally:
        ended.set()
        heart.cancel()
    beats.of_loop()
    probe.join()
    return beats


def _own_line(ident: int) -> str:
    frame = sys._current_frames().get(ident)
    while frame is not None:
        path = frame.f_code.co_filename
        if "fixtures" in path.split(os.sep):
            return f"{os.path.basename(path)}:{frame.f_lineno}"
        frame = frame.f_back
    return "a line outside the service"
