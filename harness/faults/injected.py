"""The task as a worker gets it: it tells the ledger how far it is, and strikes if it is the one that the plan names.

Workers import this module, so it imports nothing else of the harness but plans, fingerprints and the ledger.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.faults.acts import HUGE, act, cut_the_next_message
from harness.faults.catalogue import Stage, Where
from harness.faults.fingerprint import digest
from harness.faults.ledger import Ledger
from harness.faults.plan import Plan, parse
from harness.oracles.survival import ANY

HIT_ALL = ("exhausted-pool", "submit-inside")
"""These strike every task from the one of the plan on."""


def named(path: str) -> Any:
    """The object that ``package.module:name`` names."""
    module, _, name = path.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def square(number: int) -> int:
    """The body of a task unless another is named."""
    return number * number


class _Missing:
    """Cannot be loaded where it arrives."""

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        return importlib.import_module, ("module_that_only_the_parent_has",)


def unimportable() -> Any:
    """An argument whose module a worker does not have."""
    return _Missing()


@dataclass(frozen=True, slots=True)
class Injected:
    """One task: `body` is ``package.module:function`` and is called with the number in the name of the task.

    Tasks named t... count towards the trigger of the plan; w... and p... wait until all their kind are there.
    """

    folder: str
    plan: str
    task: str
    body: str

    def __call__(self, *_: Any) -> Any:
        ledger, plan = Ledger(self.folder), parse(self.plan)
        number = ledger.ticket() if self.task.startswith("t") else 0
        ledger.write("taken", self.task, number)
        hit = number == plan.task or (number > plan.task and plan.fault in HIT_ALL)
        if hit:
            ledger.await_mark("go")
        if not self.task.startswith("t"):
            ledger.await_mark(f"all-{self.task[0]}")
        elif number != plan.task and self._is_held(ledger, plan):
            ledger.await_mark("release")
        if hit and plan.what.stage is Stage.BEFORE:
            self._strike(ledger, plan)
        ledger.write("started", self.task)
        try:
            if hit and plan.what.stage in (Stage.BODY, Stage.START):
                self._strike(ledger, plan)
            value = named(self.body)(int(self.task[1:]))
        except BaseException as error:
            ledger.write("raised", self.task, text=type(error).__name__)
            raise
        if hit and plan.fault == "huge-result":
            value = (value, bytes(HUGE))
        ledger.write("finished", self.task, text=digest(value))
        if hit and plan.what.stage in (Stage.AFTER, Stage.RESULT):
            self._strike(ledger, plan)
            if plan.fault == "unpicklable-result":
                ledger.write("raised", self.task, text=ANY)
                return threading.Lock()
        return value

    def _is_held(self, ledger: Ledger, plan: Plan) -> bool:
        """Whether the task comes after the one that is hit, and what becomes of that is not known yet."""
        return ledger.marked("hold") and self.task != f"t{plan.task}" and plan.fault not in HIT_ALL

    def _strike(self, ledger: Ledger, plan: Plan) -> None:
        if plan.what.where == {Where.PROCESS} and os.getpid() == ledger.read()[0].pid:
            ledger.write("misplaced", self.task)  # it would strike the process that submits
            return
        if plan.what.stage is Stage.RESULT:
            cut_the_next_message(plan.seed, lambda: ledger.write("fault", self.task, text=str(plan)))
            return
        ledger.write("fault", self.task, text=str(plan))
        if plan.fault == "exhausted-pool":
            ledger.await_mark("release")
        act(plan.fault, plan.seed, self.folder)
