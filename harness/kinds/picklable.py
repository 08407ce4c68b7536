"""The scenario kind ``picklable``: an object, or a submission to an executor, must reach the worker unharmed.

It makes the root anew for each run, so that a scenario carries no state from one start method to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.probes.checking import PickleProbe
from harness.probes.probe import probe_pickle
from harness.probes.report import PickleReport
from harness.probes.submit import probe_submission


@dataclass(frozen=True)
class Picklable:
    """An object that must be picklable: ``make`` returns it; ``options`` go to :func:`harness.probe_pickle`."""

    name: str
    make: Callable[[], object]
    options: Mapping[str, Any] = field(default_factory=dict)

    def run(self, start_method: str | None = None) -> PickleReport:
        """Probe a fresh object under a start method."""
        return probe_pickle(self.make(), start_method=start_method, **self.options)


@dataclass(frozen=True)
class Submittable:
    """A submission that must reach a worker: ``make`` returns the executor, the function and its arguments."""

    name: str
    make: Callable[[str], tuple[Any, Callable[..., object] | None, tuple[Any, ...]]]
    options: Mapping[str, Any] = field(default_factory=dict)

    def run(self, start_method: str) -> PickleReport:
        """Probe a fresh submission; ``make`` gets the start method for its pool."""
        executor, function, arguments = self.make(start_method)
        return probe_submission(executor, function, arguments, **self.options)


def picklable(make: Callable[[], object], **options: Any) -> PickleReport:
    """Probe a fresh object as a process pool would pickle it; ``options`` are those of :func:`harness.probe_pickle`.

    Returns the report; raises :class:`harness.ConcurrencyFailure` with it unless the object arrives unharmed.
    """
    return PickleProbe(lambda line: None).check(make(), **options)


def fits(target: Any) -> str:
    """Why a target is no case for this kind: most objects with a lock need not cross to a process."""
    return 'not every object has to be picklable; list it where this one must: kinds = ["picklable"]'


def configured(target: Any, explore: Any) -> PickleReport:
    """Run the kind on a configured target that lists it."""
    return PickleProbe(getattr(explore, "record", lambda line: None)).check(target.make())
