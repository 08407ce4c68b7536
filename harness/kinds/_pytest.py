"""Configured targets as pytest items: ``pyproject.toml::<target>::<kind>``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.kinds._registry import KindOfScenario, kind, names
from harness.model import UsageError
from harness.targets.chosen import Targets
from harness.targets.config import Target, load_target, read

FILE = "pyproject.toml"
Explores = Callable[[pytest.Item], Callable[..., Any]]


def add_configured_targets(config: pytest.Config) -> None:
    """Let a run for which the user named no path collect the project's configured targets too."""
    folders = {
        config.ArgsSource.TESTPATHS: config.rootpath,
        # A configuration file further up may have made itself the root.
        config.ArgsSource.INVOCATION_DIR: config.invocation_params.dir,
    }
    folder = folders.get(config.args_source)
    path = folder / FILE if folder is not None else None
    if path is not None and path.is_file() and "[tool.harness" in path.read_text("utf-8", "replace"):
        config.args.append(str(path))


def collect(path: Path, parent: pytest.Collector, targets: Targets, explores: Explores) -> pytest.Collector | None:
    """The collector of the configuration, where it is named as an argument."""
    # Not `isinitpath`: pytest 9 leaves out an argument that lies in a folder which is one too.
    named = {parent.config.invocation_params.dir / argument.partition("::")[0] for argument in parent.config.args}
    if path.name != FILE or path not in named:
        return None
    file: TargetsFile = TargetsFile.from_parent(parent, path=path)
    file.targets, file.explores = targets, explores
    return file


class TargetsFile(pytest.File):
    """The configuration: one collector for each target."""

    targets: Targets
    explores: Explores

    def collect(self) -> Iterator[pytest.Collector]:
        for folder in (self.path.parent / "src", self.path.parent):
            if folder.is_dir() and str(folder) not in sys.path:
                sys.path.insert(0, str(folder))
        try:
            for entry in read(self.path, names()):
                chosen = TargetCollector.from_parent(self, name=entry.name)
                chosen.listed = entry.kinds

                def load(name: str, default: str, source: str = entry.source) -> Any:
                    return self.targets.choose(name, default, f"{source} make", module=True)

                chosen.target, chosen.explores = load_target(entry, load), self.explores
                yield chosen
        except UsageError as error:
            raise self.CollectError(str(error)) from None


class TargetCollector(pytest.Collector):
    """One target: an item for each kind that fits it, and one that is skipped with the reason where one does not."""

    listed: tuple[str, ...] | None
    target: Target
    explores: Explores

    def collect(self) -> Iterator[pytest.Item]:
        try:
            scenarios = [kind(name) for name in self.listed or names()]
            reasons = [scenario.fits(self.target) for scenario in scenarios]
            if all(reasons) and self.listed is None:
                needed = "; ".join(f"{s.name}: {reason}" for s, reason in zip(scenarios, reasons, strict=True))
                raise UsageError(f"{FILE} [tool.harness.targets.{self.name}]: no kind of scenario fits: {needed}")
            for scenario, reason in zip(scenarios, reasons, strict=True):
                name = scenario.name
                item = KindItem.from_parent(self, name=name)
                item.scenario, item.target, item.explores = scenario, self.target, self.explores
                item.add_marker(pytest.mark.concurrency)
                if self.target.audit:
                    item.add_marker(pytest.mark.audit)
                item.reason = reason if self.listed is None else ""
                yield item
        except UsageError as error:
            raise self.CollectError(str(error)) from None


class KindItem(pytest.Item):
    """One kind on one target."""

    scenario: KindOfScenario
    target: Target
    explores: Explores
    reason: str

    def runtest(self) -> None:
        if self.reason:
            text = f"{self.target.name}: {self.name} does not fit: {self.reason}"
            self.user_properties.append(("concurrency", text))
            pytest.skip(text)
        self.scenario.run(self.target, self.explores(self))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, 0, f"{self.target.name}::{self.name}"

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """A mistake in the configuration is one line."""
        if isinstance(excinfo.value, UsageError):
            return f"{self.path.name} [tool.harness.targets.{self.target.name}] {excinfo.value}"
        return super().repr_failure(excinfo, style)
