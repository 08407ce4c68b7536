"""The command `harness gate`: options, where results go, exit codes."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from harness.gate.records import recompute
from harness.gate.results import PARTS, Exit, GateResult, Status
from harness.gate.run import Options, gate
from harness.model import HarnessError, UsageError, one_line
from harness.report import gate_html, gate_text
from harness.report.html import require_jinja2
from harness.stats.rates import binomial_interval

LOCAL = Options(seconds=10.0, total=25.0, scenario_seconds=2.0, scenario_limit=25.0, present=True)
PATH = click.Path(path_type=Path, dir_okay=False)


@click.command("gate")
@click.option("--base", metavar="REV", help="compare with this commit (default: merge base with the main branch)")
@click.option("--tight", is_flag=True, help="cost margins of 2.5 and 5 % instead of 5 and 10 %")
@click.option("--strict", is_flag=True, help="exit 3 when something stays undecided")
@click.option("--profile", type=click.Choice(["ci", "local"]), default="ci", help="local: an answer within a minute")
@click.option("--only", type=click.Choice(PARTS), help="leave the other part out")
@click.option("--aa", type=click.IntRange(1), metavar="N", is_flag=False, flag_value=1,
              help="N gates of base against base: the gate's own false alarms (without N: one)")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="for the pairs of each benchmark")
@click.option("--seed", type=int, help="order of pairs and slices")
@click.option("--json", "record", type=PATH, help="write slices and verdicts as JSON lines")
@click.option("--html", type=PATH, help="write the page")
@click.option("--junit", type=PATH, help="let pytest write JUnit XML of the scenarios")
@click.option("--recompute", "stored", type=PATH, help="no run: judge the slices of a JSON lines file again")
def gate_command(
    profile: str, only: str | None, strict: bool, aa: int | None, html: Path | None, stored: Path | None, **given: Any
) -> None:
    """Compare HEAD with its base: scenarios and throughput in one verdict.

    Exit codes: 0 pass, 1 regression or bug, 2 crash or usage, 3 undecided under --strict, 4 nothing measured.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    options = dataclasses.replace(LOCAL if profile == "local" else Options(), **chosen)
    if only is not None:
        options = dataclasses.replace(options, parts=(only,))
    raise SystemExit(_guarded(lambda: _do(options, strict, aa, html, stored)))


def _do(options: Options, strict: bool, aa: int | None, html: Path | None, stored: Path | None) -> int:
    if aa is not None:
        return _false_alarms(aa, options)
    if html is not None:
        require_jinja2()
    result = _recomputed(stored) if stored is not None else gate(Path.cwd(), options, _say)
    return _publish(result, strict, html)


def _guarded(action: Any) -> int:
    """The action's exit code; an uncaught exception would leave with 1, which means a regression."""
    try:
        return int(action())
    except HarnessError as error:
        text = str(error)
    except (OSError, LookupError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        text = f"{one_line(error)}; this is a fault of the gate, not a verdict"
    except KeyboardInterrupt:
        text = "interrupted; nothing was decided, worktrees and processes are removed"
    click.echo(f"gate: error: {text}", err=True)
    if os.environ.get("GITHUB_ACTIONS"):
        click.echo(gate_text.command("error", "", 0, "concurrency gate", text))
    return int(Exit.CRASH)


def _say(text: str) -> None:
    click.echo(f"gate: {text}", err=True)


def _recomputed(stored: Path) -> GateResult:
    result, before = recompute(stored)
    if int(result.exit()) != before:
        raise UsageError(f"{stored} says exit {before}, its slices say {int(result.exit())}")
    return result


def _publish(result: GateResult, strict: bool, html: Path | None) -> int:
    code = result.exit(strict)
    width, colour = shutil.get_terminal_size((120, 24)).columns, sys.stdout.isatty()
    click.echo(gate_text.terminal(result, code, width, colour), nl=False)
    if os.environ.get("GITHUB_ACTIONS"):
        for line in gate_text.github_annotations(result):
            click.echo(line)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as out:
            out.write(gate_text.markdown(result, code))
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(gate_html.page(result, code), encoding="utf-8")
    return int(code)


def _false_alarms(count: int, options: Options) -> int:
    """Gates of base against base; the rate of those that alarmed, with its interval."""
    alarms = undecided = measured = 0
    for number in range(count):
        once = dataclasses.replace(
            options, parts=("throughput",), against_itself=True,
            record=options.record and options.record.with_suffix(f".{number + 1}{options.record.suffix}"),
            seed=None if options.seed is None else options.seed + number,
        )  # fmt: skip
        result = gate(Path.cwd(), once, _say)
        if result.exit() is Exit.CRASH:
            return _publish(result, False, None)
        if result.missing:
            continue
        measured += 1
        alarms += any(judged.status in (Status.REGRESSION, Status.DIFFERENT) for judged in result.benchmarks)
        undecided += result.undecided
        click.echo(f"gate {number + 1} of {count}: {gate_text.conclusion(result, result.exit())}")
    if not measured:
        click.echo("gate: error: nothing was measured: add benchmarks", err=True)
        return int(Exit.NOTHING_MEASURED)
    low, high = binomial_interval(alarms, measured)
    gates = f"{measured} gate{'s' if measured > 1 else ''} of base against base"
    click.echo(f"false alarms: {alarms} of {gates}; 95 % interval {low:.1%} to {high:.1%}; undecided: {undecided}")
    return int(Exit.REGRESSION if alarms else Exit.PASS)
