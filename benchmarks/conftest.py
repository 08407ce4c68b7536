"""Shows the tables when all is measured, and keeps those of complete runs in `results/`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from benchmarks.record import Document

DOCUMENTS: pytest.StashKey[list[Document]] = pytest.StashKey()
PARTIAL: pytest.StashKey[bool] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[DOCUMENTS] = []
    selects_tests = any("::" in argument for argument in config.args)
    config.stash[PARTIAL] = selects_tests or bool(config.getoption("benchmark_disable", False))


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    if items:
        items[0].config.stash[PARTIAL] = True


@pytest.fixture(scope="session")
def publish(request: pytest.FixtureRequest) -> Callable[[Document], None]:
    """Takes a document when its last section is there."""
    documents = request.config.stash[DOCUMENTS]
    return documents.append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    documents = config.stash[DOCUMENTS]
    for document in documents:
        terminalreporter.section(document.title)
        terminalreporter.write_line(str(document))
    partial = config.stash[PARTIAL]
    if documents and (partial or exitstatus):
        terminalreporter.write_line("Not recorded: only a complete run without failures is.")
        return
    for document in documents:
        path = document.save().relative_to(config.rootpath)
        terminalreporter.write_line(f"Recorded in {path}")
