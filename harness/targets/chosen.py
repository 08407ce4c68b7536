"""The objects that scenarios run on, chosen by name: `NAME=package.module:Object`. It knows nothing of scenarios."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from harness.model import UsageError

FORM = "NAME=package.module:Object, such as manager=myapp.inference:InferenceManager"


class Targets:
    """The objects that scenarios run on, by name, and which names scenarios asked for."""

    def __init__(self, options: Sequence[str]) -> None:
        self.chosen: dict[str, Any] = {}
        self.asked: set[str] = set()
        for option in options:
            name, equals, path = option.partition("=")
            if not (name and equals and path):
                raise UsageError(f"--target {option}: not of the form {FORM}")
            if name in self.chosen:
                raise UsageError(f"--target {option}: {name} was given before; give each name once")
            self.chosen[name] = load(path, f"--target {option}")

    def __call__(self, name: str, default: str) -> Any:
        """The object chosen for ``name``, else the one at ``default`` ("package.module:Object")."""
        return self.choose(name, default, f"target {name}={default}")

    def choose(self, name: str, default: str, source: str, *, module: bool = False) -> Any:
        """The same; ``source`` says in an error where the default was given, ``module`` that it may name a module."""
        self.asked.add(name)
        return self.chosen[name] if name in self.chosen else load(default, source, module=module)

    def unused(self) -> str:
        """One line on chosen names that no scenario asked for, or nothing.

        A misspelt name would otherwise leave the default in place and the run green.
        """
        spare = sorted(self.chosen.keys() - self.asked)
        if not spare:
            return ""
        asked = ", ".join(sorted(self.asked)) or "none"
        return f"--target {', '.join(spare)}: no scenario that ran asks for it (names asked for: {asked})"


def load(path: str, source: str, *, module: bool = False) -> Any:
    """The object at "package.module:Object"; ``source`` says in the error where the path was given.

    With ``module`` a path without a colon is that of a module.
    """
    module_name, colon, attributes = path.partition(":")
    if not (module_name and ((colon and attributes) or (module and not colon))):
        raise UsageError(f"{source}: not of the form {FORM}")
    try:
        found = import_module(module_name)
    except (Exception, SystemExit) as error:
        cause = f"{type(error).__name__}: {error}".replace("\n", " ")
        raise UsageError(
            f"{source}: importing {module_name} raised {cause}; run where it can be imported, or set PYTHONPATH"
        ) from error
    for attribute in attributes.split(".") if attributes else ():
        if not hasattr(found, attribute):
            near = difflib.get_close_matches(attribute, dir(found), n=1)
            remedy = f"did you mean {near[0]}?" if near else "check the spelling"
            raise UsageError(f"{source}: {module_name} has no {attributes}; {remedy}")
        found = getattr(found, attribute)
    return found
