"""What the fixture ``pickle_probe`` gives a test: probes that assert, and one line for each. It knows no pytest.

``record`` takes the line; the plugin prints it beside the lines of the explorations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.model import ConcurrencyFailure
from harness.probes.captures import Capture, captures
from harness.probes.probe import probe_pickle
from harness.probes.report import PickleReport
from harness.probes.submit import probe_submission


class PickleProbe:
    """Call it for a report; :meth:`check` and :meth:`check_submit` fail the test unless the report is fine."""

    def __init__(self, record: Callable[[str], None]) -> None:
        self._record = record

    def __call__(self, obj: object, **options: Any) -> PickleReport:
        """Return the report of :func:`harness.probe_pickle`, whatever it says."""
        return self.said(probe_pickle(obj, **options))

    def submit(
        self, executor: Any, fn: Callable[..., object] | None = None, /, *args: Any, **kwargs: Any
    ) -> PickleReport:
        """Return the report of :func:`harness.probe_submit`, whatever it says."""
        return self.said(probe_submission(executor, fn, args, kwargs))

    def check(self, obj: object, **options: Any) -> PickleReport:
        """Probe; raises ``harness.ConcurrencyFailure`` with the report unless ``obj`` reaches a worker unharmed."""
        __tracebackhide__ = True
        return _asserted(self(obj, **options))

    def check_submit(
        self, executor: Any, fn: Callable[..., object] | None = None, /, *args: Any, **kwargs: Any
    ) -> PickleReport:
        """Probe; raises the same unless ``executor.submit(fn, *args, **kwargs)`` reaches a worker unharmed."""
        __tracebackhide__ = True
        return _asserted(self.submit(executor, fn, *args, **kwargs))

    def captures(self, fn: Callable[..., Any], name: str = "fn") -> tuple[Capture, ...]:
        """Return what :func:`harness.captures` says; nothing is pickled and nothing judged."""
        found = captures(fn, name)
        self._record(f"captures of {name}: {'; '.join(map(str, found)) or 'nothing'}")
        return found

    def said(self, report: PickleReport) -> PickleReport:
        """Give a report that was made elsewhere, by a scenario kind or a watch, its line; returns it."""
        self._record(report.summary)
        return report


def _asserted(report: PickleReport) -> PickleReport:
    __tracebackhide__ = True
    if not report.ok:
        raise ConcurrencyFailure(str(report))
    return report
