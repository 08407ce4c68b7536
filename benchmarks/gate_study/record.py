"""The study's gates as they are stored: one compressed JSON line each, slices included."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.gate.results import Found, Judged, Pair, conclude
from harness.stats.decision import Rule
from harness.stats.pairs import Slice

STORED = Path(__file__).parents[1] / "results" / "gate-study.jsonl.gz"


@dataclass(frozen=True)
class Gate:
    """One gate of the study: its pairs by benchmark and the causes that it named."""

    case: str
    seed: int
    machine: str
    pairs: dict[str, tuple[Pair, ...]]
    causes: dict[str, str]

    def judged(self) -> dict[str, Judged]:
        """The verdicts, again from the slices."""
        rule = Rule.standard(len(self.pairs))
        return {name: conclude(Found("marked", name), pairs, rule) for name, pairs in self.pairs.items()}

    def to_json(self) -> dict[str, Any]:
        """Seconds with six digits."""
        return {
            "case": self.case, "seed": self.seed, "machine": self.machine, "causes": self.causes,
            "pairs": {name: [[round(pair.seconds, 3), [_short(part) for part in pair.slices]] for pair in pairs]
                      for name, pairs in self.pairs.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Gate:
        """The inverse of :meth:`to_json`."""
        pairs = {
            name: tuple(Pair(tuple(_long(part) for part in slices), seconds) for seconds, slices in stored)
            for name, stored in data["pairs"].items()
        }
        return cls(data["case"], data["seed"], data["machine"], pairs, data["causes"])


def _short(part: Slice) -> list[Any]:
    seconds = [float(f"{value:.6g}") for value in (part.wall, part.cpu)]
    return [int(part.side == "head"), *seconds, part.tasks, round(part.queued, 5), part.cpus]


def _long(part: list[Any]) -> Slice:
    return Slice("head" if part[0] else "base", *part[1:])


def load(path: Path = STORED) -> list[Gate]:
    """All gates that were stored; none without a file."""
    if not path.is_file():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [Gate.from_json(json.loads(line)) for line in lines]


def save(gates: Iterable[Gate], path: Path = STORED) -> None:
    """Write them anew, the same bytes for the same gates."""
    text = "".join(json.dumps(gate.to_json(), separators=(",", ":")) + "\n" for gate in gates)
    part = path.with_suffix(".part")
    part.write_bytes(gzip.compress(text.encode(), mtime=0))
    part.replace(path)
