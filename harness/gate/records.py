"""The gate's JSON lines: slices as they came, verdicts, and the verdict again from the slices alone."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO

from harness.gate.results import Found, GateResult, Judged, Pair, Scenario, Status, conclude
from harness.model import UsageError
from harness.stats.decision import Margins, Rule
from harness.stats.pairs import Slice

FORMAT = 1


class Writer:
    """Writes a line for each thing as it is known; nowhere when there is no file."""

    def __init__(self, out: TextIO | None) -> None:
        self._out = out

    def _line(self, what: str, **data: Any) -> None:
        if self._out is not None:
            self._out.write(json.dumps({"what": what, **data}) + "\n")
            self._out.flush()

    def header(self, rule: Rule) -> None:
        """The rule by which all is judged."""
        margins = {name: asdict(margin) for name, margin in rule.margins.items()}
        self._line(
            "rule", format=FORMAT, margins=margins, benchmarks=rule.benchmarks, alpha=rule.alpha, beta=rule.beta
        )

    def pair(self, found: Found, pair: Pair) -> None:
        """The slices of one pair."""
        self._line(
            "pair", benchmark=asdict(found), seconds=pair.seconds, startup=pair.startup, pss=pair.pss,
            slices=[[part.side, part.wall, part.cpu, part.tasks, part.queued, part.cpus] for part in pair.slices],
        )  # fmt: skip

    def verdict(self, judged: Judged) -> None:
        self._line("verdict", benchmark=asdict(judged.benchmark), status=judged.status, cause=judged.cause,
                   note=judged.note, places=judged.places)  # fmt: skip

    def whole(self, result: GateResult) -> None:
        """The result: a verdict for each benchmark, the scenarios, the end."""
        for judged in result.benchmarks:
            self.verdict(judged)
        for scenario in result.scenarios:
            self._line("scenario", **asdict(scenario))
        self._line("gate", base=result.base, head=result.head, seconds=result.seconds, parts=result.parts,
                   problems=result.problems, undone=result.undone, exit=int(result.exit()))  # fmt: skip


def read_slices(entry: dict[str, Any]) -> Pair:
    """A pair from its line."""
    slices = tuple(Slice(*part) for part in entry["slices"])
    return Pair(slices, entry["seconds"], entry["startup"], entry["pss"])


def recompute(path: Path) -> tuple[GateResult, int]:
    """The result again from the recorded slices, and the exit code that was recorded.

    Raises :class:`UsageError` when the file is none, is cut short, or a stored verdict does not follow from its slices.
    """
    try:
        entries = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return _recomputed(path, entries)
    except OSError as error:
        raise UsageError(f"no record {path}: {error.strerror}; give the file that harness gate --json wrote") from error
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{path} is no record of a gate ({error}): give the file that --json wrote") from error


def _recomputed(path: Path, entries: list[dict[str, Any]]) -> tuple[GateResult, int]:
    rule = Rule.standard(0)
    pairs: dict[Found, list[Pair]] = {}
    said: dict[Found, dict[str, Any]] = {}
    scenarios: list[Scenario] = []
    whole: dict[str, Any] | None = None
    for entry in entries:
        what = entry.pop("what")
        if what == "rule":
            if entry["format"] != FORMAT:
                raise UsageError(f"{path} has format {entry['format']}, not {FORMAT}: run the gate again")
            margins = {name: Margins(**margin) for name, margin in entry["margins"].items()}
            rule = Rule(margins, entry["benchmarks"], entry["alpha"], entry["beta"])
        elif what == "pair":
            pairs.setdefault(Found.read(entry["benchmark"]), []).append(read_slices(entry))
        elif what == "verdict":
            said[Found.read(entry["benchmark"])] = entry
        elif what == "scenario":
            scenarios.append(Scenario(**{**entry, "said": tuple(entry["said"])}))
        elif what == "gate":
            whole = entry
    if whole is None:
        raise UsageError(f"{path} ends before the gate did: there is no verdict to recompute")
    if unsaid := sorted({found.name for found in pairs} - {found.name for found in said}):
        raise UsageError(f"{path}: {unsaid[0]} has slices and no verdict")
    judged = tuple(_again(path, found, stored, pairs.get(found, []), rule) for found, stored in said.items())
    result = GateResult(
        whole["base"], whole["head"], judged, tuple(scenarios), whole["seconds"], tuple(whole["parts"]),
        tuple(whole["problems"]), tuple(whole["undone"]),
    )  # fmt: skip
    return result, whole["exit"]


def _again(path: Path, found: Found, stored: dict[str, Any], pairs: list[Pair], rule: Rule) -> Judged:
    status = Status(stored["status"])
    if status not in (Status.PASS, Status.REGRESSION, Status.INCONCLUSIVE):
        return Judged(found, status, note=stored["note"])
    if not pairs and status is not Status.INCONCLUSIVE:
        raise UsageError(f"{path}: {found.name} is {status} without a recorded slice")
    again = conclude(found, pairs, rule, stored["cause"], stored["note"])
    if again.status is not status:
        raise UsageError(f"{path}: {found.name} was said to be {status}, its slices say {again.status}")
    return replace(again, places=tuple((file, line) for file, line in stored["places"]))
