"""The ranking service of `fixtures.event_loop`, on a real event loop and real worker processes."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time

from harness import Chaos, Violation, survives
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


def a_worker_is_killed(pool: str) -> Chaos:
    """A worker dies under a request, or between requests: every request is answered, and those that come later."""
    module = "scenarios.event_loop.under_chaos"
    plans = ["kill-in-body@2", "kill-idle@2"] if pool == "pool_that_survives" else ["kill-in-body@2"]
    return survives(f"{module}:{pool}", plans, delivery="at-least-once", body=f"{module}:best", tasks=5)


def _work(seconds: float) -> tuple[str, list[str]]:
    """A query and documents whose comparison keeps one CPU of this machine busy for at least `seconds`."""
    from fixtures.event_loop.similarity import most_similar

    query = " ".join(f"w{number}" for number in range(300))
    most_similar(query, [query])  # the interpreter has specialised the loop now
    started = time.process_time()
    most_similar(query, [query])
    each = max(time.process_time() - started, 1e-4)
    return query, [query] * (int(seconds / each) + 1)


def _chaotic(form: str, pool: str, kind: str = "") -> Form:
    return Form("event_loop", form, "a worker is killed", lambda _: a_worker_is_killed(pool), kind)


def _late(form: str, kind: str = "") -> Form:
    name = "scenarios.event_loop.registry:late_request"
    return Form("event_loop", form, "late request", lambda _: in_new_process(name, form), kind)


FORMS = (
    _late("inline", "blocked_loop"),
    _late("pool_per_request", "blocked_loop"),
    _late("long_lived_pool"),
    _late("surviving_pool"),
    _chaotic("long_lived_pool", "one_pool", "lost_task"),
    _chaotic("surviving_pool", "pool_that_survives"),
)
