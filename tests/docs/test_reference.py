"""The reference names what there is, no more and no less; pages link to pages that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import harness
from harness.kinds._registry import names
from harness.model import Kind
from tests.docs.pages import DOCS, ROOT

REFERENCE = (DOCS / "reference.md").read_text("utf-8")
REASONS = (DOCS / "how-to" / "inconclusive.md").read_text("utf-8")
MARKDOWN = sorted(page for page in (*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"))


def section(title: str) -> str:
    """The text of a section of the reference."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", REFERENCE, re.M | re.S)
    assert found, f"reference.md has no section {title}"
    return found[1]


def first_column(text: str) -> set[str]:
    """What the rows of the tables of a section are about."""
    return set(re.findall(r"^\| `([\w.-]+)[^|`]*` \|", text, re.M))


def test_the_public_names() -> None:
    assert first_column(section("Python")) == set(harness.__all__)


def test_the_kinds_of_failure() -> None:
    assert first_column(section("Kinds of failure")) == {kind.value for kind in Kind}


def test_the_scenario_kinds() -> None:
    assert first_column(section("Scenario kinds")) == set(names())


def test_the_options_of_pytest(pytestconfig: pytest.Config) -> None:
    source = "".join(path.read_text("utf-8") for path in sorted((ROOT / "harness").rglob("*.py")))
    options = set(re.findall(r'addoption\(\s*"(--[\w-]+)"', source))
    assert options
    assert first_column(section("pytest")) >= options
    assert {name for name in first_column(section("pytest")) if name.startswith("--")} == options


def test_every_reason_has_a_remedy() -> None:
    """Each message of an obstacle that the engine can raise begins a row, or holds the words of one."""
    rows = re.findall(r"^\| (`.*?`[^|]*) \|", REASONS, re.M)
    known = [words for row in rows for words in re.findall(r"`(.*?)`", row)]
    assert len(known) > 20
    for module in ("exploration/session.py", "exploration/explorer.py", "instrument/events.py", "runtime/locks.py"):
        for text in raised(ROOT / "harness" / module):
            assert any(words in text for words in known), f"{module}: {text}"


def raised(path: Path) -> list[str]:
    """The constant parts of the messages that a module raises as CannotExplore."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            name = node.exc.func
            if isinstance(name, ast.Name) and name.id == "CannotExplore":
                parts = [part.value for part in ast.walk(node.exc.args[0]) if isinstance(part, ast.Constant)]
                text = "".join(str(part) for part in parts)
                if text:
                    found.append(text)
    assert found, path
    return found


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
