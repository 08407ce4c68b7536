"""Finds the kinds: each module of this package whose name has no underscore in front is one."""

from __future__ import annotations

import difflib
import pkgutil
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import harness.kinds
from harness.model import UsageError


class KindOfScenario:
    """One kind: its name, its public function, and its form for configured targets if it has one."""

    def __init__(self, name: str, module: ModuleType) -> None:
        self.name = name
        self.function: Callable[..., Any] | None = getattr(module, name, None)
        self._fits: Callable[[Any], str] | None = getattr(module, "fits", None)
        self._configured: Callable[[Any, Any], Any] | None = getattr(module, "configured", None)

    @property
    def configurable(self) -> bool:
        """Whether a target can be configured for it."""
        return self._fits is not None and self._configured is not None

    def fits(self, target: Any) -> str:
        """Why the kind does not fit a target, or nothing."""
        if self._fits is None or self._configured is None:
            return f"{self.name} has no configured form: call harness.kinds.{self.name}.{self.name} in a test"
        return self._fits(target)

    def run(self, target: Any, explore: Callable[..., Any]) -> Any:
        """Run the kind on a target; what it returns has ``raise_if_failed()`` or raised itself."""
        if self._configured is None:
            raise UsageError(self.fits(target))
        return self._configured(target, explore)


def names() -> list[str]:
    """The names of all kinds, sorted; imports none of them."""
    return sorted(info.name for info in pkgutil.iter_modules(harness.kinds.__path__) if not info.name.startswith("_"))


def kind(name: str) -> KindOfScenario:
    """The kind of that name."""
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no kind {name!r}; {hint}the kinds are {', '.join(known)}")
    return KindOfScenario(name, import_module(f"harness.kinds.{name}"))


def kinds(wanted: Sequence[str] | None = None) -> list[KindOfScenario]:
    """The kinds of the given names, or all for which a target can be configured."""
    if wanted is not None:
        return [kind(name) for name in wanted]
    return [known for known in map(kind, names()) if known.configurable]
