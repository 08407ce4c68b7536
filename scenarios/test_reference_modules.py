"""Every form of every reference module: the broken ones fail with their own kind, the repaired ones pass."""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.reference import Form, forms, judge

pytestmark = pytest.mark.concurrency


@pytest.mark.parametrize(
    "form", [pytest.param(f, id=f"{f.module}-{f.form}-{f.scenario}") for f in forms() if not f.tested_in]
)
def test_a_reference_form_gets_its_verdict(form: Form, explore: Any, request: pytest.FixtureRequest) -> None:
    noted = request.node.user_properties
    before = len(noted)
    outcome = judge(form, explore.outcome)
    if len(noted) == before:  # the scenario explored nothing: it worked on real processes
        noted.append(("concurrency", f"{outcome.verdict}: {outcome.reason}"))
    assert outcome.fits(form), f"must be {form.expected} {form.kind}, got {outcome}"
