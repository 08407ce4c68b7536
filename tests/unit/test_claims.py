"""The ledger of claims covers every claim, and its page is the one that the command writes."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.claims.__main__ import document
from benchmarks.claims.ledger import CLAIMS, Entry, dumps_is_enough, explicit_arguments, partials, threads_break

PAGE = Path(__file__).parents[2] / "docs" / "claims.md"


def test_the_page_has_a_section_with_figures_for_each_claim() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(re.findall(r"^## \d+\. ", text, re.MULTILINE)) == len(CLAIMS)
    assert text.count("**Verdict: ") == text.count("\nMeasured: ") == len(CLAIMS)
    assert document([Entry("a", "b", "c")]).splitlines()[0] == text.splitlines()[0]


def test_claims_about_pickling_and_breaking_are_settled_by_running_them() -> None:
    assert "cannot pickle" in explicit_arguments().measured
    assert "partial of a module's function: works" in partials().measured
    assert "BrokenProcessPool" in dumps_is_enough().measured
    assert "BrokenThreadPool" in threads_break().measured
