"""The command `harness pools`: compare pools on workloads, print tables and advice, write the page and the JSON."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from harness.model import HarnessError, UsageError
from harness.pools import executors
from harness.pools.advice import Advice, advise
from harness.pools.compare import Plan, Progress, compare
from harness.pools.results import Comparison, to_json
from harness.pools.workload import BUILTIN
from harness.report.html import require_jinja2
from harness.report.pools_html import page
from harness.report.pools_text import table


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """One changing line on a terminal, nothing elsewhere; on stderr, so that stdout holds results only."""
    console = Console(stderr=True)
    with console.status(title) as status:
        yield lambda text: status.update(f"{title}: {text}")


@contextmanager
def _terminable() -> Iterator[None]:
    """A request to end takes the path of an interrupt, so that every process that was started is ended too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@click.command("pools")
@click.argument("workloads", nargs=-1)
@click.option(
    "--pool",
    "pools",
    multiple=True,
    metavar="POOL",
    help=f"Pool to compare with serial, may be repeated; all, a name ({', '.join(executors.POOLS)}), or your own as "
    f"[name=]package.module:factory. Default: {', '.join(executors.DEFAULT)}.",
)
@click.option("--workers", default=2, show_default=True, help="Number of workers that the table compares.")
@click.option("--scaling/--no-scaling", default=True, help="Measure 1, 2 and 4 workers too.")
@click.option("--rounds", default=15, show_default=True, help="Interleaved rounds; six are needed for 95 %.")
@click.option(
    "--job", type=int, metavar="N", help="Tasks in one life of the pool: start-up has to pay off within them."
)
@click.option(
    "--limit", default=120.0, show_default=True, help="Seconds without an answer after which a pool has hung."
)
@click.option("--seed", default=0, show_default=True, help="Seed of the order of rounds.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the page with plots here.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write all figures here.")
@click.option("--list", "listing", is_flag=True, help="List the workloads that come with the harness.")
def pools(
    workloads: tuple[str, ...],
    pools: tuple[str, ...],
    workers: int,
    scaling: bool,
    rounds: int,
    job: int | None,
    limit: float,
    seed: int,
    html: Path | None,
    json_path: Path | None,
    listing: bool,
) -> None:
    """Which pool suits your work: measure WORKLOADS on several pools, here, and advise.

    A workload is a name (see --list), package.module:ATTRIBUTE or file.py:ATTRIBUTE, each with ?key=value options.
    Without any: onnx and whisper.
    """
    if listing:
        click.echo("\n".join(BUILTIN))
        return
    try:
        for path in (html, json_path):
            if path is not None and not path.parent.is_dir():
                raise UsageError(f"no folder {path.parent} to write {path.name} into: make it first")
        if html is not None:
            require_jinja2()
        plan = Plan(
            pools=executors.available()[1:] if pools == ("all",) else pools or executors.DEFAULT,
            workers=workers,
            scaling=(1, 2, 4) if scaling else (),
            rounds=rounds,
            seed=seed,
            limit=limit,
            job=job,
        )
        with _terminable():
            found = _all(workloads or ("onnx", "whisper"), plan)
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    except HarnessError as error:
        raise click.ClickException(str(error)) from error
    if html is not None:
        html.write_text(page(found), encoding="utf-8")
    if json_path is not None:
        json_path.write_text(to_json([{"comparison": one, "advice": two} for one, two in found]), encoding="utf-8")


def _all(workloads: tuple[str, ...], plan: Plan) -> list[tuple[Comparison, Advice]]:
    found = []
    for workload in workloads:
        with progress(workload) as told:
            comparison = compare(workload, plan, told)
        advice = advise(comparison)
        found.append((comparison, advice))
        console = Console()
        click.echo(table(comparison, advice, console.width if console.is_terminal else 170, sys.stdout.isatty()))
    return found
