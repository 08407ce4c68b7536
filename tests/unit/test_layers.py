"""The rules of the architecture that import-linter cannot say, each tried on the source and on a counterexample."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPOSITION_ROOTS = {"harness/__init__.py", "harness/plugin.py", "harness/cli.py"}


def imports(tree: ast.AST) -> Iterator[str]:
    """Full dotted names that are imported, relative ones left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def attributes(tree: ast.AST, module: str) -> Iterator[str]:
    """What is taken from a module: `module.name` and `from module import name` alike."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module:
            yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module == module:
            yield from (alias.name for alias in node.names)


def names_the_harness(tree: ast.AST) -> list[str]:
    return [name for name in imports(tree) if name.split(".")[0] == "harness"]


def takes_from_the_public_api(tree: ast.AST) -> list[str]:
    submodules = {path.stem for path in (ROOT / "harness").iterdir() if not path.name.startswith("_")}
    named = (name.split(".") for name in imports(tree))
    return [".".join(parts) for parts in named if parts[0] == "harness" and not submodules & set(parts[1:2])]


def watches_instructions(tree: ast.AST) -> list[str]:
    return [name for name in attributes(tree, "sys") if name in {"monitoring", "settrace"}]


def draws_from_the_global_random(tree: ast.AST) -> list[str]:
    return [name for name in attributes(tree, "random") if name != "Random"]


Rule = Callable[[ast.AST], list[str]]


def offences(rule: Rule, paths: Iterable[Path]) -> dict[str, list[str]]:
    found = {path.relative_to(ROOT).as_posix(): rule(ast.parse(path.read_text("utf-8"))) for path in paths}
    return {path: what for path, what in found.items() if what}


def harness_files(*, without: Iterable[str] = ()) -> list[Path]:
    excluded = tuple(without)
    paths = sorted((ROOT / "harness").rglob("*.py"))
    return [path for path in paths if not path.relative_to(ROOT).as_posix().startswith(excluded)]


def test_fixtures_know_nothing_of_the_harness() -> None:
    assert offences(names_the_harness, sorted((ROOT / "fixtures").rglob("*.py"))) == {}


def test_inside_the_package_nothing_leans_on_the_public_api() -> None:
    assert offences(takes_from_the_public_api, harness_files(without=COMPOSITION_ROOTS)) == {}


def test_only_instrument_knows_monitoring_and_settrace() -> None:
    assert offences(watches_instructions, harness_files(without=["harness/instrument/"])) == {}


def test_random_numbers_come_from_an_injected_generator() -> None:
    assert offences(draws_from_the_global_random, harness_files()) == {}


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (names_the_harness, "from harness.model import Verdict"),
        (names_the_harness, "import harness"),
        (takes_from_the_public_api, "from harness import explore_everything"),
        (takes_from_the_public_api, "import harness"),
        (watches_instructions, "import sys\nsys.monitoring.use_tool_id(1, 'x')"),
        (watches_instructions, "from sys import settrace"),
        (draws_from_the_global_random, "import random\nrandom.shuffle([])"),
        (draws_from_the_global_random, "from random import choice"),
    ],
)
def test_each_rule_sees_an_offence(rule: Rule, source: str) -> None:
    assert rule(ast.parse(source))


def test_rules_leave_correct_imports_alone() -> None:
    tree = ast.parse("import random\nfrom harness.model import Verdict\nrng: random.Random\n")
    assert takes_from_the_public_api(tree) == []
    assert draws_from_the_global_random(tree) == []
