"""A plan: which fault, at which task of the pool, with which seed. It knows no processes."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any

from harness.faults.catalogue import FAULTS, Fault
from harness.model import UsageError

_FORM = re.compile(r"(?P<fault>[a-z0-9-]+)(?:@(?P<task>[0-9]+))?(?:#(?P<seed>[0-9]+))?")
DIGITS = 18
"""The longest number of a plan."""


@dataclass(frozen=True, slots=True, order=True)
class Plan:
    """One fault: its name, the number of the task that it hits (1 is the first of the pool) and a seed.

    Tasks are counted when a worker takes them, over all processes of the pool. The seed chooses what the fault leaves
    open, such as where a message is cut. ``str(plan)`` is the short form that :func:`parse` reads.
    """

    fault: str
    task: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.fault not in FAULTS:
            near = difflib.get_close_matches(self.fault, FAULTS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the faults are {', '.join(FAULTS)}"
            raise UsageError(f"there is no fault {self.fault!r}; {hint}")
        for name in ("task", "seed"):
            value, least = getattr(self, name), int(name == "task")
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise UsageError(f"plan {self.fault}: {name} must be a whole number of at least {least}, not {value!r}")
            if value >= 10**DIGITS:
                raise UsageError(f"plan {self.fault}: {name} must be a number of at most {DIGITS} digits")

    def __str__(self) -> str:
        return f"{self.fault}@{self.task}#{self.seed}"

    @property
    def what(self) -> Fault:
        """The fault itself."""
        return FAULTS[self.fault]

    def to_json(self) -> dict[str, Any]:
        """The plan as a JSON object."""
        return {"fault": self.fault, "task": self.task, "seed": self.seed}

    @classmethod
    def from_json(cls, data: Any) -> Plan:
        """The plan that :meth:`to_json` gave; raises :class:`harness.UsageError` for anything else."""
        if not isinstance(data, dict) or not isinstance(data.get("fault"), str):
            raise UsageError(f'a plan is an object such as {{"fault": "kill-in-body", "task": 3}}, not {data!r}')
        unknown = data.keys() - {"fault", "task", "seed"}
        if unknown:
            raise UsageError(f"a plan has no {', '.join(sorted(unknown))}; it has fault, task and seed")
        return cls(**data)


def parse(text: str) -> Plan:
    """The plan that ``fault@task#seed`` says; task 1 and seed 0 may be left out. Raises :class:`harness.UsageError`."""
    found = _FORM.fullmatch(text.strip())
    if not found:
        raise UsageError(f"a plan is written fault@task#seed, such as kill-in-body@3#0, not {text[:60]!r}")
    for name in ("task", "seed"):
        if len(found[name] or "") > DIGITS:
            raise UsageError(f"plan {found['fault'][:60]}: {name} must be a number of at most {DIGITS} digits")
    return Plan(found["fault"], int(found["task"] or 1), int(found["seed"] or 0))
