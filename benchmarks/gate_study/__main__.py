"""`make gate-study`: gates commits that are known, stores their slices after each gate, writes the table.

It goes on where an earlier run stopped; the gates of other cases and seeds are kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import tempfile
from pathlib import Path

import click

from benchmarks.gate_study.cases import CASES, Case, make_repository
from benchmarks.gate_study.neighbour import bursts
from benchmarks.gate_study.record import STORED, Gate, load, save
from benchmarks.gate_study.table import alarmed, table
from harness.gate.records import read_slices
from harness.gate.run import Options, gate

MACHINE = f"{os.cpu_count()} CPUs, CPython {platform.python_version()}"


def one_gate(case: Case, seed: int, folder: Path, seconds: float | None = None) -> Gate:
    """A real gate on a fresh repository; ``seconds``: for each benchmark, else what the gate takes by default."""
    repository = make_repository(case, folder / "repository")
    record = folder / "gate.jsonl"
    with bursts(seed) if case.bursty else contextlib.nullcontext():
        options = Options(parts=("throughput",), seed=seed, record=record, seconds=seconds)
        result = gate(repository, options, lambda _: None)
    if result.missing or result.problems:
        raise SystemExit(f"{case.name}: nothing was measured: {result}")
    lines = map(json.loads, record.read_text("utf-8").splitlines())
    entries = [entry for entry in lines if entry["what"] == "pair"]
    names = {entry["benchmark"]["name"] for entry in entries}
    pairs = {
        name: tuple(read_slices(entry) for entry in entries if entry["benchmark"]["name"] == name)
        for name in sorted(names)
    }
    return Gate(case.name, seed, MACHINE, pairs, {found.benchmark.name: found.cause for found in result.benchmarks})


def prepare_model(folder: Path) -> None:
    """The recogniser of the case `whisper`, real but for its random weights."""
    from fixtures.asr_worker.tiny_whisper import write_model

    folder.mkdir()
    os.environ["GATE_STUDY_MODEL"] = str(write_model(folder, width=128, layers=2))
    os.environ["OMP_NUM_THREADS"] = "1"


@click.command()
@click.option("--identical", type=click.IntRange(0), default=50, show_default=True, help="gates of each machine state")
@click.option("--changed", type=click.IntRange(0), default=10, show_default=True,
              help="gates of each change; +10 % CPU: three times")
@click.option("--only", type=click.Choice([case.name for case in CASES]), multiple=True, help="these cases")
@click.option("--anew", is_flag=True, help="forget what is stored")
def main(identical: int, changed: int, only: tuple[str, ...], anew: bool) -> None:
    """Gate commits that are known and write the table."""
    gates = [] if anew else load()
    with tempfile.TemporaryDirectory(prefix="gate-study-") as name:
        prepare_model(Path(name) / "model")
        for case in CASES:
            wanted = identical if case.identical else changed * (3 if case.name == "cpu" else 1)
            done = {gate.seed for gate in gates if gate.case == case.name}
            for seed in range(wanted if not only or case.name in only else 0):
                if seed in done:
                    continue
                with tempfile.TemporaryDirectory(dir=name) as folder:
                    gates.append(one_gate(case, seed, Path(folder)))
                save(gates)
                what = "alarm" if alarmed(gates[-1]) else "no alarm"
                click.echo(f"{case.name} {seed}: {what} {' '.join(filter(None, gates[-1].causes.values()))}")
    STORED.with_name("gate-study.md").write_text(table(gates), "utf-8")
    click.echo(table(gates))


if __name__ == "__main__":
    main()
