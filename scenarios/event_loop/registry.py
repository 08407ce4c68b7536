"""The ranking service of `fixtures.event_loop`, on a real event loop and real worker processes."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time

from harness import Violation
from scenarios.event_loop.probe import PAUSE, Beats, watched
from scenarios.reference import Form
from scenarios.reference.child import in_new_process

MISSED = 10  # beats of a thread while the loop had none: 200 ms and more
DEADLINE = 0.3


def late_request(form: str) -> str:
    """While a request runs past its deadline, the loop goes on serving."""
    query, documents = _work(seconds=1.0)

    async def serve() -> Beats:
        async with importlib.import_module(f"fixtures.event_loop.{form}").RankingService(documents) as service:
            # the first answer: worker processes are there
            if await service.rank("of one word", deadline=60) != 0:
                raise AssertionError("every document is equally unlike the query, so the first one is the answer")

            async def request() -> None:
                with contextlib.suppress(TimeoutError):
                    await service.rank(query, DEADLINE)

            return await watched(request)

    beats = asyncio.run(serve())
    if beats.still >= MISSED:
        raise Violation("blocked_loop", f"the event loop stood still for {beats.seconds:.1f} s at {beats.line}")
    if beats.loop < DEADLINE / PAUSE / 3:
        return ""
    return f"{beats.loop} beats of the loop, {beats.thread} of the thread beside it; at most {beats.still} missed"


def _work(seconds: float) -> tuple[str, list[str]]:
    """A query and documents whose comparison keeps one CPU of this machine busy for at least `seconds`."""
    from fixtures.event_loop.similarity import most_similar

    query = " ".join(f"w{number}" for number in range(300))
    most_similar(query, [query])  # the interpreter has specialised the loop now
    started = time.process_time()
    most_similar(query, [query])
    each = max(time.process_time() - started, 1e-4)
    return query, [query] * (int(seconds / each) + 1)


FORMS = tuple(
    Form(
        "event_loop",
        form,
        "late request",
        lambda _, form=form: in_new_process("scenarios.event_loop.registry:late_request", form),
        kind,
    )
    for form, kind in (("inline", "blocked_loop"), ("pool_per_request", "blocked_loop"), ("long_lived_pool", ""))
)
