"""The parallel analyzer in all its forms, under every start method: what the probe says is what the pool does.

Each form is a scenario: the probe names the culprit (or passes the explicit form), and a live pool confirms it.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from fixtures.parallel_analyzer import (
    BoundInitializer,
    ByValuePickler,
    ExplicitArguments,
    FrameArgument,
    LambdaCapturingSelf,
    PartialOfBoundMethod,
    WrapperClosure,
    analysis,
)
from fixtures.parallel_analyzer.frame_argument import analyze_row
from harness.kinds.picklable import Submittable
from harness.probes import PickleReport, probe_submission, watch_submissions
from harness.probes.checking import PickleProbe

pytestmark = pytest.mark.concurrency

METHODS = multiprocessing.get_all_start_methods()
CLIP = analysis.Clip("standup", 11.2)


@dataclass(frozen=True)
class Form:
    """A form of the analyzer: what it submits, the culprit expected, and whether a live pool accepts it per method."""

    make: Callable[..., Any]
    task: Callable[[Any], tuple[Any, ...]]
    culprit: str
    works: frozenset[str] = frozenset()


EVERYWHERE = frozenset(METHODS)
FORMS = {
    "bound-method initializer": Form(
        BoundInitializer, lambda form: (analysis.analyze, CLIP, "en"),
        "initializer.__self__.analyzer.handler.lock", frozenset({"fork"}),
    ),
    "lambda capturing self": Form(LambdaCapturingSelf, lambda form: (form.task(), CLIP), "fn"),
    "partial of a bound method": Form(
        PartialOfBoundMethod, lambda form: (form.task(), CLIP), "fn.func.__self__.analyzer.handler.lock"
    ),
    "wrapper closure in submit_safe": Form(
        WrapperClosure, lambda form: (form.wrapped(analysis.analyze), CLIP, "en"), "fn"
    ),
    "explicit arguments": Form(
        ExplicitArguments, lambda form: (analysis.analyze, CLIP, "en"), "", EVERYWHERE
    ),
}  # fmt: skip


@contextmanager
def opened(form: Form, method: str) -> Iterator[Any]:
    service = form.make(start_method=method)
    try:
        yield service
    finally:
        service.close()


def probed(probe: PickleProbe, form: Form, service: Any) -> PickleReport:
    return probe.submit(service.executor, *form.task(service))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", FORMS)
def test_the_probe_says_what_the_pool_does(pickle_probe: PickleProbe, name: str, method: str) -> None:
    form = FORMS[name]
    with opened(form, method) as service:
        report = probed(pickle_probe, form, service)
        assert report.ok is (method in form.works)
        if not report.ok:
            assert report.culprits[0].path == form.culprit
            assert report.culprits[0].where is not None
            assert report.fixes, "the fix for each of these forms is known and passes"
        try:
            result = service.submit(CLIP).result(60)
        except (TypeError, AttributeError) as error:
            assert not report.ok, f"the probe passed what the pool refuses: {error}"
        else:
            assert report.ok, f"the probe refused what the pool did: {result}"


def test_the_initializer_is_named_first_and_its_fix_is_shown(pickle_probe: PickleProbe) -> None:
    with opened(FORMS["bound-method initializer"], "spawn") as service:
        report = probed(pickle_probe, FORMS["bound-method initializer"], service)
    assert report.culprits[0].path.startswith("initializer.")
    assert report.fixes[0].title == "a module-level initializer with explicit initargs"


@pytest.mark.parametrize("method", METHODS)
def test_a_by_value_pickler_sends_self_with_the_closure(pickle_probe: PickleProbe, method: str) -> None:
    pytest.importorskip("cloudpickle")
    service = ByValuePickler(start_method=method)
    report = pickle_probe(service.task(), pickler="cloudpickle", start_method=method, name="fn")
    assert report.culprits[0].path == "fn.__closure__[0].cell_contents.analyzer.handler.lock"
    with pytest.raises(TypeError, match="cannot pickle"):
        service.submit(CLIP)
    service.close()


@pytest.mark.parametrize("method", METHODS)
def test_a_table_in_the_arguments_is_heavy_and_loses_its_attribute(pickle_probe: PickleProbe, method: str) -> None:
    pytest.importorskip("pandas")
    service = FrameArgument(start_method=method)
    report = probe_submission(
        service.executor, analyze_row, (service.table, 11, "en"), max_bytes=1_000_000, tasks=10_000
    )
    pickle_probe.said(report)
    assert service.submit(CLIP).result(120) == "tiny:row-11:11.0:en"
    service.close()
    problems = {problem.kind.value: problem for problem in report.problems}
    assert set(problems) == {"cost", "state"}
    assert problems["state"].path == "args[0].source"
    assert problems["cost"].path == "args[0]"
    assert report.cost is not None
    assert any("initargs" in way for way in report.cost.advice)


def test_what_the_lambda_captures_is_told_without_pickling(pickle_probe: PickleProbe) -> None:
    with opened(FORMS["lambda capturing self"], "fork") as service:
        (capture,) = pickle_probe.captures(service.task())
    assert (capture.name, capture.kind) == ("self", "closure")


@pytest.mark.parametrize("method", METHODS)
def test_a_failing_future_is_traced_to_the_line_that_submitted_it(pickle_probe: PickleProbe, method: str) -> None:
    with opened(FORMS["partial of a bound method"], method) as service, watch_submissions(service.executor) as watch:
        service.submit(CLIP)
        (failure,) = watch.failures(timeout=60)
    pickle_probe.said(failure.report)
    assert failure.where.startswith("fixtures/parallel_analyzer/partial_method.py:")
    assert failure.report.culprits[0].path == "fn.func.__self__.analyzer.handler.lock"


@pytest.mark.parametrize("method", METHODS)
def test_the_scenario_kind_runs_a_submission_under_each_start_method(pickle_probe: PickleProbe, method: str) -> None:
    def make(start_method: str) -> tuple[Any, Any, tuple[Any, ...]]:
        service = ExplicitArguments(start_method=start_method)
        return service.executor, analysis.analyze, (CLIP, "en")

    report = Submittable("explicit analyzer", make).run(method)
    pickle_probe.said(report)
    assert report.ok
    assert report.start_method == method
