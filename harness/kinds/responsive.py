"""The scenario kind `responsive`: an asyncio service fails when code holds its loop longer than a limit."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.model import ConcurrencyFailure, InconclusiveError, UsageError, Verdict
from harness.probes.loop_lag import Block, LagReport, LoopLagProbe

MOST_UNEXPLAINED = 0.5
REMEDY = "move it off the loop: await asyncio.to_thread(...), or a pool of processes if it computes"
COLLECTOR_REMEDY = (
    "keep fewer objects that refer to others, or set aside those that stay: gc.freeze() once they are made"
)


@dataclass(frozen=True)
class Responsiveness:
    """The verdict on a service's loop; ``lag`` holds every beat and every block."""

    verdict: Verdict
    reason: str
    lag: LagReport

    def raise_if_failed(self) -> Responsiveness:
        """Return itself on PASS; else raise, with the lines that held the loop."""
        if self.verdict is Verdict.FAIL:
            raise ConcurrencyFailure(self.reason)
        if self.verdict is Verdict.INCONCLUSIVE:
            raise InconclusiveError(self.reason)
        return self


def responsive(
    service: Callable[[], Awaitable[Any]], *, limit: float = 0.05, at_least: float = 0.2, timeout: float = 60.0
) -> Responsiveness:
    """Run ``await service()`` in a loop of its own and require that nothing holds it longer than ``limit`` seconds.

    FAIL names each function and line that held it, longest first. INCONCLUSIVE when the service ran for less
    than ``at_least`` seconds or never let the loop beat, or when nobody could look during a lag on a busy machine, so
    that it may have been a block: another run will tell. What the service raises is raised; one that does not end
    within ``timeout`` seconds is cancelled and raises :class:`UsageError`.

    The garbage collector leaves the objects alone that were there before (``gc.freeze``): a pass over the objects of a
    test run is no lag of the service, one over the service's own is.
    """
    if not limit > 0:  # nan is not
        raise UsageError(f"limit = {limit}: must be more than 0 seconds")
    with _heap_set_aside():
        report, elapsed = asyncio.run(_watched(service, limit, timeout))
    if report.blocks:
        return Responsiveness(Verdict.FAIL, _told(report), report)
    if report.beats < 3 or elapsed < at_least:
        return Responsiveness(
            Verdict.INCONCLUSIVE,
            f"the service ran {elapsed * 1000:.0f} ms with {report.beats} heartbeats; let it run {at_least:g} s",
            report,
        )
    late = f" ({len(report.unexplained)} kept late by other threads)" if report.unexplained else ""
    said = f"{report.beats} heartbeats{late}, worst lag {report.worst * 1000:.1f} ms, limit {limit * 1000:g} ms"
    if _contended(report):
        said += "; other threads compute in Python: move that work to processes"
        return Responsiveness(Verdict.FAIL, said, report)
    if report.unseen:
        lags = "a lag of" if len(report.unseen) == 1 else f"{len(report.unseen)} lags of up to"
        said += f"; nobody could look during {lags} {max(report.unseen) * 1000:.0f} ms: perhaps a block; run it again"
        return Responsiveness(Verdict.INCONCLUSIVE, said, report)
    return Responsiveness(Verdict.PASS, said, report)


def _contended(report: LagReport) -> bool:
    """Whether the loop is late all the time without holding itself up: threads that compute keep the GIL from it."""
    return len(report.unexplained) > MOST_UNEXPLAINED * report.beats


def _told(report: LagReport) -> str:
    longest: dict[str, tuple[float, int]] = {}
    for block in report.blocks:
        lag, times = longest.get(_holder(block), (0.0, 0))
        longest[_holder(block)] = (max(lag, block.lag), times + 1)
    lines = [
        f"  {holder} held it {lag * 1000:.0f} ms" + (f" ({times} times, longest)" if times > 1 else "")
        for holder, (lag, times) in sorted(longest.items(), key=lambda entry: -entry[1][0])
    ]
    head = f"the event loop was held for more than {report.limit * 1000:g} ms:"
    remedies = [REMEDY] if not all(block.collector for block in report.blocks) else []
    remedies += [COLLECTOR_REMEDY] if any(block.collector for block in report.blocks) else []
    return "\n".join([head, *lines, *remedies])


def _holder(block: Block) -> str:
    line = f"{block.place}, in {block.inner}" if block.inner != block.place else str(block.place)
    if block.collector:
        return "the garbage collector" if block.place is None else f"the garbage collector, started by {line},"
    if block.place is None:
        return "code whose line was not seen (C code that keeps the GIL, or a busy machine)"
    return line


@contextlib.contextmanager
def _heap_set_aside() -> Iterator[None]:
    """Objects that are there before are none of the service's; those frozen earlier come back to the collector too."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _watched(service: Callable[[], Awaitable[Any]], limit: float, timeout: float) -> tuple[LagReport, float]:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    probe = LoopLagProbe(limit)
    with probe.watching(loop):
        try:
            async with asyncio.timeout(timeout) as deadline:
                await service()
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise UsageError(f"the service did not end within {timeout:g} s: give a longer timeout") from error
    return probe.report(), loop.time() - begun
