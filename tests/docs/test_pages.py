"""Every page is followed from its first file to its last command, and what it shows is what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, follow, shown

pytestmark = pytest.mark.once

OWN_TEST = {"gate.md", "linearizability.md", "new-repository.md", "pickle-probe.md"}  # run by tests of their own
PAGES = sorted(
    page
    for page in (*DOCS.glob("*.md"), *DOCS.glob("how-to/*.md"))
    if page.name not in OWN_TEST and "```console" in page.read_text("utf-8")
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_shows_what_is_printed(page: Path, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider -p no:benchmark\n", "utf-8")
    assert follow(page, tmp_path) > 0


def test_an_output_that_differs_is_noticed() -> None:
    assert shown(["=== a ===", "...", "1 failed in 3.21s"], "====== a ======\nb\n\n1 failed in 0.10s\n")
    assert not shown(["1 failed"], "1 passed\n")
    assert not shown(["1 failed"], "0 passed\n1 failed\n")
    assert not shown(["1 failed", "..."], "2 failed\n")
