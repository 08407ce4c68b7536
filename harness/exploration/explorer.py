"""The loop: profile, prove the small ball, sample, and turn a failure into the smallest witness that replays."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from harness.exploration.arguments import SAMPLES
from harness.exploration.explain import Explainer, Witnessing
from harness.exploration.places import Places, Recording
from harness.exploration.result import Evidence, Exploration, conclude, count_of, failed, inconclusive
from harness.exploration.session import Executed, Session
from harness.exploration.shrink import shrink
from harness.exploration.smaller import PROOF_SIZES, Members, smaller_scripts
from harness.exploration.traces import first_difference, shares, told
from harness.instrument.accesses import WHOLE
from harness.model import CannotExplore, Finding
from harness.oracles import serial
from harness.oracles.explanation import Event, render
from harness.oracles.sharing import conflicting
from harness.runtime.roles import Strategy
from harness.schedule import Decision, Witness
from harness.strategies.faulty import WithFaults
from harness.strategies.in_order import InOrder
from harness.strategies.replay import Replay
from harness.strategies.sampling import sampler
from harness.strategies.systematic import Plan, Systematic

REOPEN_AT_ONCE = 64
NEIGHBOURS = 64
SAMPLING_SHARE = 0.1
"""The part of the seconds that a proof leaves for samples."""
_clock = time.monotonic

Progress = Callable[[int, str], None]


class Found(Exception):
    """A schedule failed: its finding, and how to execute it again."""

    def __init__(self, executed: Executed, members: Members, again: Callable[[], Strategy], sampled: bool) -> None:
        super().__init__()
        self.executed = executed
        self.members = members
        self.again = again
        self.sampled = sampled
        self.search: Systematic | None = None


class OutOfBudget(Exception):
    """The schedules or seconds are used up."""


class Explorer:
    """One exploration inside a session."""

    def __init__(self, session: Session, progress: Progress | None = None) -> None:
        self.session = session
        self.script = session.script
        self.places = Places()
        self.evidence = Evidence(len(self.script.threads), self.script.preemptions)
        self.evidence.notes = session.notes
        self.evidence.faults = self.script.max_faults
        self._began = _clock()
        self._progress = progress
        self._reported = self._began
        self._limit = self.script.schedules
        self._until = self.script.seconds
        self._accesses: Counter[int] = Counter()
        self._points = 0
        self._occasions = 0
        self._stopped = ""

    # -- the outcome ---------------------------------------------------------------------------------------------

    def explore(self) -> Exploration:
        """Search and conclude."""
        try:
            if self.script.replay is not None:
                return self._replay(self.script.replay)
            self._search()
        except Found as found:
            return self._fail(found)
        except CannotExplore as obstacle:
            self.evidence.problem = str(obstacle)
        self.evidence.comparable = self.session.compares
        return conclude(self.evidence, self._seconds())

    def _seconds(self) -> float:
        return _clock() - self._began

    def _search(self) -> None:
        everyone = tuple(range(len(self.script.threads)))
        self.evidence.injectable = tuple(fault.label for fault in self.script.inject)
        small = len(everyone) <= max(PROOF_SIZES)
        reserve = min(self.script.schedules // 10, SAMPLES) if small else 0
        self._limit = self.script.schedules - reserve
        self._until = self.script.seconds and self.script.seconds * (1 - SAMPLING_SHARE)
        try:
            self._establish(everyone)
        except OutOfBudget:
            self.evidence.cut = self._stopped
            return
        if not small:
            self._prove_smaller()
        elif self._prove(everyone):
            return
        self._limit = self.script.schedules
        self._until = self.script.seconds
        self._sample(everyone)

    # -- one schedule --------------------------------------------------------------------------------------------

    def _execute(self, make: Callable[[], Strategy], members: Members, *, sampled: bool = False) -> Executed:
        """Execute one schedule of the budget; raises :class:`Found` when it fails."""
        self._charge()
        strategy = make()
        executed = self.session.execute(strategy, members)
        self._note(executed)
        if executed.finding is not None:
            raise Found(executed, members, make, sampled)
        return executed

    def _charge(self) -> None:
        evidence, script = self.evidence, self.script
        if evidence.schedules >= self._limit:
            self._stopped = f"stopped by the budget of {count_of(script.schedules)}"
            raise OutOfBudget
        if self._until is not None and self._seconds() > self._until:
            self._stopped = f"cut after {script.seconds:g} s"
            raise OutOfBudget
        evidence.schedules += 1
        if self._progress is not None and evidence.schedules % 256 == 0 and _clock() - self._reported > 2.0:
            self._reported = _clock()
            self._progress(evidence.schedules, f"{evidence.schedules:,} schedules, {self._seconds():.0f} s")

    def _note(self, executed: Executed) -> None:
        outcome, evidence = executed.outcome, self.evidence
        if executed.problem:
            evidence.problem = executed.problem
            raise CannotExplore(executed.problem)
        evidence.points = max(evidence.points, outcome.points)
        evidence.effects.update(outcome.effects)
        self._occasions = max(self._occasions, outcome.occasions)
        if not evidence.shared:
            evidence.shared = shares(outcome)
        for site in outcome.held:
            if hasattr(site, "offset"):
                place = self.places.of(site)
                evidence.held.add(f"{os.path.basename(place.file)}:{place.line}")
        for text in outcome.externals:
            if text not in evidence.externals:
                evidence.externals.append(text)

    # -- phases --------------------------------------------------------------------------------------------------

    def _establish(self, members: Members) -> None:
        """The first schedule, twice with the same trace; and the sequential outcomes, where no check was given."""
        first = self._execute(lambda: Plan(()), members)
        self.session.learn(first)
        difference = ""
        for _ in range(2):
            second = self._execute(lambda: Plan(()), members)
            self.session.learn(second)
            difference = first_difference(first, second, self.places)
            if not difference:
                break
            first = second
        if difference:
            raise CannotExplore(
                f"the target is not deterministic: {difference}; seed random numbers, "
                "avoid iteration over sets, or make setup restore what changes"
            )
        self._accesses = Counter(index for index, *_ in first.outcome.log)
        self._points = first.outcome.points
        if self.script.check is None:
            self._sequential_outcomes(members)

    def _sequential_outcomes(self, members: Members) -> None:
        script, session = self.script, self.session
        classes = [script.classes[member] for member in members]
        outcomes: list[Any] = []
        session.serial_outcomes = None
        for order in serial.orders(classes):
            pending = [InOrder(order)]
            while pending:
                strategy = pending.pop()
                executed = self._execute(lambda strategy=strategy: strategy, members)  # type: ignore[misc]
                session.learn(executed)
                pending += strategy.with_faults(order, executed.outcome.choices)
                if executed.observed not in outcomes:
                    outcomes.append(executed.observed)
        session.serial_outcomes = outcomes

    def _prove(self, members: Members) -> bool:
        """Every schedule of ``members`` with at most the bound's preemptions; False if the budget ended before."""
        search = Systematic(self.script.preemptions, self.script.max_faults)
        try:
            while self._pass(search, members):
                search = Systematic(self.script.preemptions, self.script.max_faults)
        except OutOfBudget:
            self.evidence.cut = self._stopped
        if search.exhausted >= 0:
            size = len(members)
            self.evidence.proofs[size] = min(self.evidence.proofs.get(size, search.exhausted), search.exhausted)
        done = search.exhausted >= self.script.preemptions
        self.evidence.total = done and not search.deeper
        return done

    def _pass(self, search: Systematic, members: Members) -> bool:
        """One pass over the ball; True when a new conflict showed and it must be opened again.

        What a pass exhausted counts only if no conflict showed: until then preemptions were left out that matter.
        """
        opened = False
        passed = 0
        while True:
            level = search.level
            plan = search.next()
            if opened and search.level > level:
                return True
            if plan is None:
                return opened
            try:
                executed = self._execute(lambda plan=plan: plan, members)  # type: ignore[misc]
            except OutOfBudget:
                if opened:
                    search.exhausted = -1
                raise
            except Found as found:
                search.learn(plan, found.executed.outcome.choices)
                found.search = search
                raise
            passed += 1
            search.learn(plan, executed.outcome.choices)
            if self.session.learn(executed):
                opened = True
                if passed < REOPEN_AT_ONCE:
                    return True

    def _prove_smaller(self) -> None:
        """The same script with two and three of its threads; skipped where the check does not hold for fewer."""
        parts = list(smaller_scripts(self.script.classes))
        budget = self.script.schedules
        reserve = min(budget // 2, SAMPLES)
        everyone = tuple(range(len(self.script.threads)))
        unproved: set[int] = set()
        for position, members in enumerate(parts):
            left = budget - reserve - self.evidence.schedules
            self._limit = self.evidence.schedules + max(left // (len(parts) - position), 1)
            before = self.evidence.proofs.pop(len(members), None)
            try:
                if not self._holds(members):
                    unproved.update(PROOF_SIZES)
                    self.evidence.cut = (
                        f"no proof with fewer threads: the check does not hold for {len(members)} of them "
                        "run one after another"
                    )
                    break
                self._prove(members)
            except OutOfBudget:
                pass
            proved = self.evidence.proofs.get(len(members))
            if proved is None:
                unproved.add(len(members))
            elif before is not None:
                self.evidence.proofs[len(members)] = min(before, proved)
        for size in unproved:
            self.evidence.proofs.pop(size, None)
        if self.script.check is None:
            self._limit = self.evidence.schedules + serial.LIMIT
            self._sequential_outcomes(everyone)

    def _holds(self, members: Members) -> bool:
        """Whether the script with only ``members`` is right when they run one after another."""
        if self.script.check is None:
            self._sequential_outcomes(members)
            return True
        self._charge()
        first = self.session.execute(Plan(()), members)
        self.session.learn(first)
        return first.finding is None and not first.problem

    def _sample(self, members: Members) -> None:
        script, evidence = self.script, self.evidence
        accesses = dict(self._accesses)
        for number in range(SAMPLES):

            def make(number: int = number) -> Strategy:
                inner = sampler(script.seed, number, self._points, accesses)
                if not script.max_faults:
                    return inner
                rng = random.Random(f"{script.seed}:{number}:faults")
                return WithFaults(inner, rng, self._occasions, script.max_faults)

            try:
                executed = self._execute(make, members, sampled=True)
            except OutOfBudget:
                if not evidence.cut:
                    evidence.cut = self._stopped
                break
            evidence.sampled += 1
            self.session.learn(executed)

    # -- failures ------------------------------------------------------------------------------------------------

    def _fail(self, found: Found) -> Exploration:
        finding = found.executed.finding
        assert finding is not None
        decisions, again, _ = self._recorded(found.again(), found.members)
        if not again.shows(finding.kind):
            return inconclusive(
                self.evidence,
                f"a failure was seen once and did not repeat ({finding.kind}: {finding.message}): "
                f"{again.problem or 'the target is not deterministic'}",
                self._seconds(),
            )
        if found.search is not None and any(decision.fault for decision in decisions):
            simpler = self._without_faults(found.members)
            if simpler is not None:
                return self._fail(simpler)
        if found.search is not None and not all(decision.gil for decision in decisions):
            decisions = self._on_every_build(found.search, found.members, finding) or decisions
        if found.sampled:
            decisions = shrink(decisions, lambda kept: self._tried(kept, found.members, finding))
        return self._witnessed(decisions, found.members, finding)

    def _without_faults(self, members: Members) -> Found | None:
        """A failure without any fault within the bound and what is left of the budget."""
        before = self.evidence.schedules
        try:
            while self._pass(Systematic(self.script.preemptions), members):
                pass
        except (OutOfBudget, CannotExplore):
            pass
        except Found as found:
            return found
        self.evidence.schedules = before
        return None

    def _on_every_build(self, search: Systematic, members: Members, wanted: Finding) -> tuple[Decision, ...]:
        """A failure of the same kind with as few preemptions that builds with a GIL can show too, if one is near."""
        level = search.level
        for _ in range(NEIGHBOURS):
            plan = search.next()
            if plan is None or search.level > level:
                break
            try:
                executed = self._execute(lambda plan=plan: plan, members)  # type: ignore[misc]
            except (OutOfBudget, CannotExplore):
                break
            except Found as found:
                executed = found.executed
                if executed.finding is not None and executed.finding.kind == wanted.kind:
                    decisions, again, _ = self._recorded(found.again(), members)
                    if again.shows(wanted.kind) and all(one.gil for one in decisions):
                        return decisions
            search.learn(plan, executed.outcome.choices)
        return ()

    def _tried(self, decisions: tuple[Decision, ...], members: Members, wanted: Finding) -> Any:
        """The decisions actually taken when following ``decisions`` loosely, if the failure is still there."""
        taken, executed, _ = self._recorded(Replay(decisions, self.places.of, lax=True), members)
        return taken if executed.shows(wanted.kind) else None

    def _recorded(self, strategy: Any, members: Members) -> tuple[tuple[Decision, ...], Executed, list[Event]]:
        """Execute one schedule while recording its decisions and what its threads read and wrote."""
        recording = Recording(strategy, self.places, self.session.scope)
        explainer = Explainer(self.places)
        self.session.observer = Witnessing(recording, explainer)
        try:
            executed = self.session.execute(recording, members)
        finally:
            self.session.observer = None
        log = executed.outcome.log
        shared = conflicting(log, {entry[1] for entry in log}, WHOLE)
        return recording.decisions(shared), executed, explainer.finish(shared)

    def _witnessed(self, decisions: tuple[Decision, ...], members: Members, finding: Finding) -> Exploration:
        """Replay the record once more, strictly, and explain what it shows."""
        replay = Replay(decisions, self.places.of)
        _, executed, events = self._recorded(replay, members)
        again, outcome = executed.finding, executed.outcome
        if again is None or again.kind != finding.kind:
            return inconclusive(
                self.evidence,
                f"the witness of a failure did not replay ({finding.kind}: {finding.message}; "
                f"{replay.finish() or 'all decisions were followed'}): "
                f"{executed.problem or 'the target is not deterministic'}",
                self._seconds(),
            )
        names = outcome.names
        witness = Witness(
            decisions,
            tuple(names),
            members,
            str(again.kind),
            again.message,
            "any" if self.script.early_timeouts else "virtual",
        )
        again = told(again, witness, outcome)
        explanation = render(again, witness, events, names)
        return failed(again, witness, explanation, self.evidence, self._seconds())

    def _replay(self, witness: Witness) -> Exploration:
        """Follow a record instead of exploring."""
        if any(member >= len(self.script.threads) for member in witness.script):
            raise CannotExplore(
                f"the record needs thread {max(witness.script) + 1}, the script has {len(self.script.threads)}"
            )
        unknown = set(witness.faults) - {fault.label for fault in self.script.inject}
        if unknown:
            raise CannotExplore(f"the record injects {min(unknown)}, which inject= does not name: explore again")
        if self.script.check is None:
            self._limit = max(self._limit, serial.LIMIT)
            self._sequential_outcomes(witness.script)
        replay = Replay(witness.decisions, self.places.of)
        self.evidence.schedules += 1
        decisions, executed, events = self._recorded(replay, witness.script)
        finding, outcome, diverged = executed.finding, executed.outcome, replay.finish()
        if executed.problem:
            return inconclusive(self.evidence, executed.problem, self._seconds())
        if finding is not None:
            again = Witness(decisions, tuple(outcome.names), witness.script, str(finding.kind), finding.message)
            finding = told(finding, again, outcome)
            text = render(finding, again, events, outcome.names)
            return failed(finding, again, text, self.evidence, self._seconds())
        if diverged:
            return inconclusive(
                self.evidence, f"the record no longer fits the code: {diverged}; explore again", self._seconds()
            )
        self.evidence.points = outcome.points
        self.evidence.shared = True
        self.evidence.sampled = 1
        self.evidence.cut = "the recorded schedule was replayed and did not fail"
        return conclude(self.evidence, self._seconds())
