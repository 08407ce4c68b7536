"""The study's figures, computed from its stored gates. Pure."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from itertools import pairwise

from benchmarks.gate_study.cases import CASES, Case
from benchmarks.gate_study.record import Gate
from harness.gate.results import Status
from harness.stats.decision import Outcome, Rule
from harness.stats.pairs import bootstrap_gate, ratio
from harness.stats.rates import binomial_interval

BOOTSTRAP_GATES = 2000
MOST_PAIRS = 60
THRESHOLD = 1.10


def share(count: int, trials: int) -> str:
    """As in ``0 of 20 (0.0 % to 13.9 %)``, with the 95 % interval."""
    if not trials:
        return "none yet"
    low, high = binomial_interval(count, trials)
    return f"{count} of {trials} ({low:.1%} to {high:.1%})"


def alarmed(gate: Gate) -> bool:
    """Whether any benchmark of the gate is a regression."""
    return any(judged.status is Status.REGRESSION for judged in gate.judged().values())


def undecided(gate: Gate) -> bool:
    """Whether any benchmark has no verdict."""
    return any(judged.status is Status.INCONCLUSIVE for judged in gate.judged().values())


def bootstrap(gates: Sequence[Gate], count: int = BOOTSTRAP_GATES) -> tuple[int, int]:
    """False alarms among gates whose pairs are drawn from those of identical commits; how many gates."""
    names = sorted({name for gate in gates for name in gate.pairs})
    recorded = [
        [
            {channel: ratio(pair.slices, channel) for channel in ("cost", "parallelism")}
            for gate in gates
            for pair in gate.pairs.get(name, ())
        ]
        for name in names
    ]
    if not names:
        return 0, 0
    generator = random.Random(1)
    rule = Rule.standard(len(names))
    alarms = sum(
        Outcome.REGRESSION in bootstrap_gate(recorded, rule, generator, MOST_PAIRS)[0] for _ in range(count)
    )
    return alarms, count


def threshold_alarms(gates: Sequence[Gate]) -> tuple[int, int]:
    """What ``--benchmark-compare-fail=mean:10%`` would have said: the mean wall time of head against that of base
    as it was stored in the gate before, for each benchmark; alarms and comparisons."""
    alarms = trials = 0
    for stored, now in pairwise(gates):
        for name in now.pairs:
            if name in stored.pairs:
                trials += 1
                alarms += _mean(now, name, "head") > THRESHOLD * _mean(stored, name, "base")
    return alarms, trials


def _mean(gate: Gate, name: str, side: str) -> float:
    return statistics.fmean(
        part.wall / part.tasks for pair in gate.pairs[name] for part in pair.slices if part.side == side
    )


def _identical(case: Case, gates: Sequence[Gate]) -> str:
    seconds = [judged.seconds for gate in gates for judged in gate.judged().values()]
    alarms, resampled = bootstrap(gates)
    middle = f"{statistics.median(seconds):.1f}" if seconds else "-"
    return (
        f"| {case.name} | {share(sum(map(alarmed, gates)), len(gates))} | {sum(map(undecided, gates))} | "
        f"{share(alarms, resampled)} | {share(*threshold_alarms(gates))} | {middle} |"
    )


def _changed(case: Case, gates: Sequence[Gate]) -> str:
    seconds = [judged.seconds for gate in gates for judged in gate.judged().values()]
    named = sum(any(case.cause in cause for cause in gate.causes.values()) for gate in gates)
    middle = f"{statistics.median(seconds):.1f}" if seconds else "-"
    return (
        f"| {case.change} | {share(sum(map(alarmed, gates)), len(gates))} | {named} x {case.cause} | "
        f"{share(*threshold_alarms(gates))} | {middle} |"
    )


def table(gates: Sequence[Gate]) -> str:
    """The document."""
    of = {case: [gate for gate in gates if gate.case == case.name] for case in CASES}
    same = [gate for case in CASES if case.identical for gate in of[case]]
    machines = sorted({gate.machine for gate in gates})
    return "\n".join(
        [
            "# What the gate says of commits that are known",
            "",
            f"{len(gates)} real gates ({'; '.join(machines)}); intervals hold with 95 % confidence. Written by",
            "`make gate-study` from `gate-study.jsonl.gz`. The column `threshold` says what a stored baseline",
            "(`--benchmark-compare-fail=mean:10%`) would have said of the same slices, benchmark by benchmark.",
            "",
            "## Identical commits, three benchmarks: false alarms",
            "",
            "| machine | real gates | undecided | resampled gates | threshold | median s a benchmark |",
            "|---|---|---|---|---|---|",
            *(_identical(case, of[case]) for case in CASES if case.identical),
            "",
            f"Together: {share(sum(map(alarmed, same)), len(same))}.",
            "",
            "## Changed commits: found, and the cause named",
            "",
            "| change | found | cause named | threshold | median s a benchmark |",
            "|---|---|---|---|---|",
            *(_changed(case, of[case]) for case in CASES if not case.identical),
            "",
        ]
    )
