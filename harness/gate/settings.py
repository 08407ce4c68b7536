"""What a repository says about its gate in pyproject.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from harness.gate.runs import POOLS
from harness.model import UsageError
from harness.pools.executors import available


def project_table(root: Path) -> dict[str, Any]:
    """All of ``root/pyproject.toml``; empty without one. Raises :class:`UsageError` when it cannot be parsed."""
    path = root / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"pyproject.toml cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Settings:
    """The table ``[tool.harness.gate]``.

    ``setup`` makes an environment, in which ``python`` is its interpreter. ``environment``: ``auto`` makes one for
    each side where their dependencies differ, ``own`` always, ``present`` never. ``seconds``: for the pairs of each
    benchmark; ``scenario_limit``: for all scenarios.
    """

    benchmarks: tuple[str, ...] = ("benchmarks",)
    scenarios: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()
    pools: tuple[str, ...] = tuple(POOLS)
    paths: tuple[str, ...] = ("src", ".")
    workers: int = 2
    seconds: float = 60.0
    scenario_limit: float = 1800.0
    setup: str = "python -m pip install --quiet ."
    environment: str = "auto"
    project: str = ""

    @classmethod
    def read(cls, root: Path) -> Settings:
        """From ``root/pyproject.toml``; raises :class:`UsageError` for an unknown or wrong entry."""
        table = project_table(root)
        given = table.get("tool", {}).get("harness", {}).get("gate", {})
        known = {entry.name: entry.default for entry in fields(cls) if entry.name != "project"}
        values: dict[str, Any] = {"project": str(table.get("project", {}).get("name", ""))}
        for name, value in given.items():
            if name not in known:
                raise UsageError(f"[tool.harness.gate] has no entry {name!r}; it has {', '.join(known)}")
            values[name] = _checked(name, value, known[name])
        settings = cls(**values)
        choice = dict.fromkeys((*POOLS, *available()))
        if unknown := [pool for pool in settings.pools if pool not in choice and ":" not in pool]:
            raise UsageError(f"[tool.harness.gate] pools: no pool {unknown[0]!r}; give some of {', '.join(choice)}")
        if settings.environment not in ("auto", "own", "present"):
            raise UsageError("[tool.harness.gate] environment must be auto, own or present")
        if settings.workers < 1 or settings.seconds <= 0 or settings.scenario_limit <= 0:
            raise UsageError("[tool.harness.gate] workers, seconds and scenario_limit must be positive")
        return settings


def _checked(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise UsageError(f"[tool.harness.gate] {name} must be a list of strings")
        return tuple(value)
    wanted = (int, float) if isinstance(default, float) else type(default)
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise UsageError(f"[tool.harness.gate] {name} = {value!r} has the wrong type")
    return value
