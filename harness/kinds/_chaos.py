"""The command ``harness chaos`` and the pytest fixture ``chaos``: names and options to :func:`survives`."""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from inspect import signature
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.table import Table

from harness.faults.catalogue import FAULTS, Where
from harness.faults.plan import Plan, parse
from harness.faults.pools import POOLS
from harness.faults.result import Chaos
from harness.faults.table import Row, cells, rows
from harness.kinds.survives import default_plan, survives
from harness.model import UsageError, Verdict
from harness.oracles.survival import Delivery

MARKER = "faults(*plans, **options): the plans, such as 'kill-in-body@3', and options of the fixture `chaos`"

LISTING = ("listing", "as_json")
TABLE = ("table", "as_json", "markdown", "pools", "faults", "jobs")
TESTING = (
    "plans", "faults", "as_json", "delivery", "submit", "close", "body", "check", "tasks", "workers", "where",
    "patience",
)  # fmt: skip
"""The options that have a meaning beside a target."""


@click.command("chaos")
@click.argument("target", required=False)
@click.option("--plan", "plans", multiple=True, metavar="FAULT@TASK#SEED", help="May be repeated; default: all.")
@click.option("--table", is_flag=True, help="Every fault against every pool type, without a target.")
@click.option("--list", "listing", is_flag=True, help="The faults and what they stand for.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@click.option("--delivery", type=click.Choice(list(map(str, Delivery))), default="at-most-once", show_default=True)
@click.option("--submit", default="submit", show_default=True, help="The method that takes a function and arguments.")
@click.option("--close", default="", help="The method that ends the pool; default: shutdown or close.")
@click.option("--body", metavar="MODULE:NAME", help="What a task does, a function of its number.")
@click.option("--check", metavar="MODULE:NAME", help="A function of the pool after the tasks: what is wrong with it.")
@click.option("--tasks", type=click.IntRange(1), default=8, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@click.option("--where", type=click.Choice(list(map(str, Where))), help="What tasks run on; default: process.")
@click.option("--patience", type=click.FloatRange(0.1), default=1.5, show_default=True, help="Seconds without a move.")
@click.option("--pool", "pools", multiple=True, type=click.Choice(list(POOLS)), help="For --table.")
@click.option("--fault", "faults", multiple=True, type=click.Choice(list(FAULTS)), help="As --plan, at the usual task.")
@click.option("--jobs", type=click.IntRange(1), default=3, show_default=True, help="For --table: cells at a time.")
def chaos_command(
    target: str | None, plans: Sequence[str], table: bool, listing: bool, as_json: bool, markdown: bool,
    pools: Sequence[str], faults: Sequence[str], jobs: int, where: str | None, **options: Any,
) -> None:  # fmt: skip
    """Plant faults into the pool that TARGET (package.module:function) makes, and say what became of every task.

    Exit code 0 when it survives, 1 when it does not or nothing could be concluded, 2 for a wrong argument.
    """
    _no_more_than(
        "--list" if listing else "--table" if table else "a TARGET",
        LISTING if listing else TABLE if table else ("target", *TESTING),
    )
    if listing:
        _list(as_json)
    elif table:
        _table(pools, faults, jobs, as_json, markdown)
    elif target is None:
        raise click.UsageError("name a TARGET such as package.module:make_pool, or give --table or --list")
    else:
        for folder in (os.path.join(os.getcwd(), "src"), os.getcwd()):
            if os.path.isdir(folder) and folder not in sys.path:
                sys.path.insert(0, folder)
        try:
            chosen = [*map(parse, plans), *(default_plan(fault, options["tasks"]) for fault in faults)]
            result = survives(target, chosen or None, where=where or _where(chosen), **options)
        except UsageError as error:
            raise click.UsageError(str(error)) from None
        click.echo(json.dumps(to_json(result), indent=2) if as_json else str(result))
        raise SystemExit(0 if result.verdict is Verdict.PASS else 1)


def _no_more_than(mode: str, known: Collection[str]) -> None:
    """Refuse what was given and has no meaning here."""
    context = click.get_current_context()
    for option in context.command.params:
        name = str(option.name)
        if name not in known and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option.opts[0] if name != 'target' else 'a TARGET'} cannot be given with {mode}")


def _where(plans: Sequence[Plan]) -> str:
    """Where the plans can all strike, processes first."""
    common = set(Where).intersection(*(plan.what.where for plan in plans))
    return next((place.value for place in Where if place in common), Where.PROCESS.value)


def to_json(result: Chaos) -> dict[str, Any]:
    """A result as JSON."""
    return {
        "target": result.target,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "replay": result.replay,
        "cases": [
            {
                "plan": case.plan.to_json(),
                "findings": [asdict(found) for found in case.findings],
                "reason": case.reason,
                "seen": asdict(case.result.seen) if case.result else None,
            }
            for case in result.cases
        ],
    }


def _list(as_json: bool) -> None:
    if as_json:
        listed = {fault.name: {"where": sorted(fault.where), "what": fault.summary} for fault in FAULTS.values()}
        click.echo(json.dumps(listed, indent=2))
        return
    width = max(map(len, FAULTS))
    for fault in FAULTS.values():
        click.echo(f"{fault.name:{width}}  {', '.join(sorted(fault.where)):21}  {fault.summary}")


def _table(pools: Sequence[str], faults: Sequence[str], jobs: int, as_json: bool, as_markdown: bool) -> None:
    chosen = cells(faults, pools)
    if not chosen:
        raise click.UsageError("none of these faults applies to any of these pool types")
    found = list(rows(chosen, jobs, _progress(len(chosen))))
    if as_json:
        click.echo(json.dumps([asdict(row) for row in found], indent=2))
    elif as_markdown:
        click.echo(markdown_of(found))
    else:
        console = Console(width=max(120, Console().width))
        console.print(rendered(found))
    if any(row.resolved.startswith("inconclusive") for row in found):
        raise SystemExit(1)


def _progress(total: int) -> Callable[[Row], None]:
    if not sys.stderr.isatty():
        return lambda row: None
    count = iter(range(1, total + 1))
    return lambda row: click.echo(f"\r{next(count)} of {total}", nl=False, err=True)


COLUMNS = ("fault", "pool", "resolved", "lost", "failed", "rerun", "doubled", "usable", "left behind", "recovery")


def texts(row: Row) -> tuple[str, ...]:
    """The cells of a row of the table."""
    seconds = f"{row.recovery:.1f} s" if row.recovery is not None else ""
    return (
        row.fault, row.pool, row.resolved, str(row.lost), str(row.failed), str(row.rerun), str(row.doubled),
        row.usable, row.left, seconds,
    )  # fmt: skip


def markdown_of(found: Sequence[Row]) -> str:
    """The outcome table as Markdown, without the recovery times: the same text in every run."""
    lines = [COLUMNS[:-1], ("---",) * (len(COLUMNS) - 1), *(texts(row)[:-1] for row in found)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rendered(found: Sequence[Row]) -> Table:
    """The outcome table for a terminal."""
    table = Table(*COLUMNS, show_lines=False)
    for row in found:
        table.add_row(*texts(row))
    return table


OPTIONS = tuple(name for name, known in signature(survives).parameters.items() if known.kind is known.KEYWORD_ONLY)


class ChaosFixture:
    """``chaos(target, faults, **options)``: :func:`harness.survives` with the marker's and the command line's plans."""

    def __init__(self, plans: Sequence[str], marked: Any, record: Callable[[str], None]) -> None:
        self._plans, self._marked, self._record = list(plans), marked, record

    def __call__(self, target: str | Callable[[], Any], faults: Any = None, **options: Any) -> Chaos:
        """Plant the faults; raises with the report and the command that replays it on anything but PASS."""
        __tracebackhide__ = True
        return self.outcome(target, faults, **options).raise_if_failed()

    def outcome(self, target: str | Callable[[], Any], faults: Any = None, **options: Any) -> Chaos:
        """Plant the faults and return the result, whatever it is."""
        if self._marked is not None:
            faults = faults if faults is not None or not self._marked.args else list(self._marked.args)
            options = {**self._marked.kwargs, **options}
        unknown = [name for name in options if name not in OPTIONS]
        if unknown:
            near = difflib.get_close_matches(unknown[0], OPTIONS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the options are {', '.join(OPTIONS)}"
            raise UsageError(f"chaos: there is no option {unknown[0]!r}; {hint}")
        result = survives(target, self._plans or faults, **options)
        self._record(f"{result.verdict.name}: {result.reason}")
        return result
