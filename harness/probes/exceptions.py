"""Every exception class of a package, round-tripped: one that dumps and does not load breaks a whole process pool.

Classes are instantiated from their signature, in the sandbox. It judges the trip, not what the class means.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import types
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from harness.probes import load, sandbox
from harness.probes.candidates import reduce_sources
from harness.probes.fresh_child import apply_patches, describe_error
from harness.probes.origins import definition
from harness.probes.picklers import flavor
from harness.probes.sandbox import Page
from harness.probes.state import Record, describe

_LIMITS = sandbox.Limits(stuck=5.0, total=60.0)
_SAMPLES: dict[Any, Any] = {"int": 1, "str": "text", "float": 1.0, "bool": True, "bytes": b"x", "list": [], "dict": {}}


@dataclass(frozen=True, slots=True)
class ExceptionFinding:
    """One class that does not make the trip: where, what it was made with, why, and a ``__reduce__`` that passed."""

    name: str
    where: str | None
    made_with: str
    error: str
    fix: str = ""


@dataclass(frozen=True)
class ExceptionsReport:
    """All exception classes of a package: those that pass, fail, or could not be made or imported."""

    package: str
    passed: tuple[str, ...]
    failed: tuple[ExceptionFinding, ...]
    not_made: tuple[str, ...]
    not_imported: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every class that could be made makes the trip."""
        return not self.failed

    def __str__(self) -> str:
        lines = [f"{self.package}: {len(self.passed)} exception classes make the trip, {len(self.failed)} do not"]
        for finding in self.failed:
            lines.append(f"  {finding.name}{finding.made_with} [{finding.where or '?'}]: {finding.error}")
            lines += [f"      {line}" for line in finding.fix.splitlines()]
        lines += [f"  not made from its signature: {name}" for name in self.not_made]
        lines += [f"  not imported: {name}" for name in self.not_imported]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Made:
    name: str
    module: str
    qualname: str
    where: str | None
    made_with: str
    payload: bytes | None
    error: str
    records: dict[str, Record] = field(default_factory=dict)
    fixes: tuple[tuple[str, bytes], ...] = ()


def probe_exceptions(package: str, *, timeout: float = 30.0) -> ExceptionsReport:
    """Round-trip every exception class that ``package`` and its submodules define.

    Raises:
        ValueError: the package cannot be imported.

    Source: python/cpython#120810; an exception with required ``__init__`` arguments breaks ProcessPoolExecutor and
    hangs ``multiprocessing.Pool``.
    """
    load.refuse_reentry()
    try:
        root = importlib.import_module(package)
    except ImportError as error:
        raise ValueError(f"cannot import {package!r}: {error}") from None
    modules, not_imported = _modules(root)
    classes = list(_classes(package, modules))
    with sandbox.run(lambda page: [_make(cls, page) for cls in classes], _LIMITS) as outcome:
        made: list[_Made] = outcome.value or []
    failures = _trip([(item, item.payload) for item in made if item.payload is not None], timeout)
    failures.update({item.name: item.error for item in made if item.error})
    not_made = tuple(item.name for item in made if item.payload is None and not item.error)
    failed = tuple(_finding(item, failures[item.name], timeout) for item in made if item.name in failures)
    passed = tuple(item.name for item in made if item.name not in failures and item.name not in not_made)
    return ExceptionsReport(package, passed, failed, not_made, tuple(not_imported))


def _modules(root: types.ModuleType) -> tuple[list[types.ModuleType], list[str]]:
    found = [root]
    failed: list[str] = []
    for info in pkgutil.walk_packages(getattr(root, "__path__", ()), f"{root.__name__}.", onerror=failed.append):
        if info.name.rpartition(".")[2] == "__main__":
            continue
        try:
            found.append(importlib.import_module(info.name))
        except BaseException as error:  # optional parts of a package may raise anything at import
            failed.append(f"{info.name} ({describe_error(error)[:80]})")
    return found, list(dict.fromkeys(failed))


def _classes(package: str, modules: list[types.ModuleType]) -> Iterator[type[BaseException]]:
    seen: set[type] = set()
    for module in modules:
        for value in list(vars(module).values()):
            if not isinstance(value, type) or not issubclass(value, BaseException) or value in seen:
                continue
            if (value.__module__ or "").partition(".")[0] == package.partition(".")[0]:
                seen.add(value)
                yield value


def _make(cls: type[BaseException], page: Page) -> _Made:
    page.enter()
    name = f"{cls.__module__}.{cls.__qualname__}"
    place = definition(cls)
    where = str(place) if place else None
    for args, kwargs in _arguments(cls):
        try:
            error = cls(*args, **kwargs)
        except Exception:
            continue
        shown = ", ".join([*map(repr, args), *(f"{key}={value!r}" for key, value in kwargs.items())])
        blank = _Made(name, cls.__module__, cls.__qualname__, where, f"({shown})", None, "")
        try:
            payload = flavor("process-pool").dumps(error)
        except Exception as failure:
            return replace(blank, error=describe_error(failure))
        return replace(blank, payload=payload, records=describe(error, "error")[0], fixes=_fixes(error))
    return _Made(name, cls.__module__, cls.__qualname__, where, "", None, "")


def _fixes(error: BaseException) -> tuple[tuple[str, bytes], ...]:
    """Return ``__reduce__`` candidates with the payload that each gives. Patches the class in the forked copy."""
    cls = type(error)
    if "<locals>" in cls.__qualname__:
        return ()
    own = cls.__dict__.get("__reduce__")
    found = []
    for source in reduce_sources(error):
        try:
            apply_patches([(cls.__module__, cls.__qualname__, source)])
            found.append((source, flavor("process-pool").dumps(error)))
        except Exception:
            continue
        finally:
            _restore(cls, own)
    return tuple(found)


def _restore(cls: type, own: Any) -> None:
    if own is not None:
        cls.__reduce__ = own  # type: ignore[method-assign]
    elif "__reduce__" in cls.__dict__:
        del cls.__reduce__


def _arguments(cls: type[BaseException]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    try:
        parameters = [p for p in inspect.signature(cls).parameters.values() if p.default is p.empty]
    except (TypeError, ValueError):
        parameters = []
    fills: tuple[Any, ...] = (
        None, "text", 1, ValueError("inner"), [], types.SimpleNamespace(stderr=b"", returncode=1),
    )  # fmt: skip
    for fill in fills:
        positional = [_sample(p, fill) for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        words = {p.name: _sample(p, fill) for p in parameters if p.kind is p.KEYWORD_ONLY}
        yield positional, words
    yield ["text"], {}
    yield [], {}


def _sample(parameter: inspect.Parameter, fill: Any) -> Any:
    if fill is not None:
        return fill
    annotation = parameter.annotation
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return _SAMPLES.get(str(name).partition("[")[0].partition(" ")[0], "text")


def _trip(items: list[tuple[_Made, bytes]], timeout: float, patches: tuple[Any, ...] = ()) -> dict[str, str]:
    """Load each payload in fresh processes and return the errors by name; one that hangs or kills is stepped over."""
    failures: dict[str, str] = {}
    while items:
        message = {
            "payloads": [payload for _, payload in items], "records": [made.records for made, _ in items],
            "all": True, "patches": patches,
        }  # fmt: skip
        loaded = load.check(message, "spawn", timeout)
        if loaded.answer is not None and "failures" in loaded.answer:
            failures.update({items[index][0].name: text for index, text in loaded.answer["failures"].items()})
            return failures
        if loaded.index is None:
            return {**failures, **{made.name: loaded.error for made, _ in items}}
        failures[items[loaded.index][0].name] = loaded.error
        items = items[loaded.index + 1 :]
    return failures


def _finding(made: _Made, error: str, timeout: float) -> ExceptionFinding:
    for source, payload in made.fixes:
        patches = ((made.module, made.qualname, source),)
        if not _trip([(made, payload)], timeout, patches):
            return ExceptionFinding(made.name, made.where, made.made_with, error, source)
    return ExceptionFinding(made.name, made.where, made.made_with, error)
