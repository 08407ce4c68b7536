"""Watching a live executor: a failing future is traced back to the line that submitted it."""

from __future__ import annotations

import inspect
import multiprocessing
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from fixtures.parallel_analyzer import BoundInitializer, LambdaCapturingSelf, analysis
from harness.probes import watch_submissions
from harness.probes.watch import Submission, Watch, is_pickling_error

SPAWN = multiprocessing.get_context("spawn")


def line() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_a_failing_future_is_traced_to_its_line_and_diagnosed() -> None:
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool, watch_submissions(pool) as watch:
        good = pool.submit(len, "abc")
        here = line() + 1
        pool.submit(print, {"lock": threading.Lock()})
        (failure,) = watch.failures(timeout=30)
        assert good.result(30) == 3
    assert failure.where == f"tests/probes/test_watch.py:{here}"
    assert failure.report.culprits[0].path == "args[0]['lock']"
    assert failure.report.culprits[0].where == f"tests/probes/test_watch.py:{here}"
    assert "submitted at" in str(failure)


def test_the_line_is_the_production_module_s_own() -> None:
    form = LambdaCapturingSelf()
    with watch_submissions(form.executor) as watch:
        form.submit(analysis.Clip("a", 1.0))
        (failure,) = watch.failures(timeout=30)
    form.close()
    assert failure.where == "fixtures/parallel_analyzer/lambda_self.py:21"
    assert failure.report.culprits[0].path == "fn"


def test_a_submit_that_raises_is_seen_too() -> None:
    form = BoundInitializer()
    assert form.executor is not None
    with watch_submissions(form.executor) as watch:
        with pytest.raises(TypeError):
            form.submit(analysis.Clip("a", 1.0))
        (failure,) = watch.failures()
    form.close()
    assert failure.where == "fixtures/parallel_analyzer/bound_initializer.py:29"
    assert failure.report.culprits[0].path.startswith("initializer.")


def test_map_is_watched_and_nothing_is_reported_when_all_is_well() -> None:
    with ThreadPoolExecutor(1) as pool, watch_submissions(pool) as watch:
        assert list(pool.map(len, ["a", "bb"])) == [1, 2]
        pool.submit(int, "no number")
        assert len(watch.submissions) == 3
        assert watch.failures(timeout=10) == []
    assert "submit" not in vars(pool)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TypeError("cannot pickle '_thread.lock' object"), True),
        (AttributeError("Can't get local object 'f.<locals>.g'"), True),
        (TypeError("unsupported operand"), False),
        (ValueError("cannot pickle"), False),
    ],
)
def test_which_errors_are_pickling_s(error: Exception, expected: bool) -> None:
    assert is_pickling_error(error) is expected


class CancelledMeanwhile(Future[None]):
    """A future that is cancelled after it was asked whether it is."""

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self.cancel()
        return super().exception(timeout)


def test_a_future_that_is_cancelled_meanwhile_has_not_failed() -> None:
    with ThreadPoolExecutor(1) as pool:
        watch = Watch(pool, [Submission("here", len, ("abc",), {}, CancelledMeanwhile())])
        assert watch.failures() == []


def test_what_has_no_submit_is_refused() -> None:
    with pytest.raises(ValueError, match="no submit"), watch_submissions(object()):
        pass
