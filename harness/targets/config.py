"""Targets configured in ``pyproject.toml``: checked key by key, and loaded. It knows no kinds and no pytest."""

from __future__ import annotations

import builtins
import difflib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.model import UsageError
from harness.targets.chosen import load
from harness.targets.expressions import Expression, condition, operation

TEXT, TEXTS, WHOLE = "a string", "a list of strings", "a whole number"
NUMBER, ANY, TABLE, FLAG = "a number", "a list", "a table", "true or false"
KEYS = {
    "make": TEXT, "args": ANY, "kwargs": TABLE, "setup": TEXTS, "reset": TEXT, "call": TEXTS, "observe": TEXT,
    "invariant": TEXT, "exact": TEXTS, "lazy": TEXTS, "cache": TEXTS, "update": TEXTS, "made": TEXT, "start": TEXT,
    "stop": TEXT, "kinds": TEXTS, "threads": WHOLE, "expected": TEXTS, "modules": TEXTS, "preemptions": WHOLE,
    "schedules": WHOLE, "seconds": NUMBER, "seed": WHOLE, "isolate": TEXT, "timeouts": TEXT, "watchdog": NUMBER,
    "faults": TEXTS, "delivery": TEXT, "submit": TEXT, "close": TEXT, "body": TEXT, "check": TEXT, "tasks": WHOLE,
    "workers": WHOLE, "patience": NUMBER, "where": TEXT,
    "audit": FLAG,
}  # fmt: skip
OPTIONS = ("preemptions", "schedules", "seconds", "seed", "isolate", "timeouts", "watchdog")
CHAOS = ("faults", "delivery", "submit", "close", "body", "check", "tasks", "workers", "patience", "where")
LEAST = {"threads": 2, "preemptions": 0, "schedules": 1}


@dataclass(frozen=True)
class Entry:
    """One table ``[tool.harness.targets.<name>]``, its keys and types checked; nothing is imported yet."""

    name: str
    source: str
    values: Mapping[str, Any]

    @property
    def kinds(self) -> tuple[str, ...] | None:
        """The kinds that the user listed; None for all that fit."""
        return tuple(self.values["kinds"]) if "kinds" in self.values else None


@dataclass(frozen=True)
class Target:
    """A loaded target: ``make`` gives an object that is set up, ``fresh`` one that is only constructed."""

    name: str
    maker: Any
    fresh: Callable[[], Any]
    make: Callable[[], Any]
    call: tuple[Expression, ...]
    lazy: tuple[Expression, ...]
    cache: tuple[Expression, ...]
    update: tuple[Expression, ...]
    observe: Expression | None
    invariant: Expression | None
    made: Expression | None
    start: Expression | None
    stop: Expression | None
    exact: tuple[str, ...]
    threads: int
    expected: tuple[type[BaseException], ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    chaos: Mapping[str, Any] = field(default_factory=dict)
    audit: bool = False
    """Whether its scenarios must leave nothing behind."""


def read(path: Path, kinds: Sequence[str]) -> list[Entry]:
    """The entries of a ``pyproject.toml``; raises :class:`harness.UsageError` with file, table, key and remedy."""
    try:
        tables: Any = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("harness", {})
    except (OSError, ValueError) as error:
        raise UsageError(f"{path.name}: cannot be read: {error}; correct the file") from None
    where = f"{path.name} [tool.harness]"
    if not isinstance(tables, dict):
        raise UsageError(f"{where}: must be a table")
    _known(tables, ("targets", "gate"), where)  # `harness gate` reads its own
    targets = tables.get("targets", {})
    if not isinstance(targets, dict):
        raise UsageError(f"{where} targets: must hold a table for each target, such as [tool.harness.targets.manager]")
    source = f"{path.name} [tool.harness.targets."
    return [entry_of(name, table, f"{source}{name}]", kinds) for name, table in targets.items()]


def entry_of(name: str, table: Any, source: str, kinds: Sequence[str]) -> Entry:
    """The entry that a table gives; ``source`` says in an error where it stands, ``kinds`` are those there are."""
    if not isinstance(table, dict):
        raise UsageError(f"{source}: must be a table with at least make = \"package.module:Class\"")
    _known(table, tuple(KEYS), source)
    values = {key: _typed(value, KEYS[key], f"{source} {key}") for key, value in table.items()}
    if "make" not in values:
        raise UsageError(f"{source} make: missing; add make = \"package.module:Class\"")
    for key, least in LEAST.items():
        if values.get(key, least) < least:
            raise UsageError(f"{source} {key}: must be at least {least}, not {values[key]}")
    if values.get("kinds") == []:
        raise UsageError(f"{source} kinds: is empty; leave the key out for all kinds that fit, or name some")
    for kind in values.get("kinds", ()):
        if kind not in kinds:
            near = difflib.get_close_matches(kind, kinds, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"{source} kinds: there is no kind {kind!r}; {hint}the kinds are {', '.join(kinds)}")
    return Entry(name, source, values)


def _known(table: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(keys)}"
            raise UsageError(f"{where} {key}: unknown key; {hint}")


def _typed(value: Any, wanted: str, where: str) -> Any:
    if wanted == TEXTS and isinstance(value, str):
        return [value]
    right = {
        TEXT: isinstance(value, str),
        TEXTS: isinstance(value, list) and all(isinstance(item, str) for item in value),
        WHOLE: isinstance(value, int) and not isinstance(value, bool),
        NUMBER: isinstance(value, (int, float)) and not isinstance(value, bool),
        ANY: isinstance(value, list),
        TABLE: isinstance(value, dict),
        FLAG: isinstance(value, bool),
    }[wanted]
    if not right:
        raise UsageError(f"{where}: must be {wanted}, not {value!r}")
    return value


def load_target(entry: Entry, chosen: Callable[[str, str], Any]) -> Target:
    """Import and compile what an entry names; ``chosen(name, default)`` gives the object to make targets of."""
    values, source = entry.values, entry.source
    path = values["make"]
    maker = chosen(entry.name, path)
    if not (callable(maker) or isinstance(maker, ModuleType)):
        raise UsageError(f"{source} make: {path} is a {type(maker).__name__}; name a class, a function or a module")

    def many(key: str) -> tuple[Expression, ...]:
        return tuple(operation(text, f"{source} {key}[{i}]") for i, text in enumerate(values.get(key, ())))

    def one(key: str) -> Expression | None:
        return operation(values[key], f"{source} {key}") if key in values else None

    setup = many("setup")
    reset = load(values["reset"], f"{source} reset") if "reset" in values else None
    arguments, keywords = values.get("args", []), values.get("kwargs", {})

    def fresh() -> Any:
        if reset is not None:
            reset()
        return maker if isinstance(maker, ModuleType) else maker(*arguments, **keywords)

    def make() -> Any:
        target = fresh()
        for step in setup:
            step(target)
        return target

    fresh.__name__ = getattr(maker, "__name__", "make")
    module = maker.__name__ if isinstance(maker, ModuleType) else maker.__module__
    options = {key: values[key] for key in OPTIONS if key in values}
    options["modules"] = tuple(dict.fromkeys([module, *values.get("modules", ())]))
    invariant = condition(values["invariant"], f"{source} invariant") if "invariant" in values else None
    return Target(
        entry.name, maker, fresh, make, many("call"), many("lazy"), many("cache"), many("update"), one("observe"),
        invariant, one("made"), one("start"), one("stop"), tuple(values.get("exact", ())), values.get("threads", 10),
        tuple(_exception(name, source) for name in values.get("expected", ())), options,
        {key: values[key] for key in CHAOS if key in values},
        values.get("audit", False),
    )  # fmt: skip


def _exception(name: str, source: str) -> type[BaseException]:
    found = load(name, f"{source} expected") if ":" in name else getattr(builtins, name, None)
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        raise UsageError(
            f"{source} expected: {name!r} is no exception; name a built-in one, or package.module:Error"
        )
    return found
