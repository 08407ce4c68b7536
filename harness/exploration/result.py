"""What an exploration concluded, and the one function that may conclude PASS."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from harness.model import ConcurrencyFailure, Finding, InconclusiveError, Kind, Verdict
from harness.schedule import Witness


@dataclass(frozen=True, slots=True)
class Failure:
    """A judged failure with the schedule that shows it.

    ``explanation`` is the report: the sentence that names the conflict, then one column per thread.
    """

    kind: Kind
    message: str
    witness: Witness
    explanation: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Exploration:
    """The result of :func:`harness.explore`.

    ``schedules`` counts executed schedules; ``proved`` is the largest number of preemptions up to which all schedules
    were executed without a failure, or None; ``reason`` says in one line what was found, proved or missing;
    ``notes`` lists what else a reader must know (state restored, what stayed real, threads lost).
    """

    verdict: Verdict
    failure: Failure | None
    schedules: int
    proved: int | None
    reason: str
    seconds: float
    notes: tuple[str, ...] = ()

    def raise_if_failed(self) -> Exploration:
        """Return self on PASS; raise ``ConcurrencyFailure`` on FAIL and ``InconclusiveError`` on INCONCLUSIVE."""
        if self.failure is not None:
            raise ConcurrencyFailure(self.failure.explanation or self.reason)
        if self.verdict is not Verdict.PASS:
            raise InconclusiveError(f"inconclusive: {self.reason}")
        return self

    def __str__(self) -> str:
        return f"{self.verdict.name}: {self.reason}"


@dataclass(slots=True)
class Evidence:
    """What was executed, from which the verdict follows."""

    threads: int
    bound: int
    schedules: int = 0
    points: int = 0
    shared: bool = False
    comparable: bool = True
    proofs: dict[int, int] = field(default_factory=dict)
    """Threads of the script -> preemptions up to which all of its schedules were executed."""
    total: bool = False
    """Whether there is no schedule with more preemptions than were executed."""
    sampled: int = 0
    cut: str = ""
    externals: list[str] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    """Lines of the target at which no preemption was tried: they run inside what called them back."""
    problem: str = ""
    faults: int = 0
    """The most faults that are injected into a schedule."""
    injectable: tuple[str, ...] = ()
    """The faults of which each must have been injected, and have made a difference, in some schedule."""
    effects: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def failed(finding: Finding, witness: Witness, explanation: str, evidence: Evidence, seconds: float) -> Exploration:
    """FAIL: one schedule, executed twice with the same result, broke the target."""
    failure = Failure(finding.kind, finding.message, witness, explanation)
    count = evidence.schedules
    script = len(witness.script)
    among = f" with {script} of the {evidence.threads} threads" if script < evidence.threads else ""
    effort = _preemptions(witness.preemptions) + (f" and {faults_of(len(witness.faults))}" if witness.faults else "")
    reason = f"{finding.kind} in schedule {count:,} with {effort}{among}: {finding.message}"
    return Exploration(Verdict.FAIL, failure, count, None, reason, seconds, tuple(evidence.notes))


def _preemptions(count: int) -> str:
    return f"{count} preemption{'' if count == 1 else 's'}"


def faults_of(count: int) -> str:
    """A number of injected faults in words."""
    return f"{count} fault{'' if count == 1 else 's'}"


def count_of(count: int) -> str:
    """A number of schedules in words."""
    return f"{count:,} schedule{'' if count == 1 else 's'}"


def inconclusive(evidence: Evidence, reason: str, seconds: float) -> Exploration:
    """INCONCLUSIVE, with its reason."""
    return Exploration(
        Verdict.INCONCLUSIVE, None, evidence.schedules, None, reason, seconds, tuple(evidence.notes)
    )


def conclude(evidence: Evidence, seconds: float) -> Exploration:
    """The verdict of an exploration that found no failure. The only place that produces PASS."""
    obstacle = _obstacle(evidence)
    if obstacle:
        return inconclusive(evidence, obstacle, seconds)
    claims = []
    proved = evidence.proofs.get(evidence.threads) if evidence.threads <= 3 else _common(evidence.proofs)
    if evidence.threads <= 3:
        if proved is not None and evidence.total and not evidence.held:
            bound = f" with at most {faults_of(evidence.faults)}" if evidence.faults else ""
            claims.append(f"proved: no failure in any schedule{bound}, all {evidence.schedules:,} of them")
        elif proved is not None:
            claims.append(
                f"proved: no failure in all {evidence.schedules - evidence.sampled:,} schedules "
                f"with at most {_bound(evidence, proved)}"
            )
        if evidence.sampled:
            claims.append(f"sampled {count_of(evidence.sampled)} at {evidence.threads}")
    else:
        if proved is not None:
            largest = max(evidence.proofs)
            claims.append(f"proved at {largest} threads with at most {_bound(evidence, proved)}")
        claims.append(f"sampled {count_of(evidence.sampled)} at {evidence.threads}")
    if evidence.held:
        claims.append(f"not preempted inside callbacks and destructors at {', '.join(sorted(evidence.held))}")
    if evidence.injectable and not evidence.faults:
        claims.append("no fault was injected: max_faults=0")
    if evidence.cut:
        claims.append(evidence.cut)
    if proved is None:
        claims.insert(0, "no failure, nothing proved")
    return Exploration(
        Verdict.PASS, None, evidence.schedules, proved, "; ".join(claims), seconds, tuple(evidence.notes)
    )


def _bound(evidence: Evidence, preemptions: int) -> str:
    return _preemptions(preemptions) + (f" and {faults_of(evidence.faults)}" if evidence.faults else "")


def _common(proofs: dict[int, int]) -> int | None:
    return min(proofs.values()) if proofs else None


def _obstacle(evidence: Evidence) -> str:
    """Why nothing may be concluded, or an empty string."""
    if evidence.problem:
        return evidence.problem
    if not evidence.schedules:
        cut = f"{evidence.cut}: " if evidence.cut else ""
        return f"{cut}no schedule was executed: raise schedules= or seconds="
    if evidence.externals:
        return f"a thread blocked outside the harness's control ({evidence.externals[0]}): no proof is possible"
    if not evidence.points:
        return (
            "no yield point was reached: the threads ran no code of the interleaved modules; "
            "name the target's module in modules="
        )
    if not evidence.shared:
        return "fewer than two threads touched shared state: nothing could be interleaved; check what the threads do"
    if not evidence.comparable:
        return "nothing to judge by: no check, no observe, and no thread returned anything comparable"
    never = [label for label in evidence.injectable if not evidence.effects[label]]
    if never and evidence.faults:
        return (
            f"never injected: {', '.join(never)}: no schedule came there; let a thread call it, or wait there with a "
            "time-out, or leave it out of inject="
        )
    if not evidence.proofs and not evidence.sampled:
        return f"{evidence.cut or 'the budget ended'} before anything was proved or sampled: raise schedules="
    return ""
