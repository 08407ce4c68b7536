"""Exceptions of a package: those that make the trip, those that do not with the fix that passed, and those not made."""

from __future__ import annotations

import inspect

import pytest

from harness.probes import ExceptionsReport, probe_exceptions
from tests.probes.sample_errors import Formatted

PACKAGE = "tests.probes.sample_errors"


@pytest.fixture(scope="module")
def report() -> ExceptionsReport:
    return probe_exceptions(PACKAGE)


def test_the_good_and_the_bad(report: ExceptionsReport) -> None:
    assert {f"{PACKAGE}.Plain", f"{PACKAGE}.Kept"} <= set(report.passed)
    failed = {finding.name.rpartition(".")[2] for finding in report.failed}
    assert failed == {"Formatted", "KeywordOnly", "Closing", "Derived"}
    assert not report.ok


def test_each_failure_has_its_line_and_a_fix_that_passed(report: ExceptionsReport) -> None:
    by_name = {finding.name.rpartition(".")[2]: finding for finding in report.failed}
    assert (
        by_name["Formatted"].where == f"tests/probes/sample_errors/__init__.py:{inspect.getsourcelines(Formatted)[1]}"
    )
    assert "missing 1 required positional argument" in by_name["Formatted"].error
    assert "(self.code, self.detail,)" in by_name["Formatted"].fix
    assert "copyreg.__newobj__" in by_name["KeywordOnly"].fix
    assert "error.args" in by_name["Derived"].error  # it loads, with its text doubled
    assert "lambda" in by_name["Closing"].error
    assert by_name["Closing"].fix == ""


def test_what_could_not_be_tried_is_listed(report: ExceptionsReport) -> None:
    assert report.not_made == (f"{PACKAGE}.NeedsServer",)
    assert [name.partition(" ")[0] for name in report.not_imported] == [f"{PACKAGE}.broken"]
    assert "not made from its signature" in str(report)


def test_a_package_whose_exceptions_are_fine() -> None:
    found = probe_exceptions("concurrent.futures")
    assert found.ok
    assert any(name.endswith("BrokenProcessPool") for name in found.passed)


def test_a_package_that_does_not_exist_gives_one_line() -> None:
    with pytest.raises(ValueError, match="cannot import 'no_such_package'"):
        probe_exceptions("no_such_package")
