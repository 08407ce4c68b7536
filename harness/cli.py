"""The command line: `harness` and its commands."""

from __future__ import annotations

import click

from harness.gate.command import gate_command
from harness.kinds._chaos import chaos_command
from harness.kinds._command import init_command
from harness.kinds._pools_command import pools
from harness.model import UsageError
from harness.probes.command import pickle_command
from harness.schedule import Witness


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="concurrency-harness", prog_name="harness")
def main() -> None:
    """Makes concurrency regressions certain. Scenarios run with `pytest -m concurrency`."""


@main.command()
@click.argument("record", type=click.Path())
def explain(record: str) -> None:
    """Say in words what the replay RECORD of a failure decides."""
    try:
        witness = Witness.load(record)
    except UsageError as error:
        raise click.UsageError(str(error)) from None
    click.echo(f"{witness.kind}: {witness.message}")
    if witness.scenario:
        click.echo(f"scenario: {witness.scenario}")
    for number, decision in enumerate(witness.decisions, 1):
        chosen = witness.threads[decision.chosen]
        place = decision.place
        where = f" at line {place.line}: {place.text}  [{place.access}, visit {place.nth}]" if place else ""
        who = f" of {witness.threads[decision.thread]}" if decision.thread >= 0 else ""
        fault = f" ({decision.fault})" if decision.fault else ""
        click.echo(f"{number:3}. {decision.why}{fault}{who}{where} -> {chosen}")


main.add_command(chaos_command)
main.add_command(init_command)
main.add_command(pickle_command)
main.add_command(pools)
main.add_command(gate_command)
