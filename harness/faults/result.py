"""The result of chaos: a verdict over all plans, with a report of the first that failed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from harness.faults.case import BODY, Case
from harness.faults.plan import Plan, parse
from harness.faults.runner import CaseResult
from harness.model import ConcurrencyFailure, Finding, InconclusiveError, Verdict
from harness.oracles.survival import ANSWERS, ANY, Record


@dataclass(frozen=True, slots=True)
class Judged:
    """One plan: what the case showed and what that breaks; `reason` says why it shows nothing, if so."""

    plan: Plan
    result: CaseResult | None
    findings: tuple[Finding, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Chaos:
    """The result of :func:`harness.survives`, one entry of `cases` for each plan."""

    target: str
    cases: tuple[Judged, ...]
    replay: str = ""
    """The command that runs the first plan that failed."""

    @property
    def verdict(self) -> Verdict:
        """PASS: every plan struck and nothing was broken."""
        if any(case.findings for case in self.cases):
            return Verdict.FAIL
        return Verdict.INCONCLUSIVE if not self.cases or any(case.reason for case in self.cases) else Verdict.PASS

    @property
    def failure(self) -> Finding | None:
        """The worst of the first plan that failed."""
        return next((case.findings[0] for case in self.cases if case.findings), None)

    @property
    def reason(self) -> str:
        """One line: what was found, shown, or kept it from a conclusion."""
        failed = [case for case in self.cases if case.findings]
        if failed:
            return f"{failed[0].plan}: {failed[0].findings[0].message} ({len(failed)} of {len(self.cases)} plans fail)"
        unclear = [case.reason for case in self.cases if case.reason]
        if unclear:
            return unclear[0]
        if not self.cases:
            return "no fault applies to this pool; name some with faults="
        tasks = sum(len(case.result.seen.submitted) for case in self.cases if case.result)
        plans = f"{len(self.cases)} plan{'s' if len(self.cases) > 1 else ''}"
        return f"survives {plans} with {tasks} tasks: {', '.join(str(case.plan) for case in self.cases)}"

    def raise_if_failed(self) -> Chaos:
        """Return self on PASS; else raise ConcurrencyFailure or InconclusiveError with the report."""
        __tracebackhide__ = True
        if self.verdict is Verdict.FAIL:
            raise ConcurrencyFailure(str(self))
        if self.verdict is Verdict.INCONCLUSIVE:
            raise InconclusiveError(f"INCONCLUSIVE: {self.target}: {self.reason}")
        return self

    def __str__(self) -> str:
        if self.verdict is not Verdict.FAIL:
            return f"{self.verdict.name}: {self.reason}"
        first = next(case for case in self.cases if case.findings)
        lines = [f"{found.kind}: {found.message}" for found in first.findings]
        lines.append(f"Plan {first.plan}: {first.plan.what.summary}.")
        if first.result is not None:
            lines += ["", *fates(first.result.records)]
        others = [str(case.plan) for case in self.cases if case.findings][1:]
        if others:
            lines += ["", f"Fail too: {', '.join(others)}"]
        return "\n".join([*lines, "", f"replay: {self.replay}"])


def fates(records: Sequence[Record]) -> list[str]:
    """A line for each task: how far it came, how often, and what its caller got."""
    lines = []
    for task in dict.fromkeys(r.task for r in records if r.event == "submitted" and r.task.startswith("t")):
        steps: list[str] = []
        seen: set[str] = set()
        for record in records:
            if record.task != task:
                continue
            if record.event in ("started", "finished"):
                steps.append(f"{record.event} again" if record.event in seen else record.event)
                seen.add(record.event)
            elif record.event == "fault":
                steps.append(f"HIT by {parse(record.text).fault}")
            elif record.event in ("error", "broken", "refused", "raised"):
                error = record.text.partition(":")[0]
                if error != ANY:
                    steps.append(f"{'caller got' if record.event in ANSWERS else 'raised'} {error}")
            elif record.event == "result":
                steps.append("caller got its result")
            elif record.event == "gave-up":
                steps.append("caller waits for ever")
        lines.append(f"{task:>4}  " + ", ".join(steps or ["never began"]))
    return lines


def command(case: Case, delivery: str) -> str:
    """The command that runs a case again."""
    words = ["harness", "chaos", case.target, "--plan", case.plan, "--delivery", delivery]
    for name, default in (("submit", "submit"), ("close", ""), ("body", BODY),
                          ("check", ""), ("tasks", 8), ("workers", 2), ("patience", 1.5)):  # fmt: skip
        value = getattr(case, name)
        if value != default:
            words += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)
