"""`python -m benchmarks.chaos_table`: the whole outcome table again and again, and the cells that differed.

Each run is appended to a file of JSON lines, so that a run that was ended goes on where it stood. The recovery time is
stored but not compared. `--page` writes the table of the first run into the page that the documentation keeps.
"""

from __future__ import annotations

import gzip
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from harness.faults.table import Row, cells, rows
from harness.kinds._chaos import markdown_of


def stored(path: Path) -> list[list[Row]]:
    """The runs that are in the file."""
    data = path.read_bytes() if path.exists() else b""
    lines = (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines()
    return [[Row(**row) for row in json.loads(line)["rows"]] for line in lines]


def differing(runs: Sequence[Sequence[Row]]) -> Mapping[tuple[str, str], list[Row]]:
    """The cells whose rows are not the same in all runs, with those rows."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for run in runs:
        for row in run:
            found[row.fault, row.pool].append(row)
    return {cell: listed for cell, listed in found.items() if len({row.steady for row in listed}) > 1}


def written(page: str, table: str) -> str:
    """The page with its table replaced by this one."""
    lines = page.splitlines()
    own = [number for number, line in enumerate(lines) if line.startswith("| ")]
    return "\n".join([*lines[: own[0]], *table.splitlines(), *lines[own[-1] + 1 :]]) + "\n"


@click.command()
@click.option("--runs", type=click.IntRange(1), default=10, show_default=True, help="Runs that the file shall hold.")
@click.option("--jobs", type=click.IntRange(1), default=3, show_default=True, help="Cells at a time.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("chaos-table.jsonl"), show_default=True)
@click.option("--page", type=click.Path(exists=True, path_type=Path), help="Write the first run into this page.")
def main(runs: int, jobs: int, out: Path, page: Path | None) -> None:
    """Run the outcome table until OUT holds so many runs. Exit code 1 when a cell differs or was not concluded."""
    for number in range(len(stored(out)), runs):
        started = time.monotonic()
        found = list(rows(cells(), jobs))
        seconds = round(time.monotonic() - started, 1)
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"seconds": seconds, "rows": [asdict(row) for row in found]}) + "\n")
        click.echo(f"run {number + 1} of {runs}: {len(found)} cells in {seconds:g} s", err=True)
    kept = stored(out)
    unlike = differing(kept)
    for listed in unlike.values():
        click.echo(markdown_of(listed).partition("\n")[2].partition("\n")[2] + "\n")
    unconcluded = [row for run in kept for row in run if row.resolved.startswith("inconclusive")]
    click.echo(
        f"{len(kept)} runs of {len(kept[0])} cells: {len(unlike)} cells differ, {len(unconcluded)} not concluded"
    )
    if page is not None:
        page.write_text(written(page.read_text("utf-8"), markdown_of(kept[0])), "utf-8")
    raise SystemExit(1 if unlike or unconcluded else 0)


if __name__ == "__main__":
    main()
