"""`python -m benchmarks.soak`: many seeded faults in one pool that lives through all of them.

The repaired `global_pool` runs inference by onnxruntime, the managed `asr_worker` recognition by faster-whisper. One
process keeps its pool for the whole run; after each fault it notes what became of the tasks, what is left, and its
memory. Results are appended to a file of JSON lines, so that a run that was ended goes on where it stood.
"""

from __future__ import annotations

import gc
import gzip
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from benchmarks.soak_work import prepare
from harness.audit.slope import Slope, slope
from harness.faults.case import Case
from harness.faults.drive import Drive
from harness.faults.leftovers import beyond, count
from harness.faults.plan import Plan
from harness.oracles.survival import Delivery, judge, survival

ERRORS = ("memory-limit", "slow-task", "error-that-does-not-load", "io-error", "disk-full", "too-many-files",
          "gc-pressure")  # fmt: skip
KILLS = ("kill-before-body", "kill-in-body", "kill-after-body", "kill-idle", "segv-in-body", "exit-in-body",
         "terminate-in-body")  # fmt: skip
TASKS = 4
BLOCK = 10
MEASURE = "RssAnon"


@dataclass(frozen=True)
class Subject:
    """A pool of the reference modules, the work that it does, and the faults that it must survive."""

    pool: str
    body: str
    submit: str
    workers: int
    patience: float
    faults: tuple[str, ...]


SUBJECTS = {
    "global_pool": Subject(
        "scenarios.global_pool.under_chaos:repaired_pool", "benchmarks.soak_work:classify", "submit_safe", 2, 4.0,
        (*KILLS, *ERRORS, "kill-in-result", "interrupt-in-body", "unpicklable-result", "huge-result", "failing-import",
         "clock-back"),
    ),
    "asr_worker": Subject(
        "benchmarks.soak_work:transcription", "benchmarks.soak_work:hear", "submit", 1, 15.0,
        (*KILLS, *ERRORS, "kill-in-result", "hang-sleep", "hang-gil", "hang-lock"),
    ),
}  # fmt: skip
AFTER_BODY = ("kill-after-body", "kill-in-result")
"""Whatever runs a task again after these does its work twice: at-least-once promises no less, and no more."""


def memory() -> float:
    """What this process has allocated and not given back, in MB.

    Neither PSS nor USS: pages of a library that another process maps too are its own once that process has ended.
    """
    gc.collect()
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("RssAnon:")[2].split()[0]) / 1024


def one_fault(name: str, pool: Any, number: int, seed: int, only: Sequence[str] = ()) -> dict[str, Any]:
    """Plant one fault of the subject's, or of `only` these; what became of its tasks, as an entry of the results."""
    subject = SUBJECTS[name]
    chosen = random.Random(f"{name} {seed} {number}")
    plan = Plan(chosen.choice(only or subject.faults), chosen.randint(1, TASKS - 1), chosen.randint(0, 99))
    case = Case(
        subject.pool, str(plan), subject.submit, body=subject.body, tasks=TASKS, workers=subject.workers,
        patience=subject.patience,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        drive = Drive(case, folder)
        drive.strike(pool)
        seen = survival(drive.ledger.read())
    found = judge(seen, Delivery.AT_LEAST_ONCE)
    return {
        "number": number, "plan": str(plan), "fired": seen.fired, "tasks": len(seen.submitted), "lost": len(seen.lost),
        "doubled": len(seen.doubled), "misdelivered": len(seen.misdelivered), "rerun": len(seen.rerun),
        "failed": len(seen.failed), "recovery": seen.recovery, "findings": [str(one.message) for one in found],
    }  # fmt: skip


def run(name: str, faults: int, seconds: float, seed: int, out: Path, only: Sequence[str] = ()) -> None:
    """Plant faults until there are so many in the results, or the time is up."""
    from harness.faults.injected import named

    done = entries(out, name)
    started, run_id = time.monotonic(), os.urandom(4).hex()
    first = 1 + max((entry["number"] for entry in done), default=0)
    pool = named(SUBJECTS[name].pool)()
    before: Counter[str] | None = None
    try:
        for number in range(first, faults + 1):
            if time.monotonic() - started > seconds:
                break
            entry = one_fault(name, pool, number, seed, only)
            now = _settled(before)
            before = before if before is not None else now
            left = beyond(now, before)
            entry |= {"subject": name, "run": run_id, "left": left, "counts": dict(now)}
            entry["memory"] = round(memory(), 3)
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
            if sys.stderr.isatty() or number % 50 == 0:
                click.echo(f"{name}: {number} of {faults}, {time.monotonic() - started:.0f} s", err=True)
    finally:
        pool.close()


def _settled(before: Counter[str] | None) -> Counter[str]:
    """What this process has, once what is on its way out is gone."""
    now = count()
    deadline = time.monotonic() + 10
    while before is not None and beyond(now, before) and time.monotonic() < deadline:
        time.sleep(0.05)
        now = count()
    return now


def entries(out: Path, name: str = "") -> list[dict[str, Any]]:
    """The results so far."""
    if not out.exists():
        return []
    text = gzip.decompress(out.read_bytes()).decode() if out.suffix == ".gz" else out.read_text("utf-8")
    listed = [json.loads(line) for line in text.splitlines()]
    return [entry for entry in listed if not name or entry["subject"] == name]


def growth(values: Sequence[float]) -> Slope | None:
    """MB for 100 faults, over the last four sevenths: `harness.audit.slope` on the means of ten faults each.

    Means, because the memory swings from one fault to the next; None for fewer than fifteen of them.
    """
    means = [100 / BLOCK * fmean(values[at : at + BLOCK]) for at in range(0, len(values) - BLOCK + 1, BLOCK)]
    repetitions = (len(means) - 1) // 7 * 7
    return slope(means[-repetitions - 1 :], random.Random(0)) if repetitions >= 14 else None


def summary(found: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """For each subject, what all faults together show."""
    for name in SUBJECTS:
        listed = [entry for entry in found if entry["subject"] == name]
        if not listed:
            continue
        runs = Counter(entry["run"] for entry in listed)
        longest = runs.most_common(1)[0][0]
        again = [entry for entry in listed if entry["plan"].startswith(AFTER_BODY)]
        line = growth([entry["memory"] for entry in listed if entry["run"] == longest])
        yield {
            "subject": name, "faults": len(listed), "did not strike": sum(not entry["fired"] for entry in listed),
            "tasks": sum(entry["tasks"] for entry in listed), "lost": sum(entry["lost"] for entry in listed),
            "doubled": sum(entry["doubled"] for entry in listed) - sum(entry["doubled"] for entry in again),
            "done again after a kill after the body": sum(entry["doubled"] for entry in again),
            "misdelivered": sum(entry["misdelivered"] for entry in listed),
            "left behind": sum(bool(entry["left"]) for entry in listed),
            "findings": [f"{e['plan']}: {text}" for e in listed for text in e["findings"]],
            "runs": len(runs), "memory measure": MEASURE,
            "memory MB for 100 faults": line and round(line.per_task, 4),
            "interval": line and [round(line.low, 4), round(line.high, 4)], "grows": line and line.grows,
            "faults of the slope": runs[longest],
            "by fault": dict(Counter(e["plan"].partition("@")[0] for e in listed)),
        }  # fmt: skip


@click.command()
@click.option("--subject", "subjects", type=click.Choice(list(SUBJECTS)), multiple=True, help="Default: both.")
@click.option("--fault", "only", multiple=True, help="A fault of the subject; default: all of them.")
@click.option("--faults", type=click.IntRange(1), default=500, show_default=True, help="For each subject.")
@click.option("--seconds", type=float, default=3600.0, show_default=True, help="For each subject.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("soak.jsonl"), show_default=True)
@click.option("--record", type=click.Path(path_type=Path), help="Write the summary to this JSON file too.")
def main(
    subjects: Sequence[str], only: Sequence[str], faults: int, seconds: float, seed: int, out: Path, record: Path | None
) -> None:
    """Plant faults, go on where OUT stands, and print the summary. Exit code 1 when anything was lost or left."""
    for name in subjects or SUBJECTS:
        if unknown := set(only) - set(SUBJECTS[name].faults):
            known = ", ".join(SUBJECTS[name].faults)
            raise click.UsageError(f"{name} is not given {', '.join(sorted(unknown))}; its faults are {known}")
    with tempfile.TemporaryDirectory(prefix="soak-work-") as folder:
        prepare(Path(folder))
        own = Path(folder, "tmp")
        own.mkdir()
        tempfile.tempdir = os.environ["TMPDIR"] = str(own)  # what is left in it is counted
        for name in subjects or SUBJECTS:
            run(name, faults, seconds, seed, out, only)
    totals = list(summary(entries(out)))
    data = {"python": platform.python_version(), "seed": seed, "subjects": totals}
    print(json.dumps(data, indent=2))
    if record is not None:
        record.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
    wanted = ("lost", "doubled", "misdelivered", "left behind", "did not strike", "grows")
    raise SystemExit(1 if any(total[name] or total["findings"] for total in totals for name in wanted) else 0)


if __name__ == "__main__":
    main()
