"""Lost updates of what is not an attribute of one object: globals, closures, containers, values.

The twins take one lock round the whole road.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.quality.corpus import limits
from tests.quality.corpus.case import Case, Variant, twins
from tests.quality.corpus.claims import nothing_lost

served = 0
_served_lock = threading.Lock()


def start_serving() -> None:
    global served
    served = 0


def serve(_: None) -> None:
    global served
    served += 1


def serve_locked(_: None) -> None:
    global served
    with _served_lock:
        served += 1


@dataclass(frozen=True)
class Tally:
    """A counter that lives in the cells of two closures."""

    increment: Callable[[], None]
    value: Callable[[], int]


def make_tally() -> Tally:
    count = 0

    def increment() -> None:
        nonlocal count
        count += 1

    return Tally(increment, lambda: count)


def make_locked_tally() -> Tally:
    count = 0
    lock = threading.Lock()

    def increment() -> None:
        nonlocal count
        with lock:
            count += 1

    return Tally(increment, lambda: count)


class Throttle:
    """Calls counted in a variable of another module."""

    def __init__(self) -> None:
        limits.calls_made = 0

    def call(self) -> None:
        limits.calls_made += 1


class LockedThrottle(Throttle):
    def call(self) -> None:
        with limits.lock:
            limits.calls_made += 1


class WordCount:
    """Words in a ``collections.Counter``."""

    def __init__(self) -> None:
        self.words: Counter[str] = Counter(the=1)

    def add(self, word: str) -> None:
        self.words[word] += 1


class LockedWordCount(WordCount):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def add(self, word: str) -> None:
        with self._lock:
            self.words[word] += 1


class Waveform:
    """Samples mixed into an ``array.array``."""

    def __init__(self) -> None:
        self.samples = array("l", [0, 0, 0])

    def mix(self, at: int, level: int) -> None:
        self.samples[at] += level


class LockedWaveform(Waveform):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def mix(self, at: int, level: int) -> None:
        with self._lock:
            self.samples[at] += level


class Histogram:
    """Bins of a numpy array."""

    def __init__(self) -> None:
        import numpy

        self.bins = numpy.zeros(4, dtype=numpy.int64)

    def add(self, bin_number: int) -> None:
        self.bins[bin_number] += 1


class LockedHistogram(Histogram):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def add(self, bin_number: int) -> None:
        with self._lock:
            self.bins[bin_number] += 1


@dataclass(frozen=True)
class Score:
    goals: int = 0
    shots: int = 0


class Match:
    """An immutable value that is replaced: each value is consistent, the replacement is not atomic."""

    def __init__(self) -> None:
        self.score = Score()

    def goal(self) -> None:
        self.score = replace(self.score, goals=self.score.goals + 1)

    def shot(self) -> None:
        self.score = replace(self.score, shots=self.score.shots + 1)


class LockedMatch(Match):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def goal(self) -> None:
        with self._lock:
            self.score = replace(self.score, goals=self.score.goals + 1)

    def shot(self) -> None:
        with self._lock:
            self.score = replace(self.score, shots=self.score.shots + 1)


class Trail:
    """A tuple that grows by being rebuilt."""

    def __init__(self) -> None:
        self.entries: tuple[str, ...] = ()

    def note(self, entry: str) -> None:
        self.entries = (*self.entries, entry)


class LockedTrail(Trail):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def note(self, entry: str) -> None:
        with self._lock:
            self.entries = (*self.entries, entry)


class Peak:
    """The largest size ever seen."""

    def __init__(self) -> None:
        self.size = 0

    def saw(self, size: int) -> None:
        if size > self.size:
            self.size = size


class LockedPeak(Peak):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def saw(self, size: int) -> None:
        with self._lock:
            if size > self.size:
                self.size = size


def _served(_: None, results: list[object]) -> None:
    nothing_lost(served, len(results))


def _calls_made(_: Any, results: list[object]) -> None:
    nothing_lost(limits.calls_made, len(results))


CASES = (
    Case(
        "lost_update_global",
        Variant(start_serving, [serve] * 2, _served),
        Variant(start_serving, [serve_locked] * 2, _served),
        "lost_update",
    ),
    twins(
        "lost_update_closure",
        "lost_update",
        make_tally,
        make_locked_tally,
        [lambda tally: tally.increment()] * 2,
        check=lambda tally, results: nothing_lost(tally.value(), len(results)),
    ),
    twins(
        "lost_update_module_attribute",
        "lost_update",
        Throttle,
        LockedThrottle,
        [lambda throttle: throttle.call()] * 2,
        check=_calls_made,
    ),
    twins(
        "lost_update_counter",
        "not_serializable",
        WordCount,
        LockedWordCount,
        [lambda count: count.add("the")] * 2,
        observe=lambda count: dict(count.words),
    ),
    twins(
        "lost_update_array_element",
        "lost_update",
        Waveform,
        LockedWaveform,
        [lambda wave: wave.mix(1, 10), lambda wave: wave.mix(1, 20)],
        check=lambda wave: nothing_lost(wave.samples[1], 30),
    ),
    twins(
        "lost_update_numpy_element",
        "lost_update",
        Histogram,
        LockedHistogram,
        [lambda histogram: histogram.add(2)] * 2,
        check=lambda histogram, results: nothing_lost(int(histogram.bins[2]), len(results)),
        needs="numpy",
    ),
    twins(
        "lost_update_replaced_value",
        "not_serializable",
        Match,
        LockedMatch,
        [lambda match: match.goal(), lambda match: match.shot()],
        observe=lambda match: (match.score.goals, match.score.shots),
    ),
    twins(
        "lost_update_rebuilt_tuple",
        "not_serializable",
        Trail,
        LockedTrail,
        [lambda trail: trail.note("in"), lambda trail: trail.note("out")],
        observe=lambda trail: trail.entries,
    ),
    twins(
        "lost_update_maximum",
        "not_serializable",
        Peak,
        LockedPeak,
        [lambda peak: peak.saw(3), lambda peak: peak.saw(5)],
        observe=lambda peak: peak.size,
    ),
)
