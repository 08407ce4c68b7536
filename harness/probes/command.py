"""The command ``harness pickle``: probes an object named on the command line. No logic beyond reading the name."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from harness.model import IMPORT_REMEDY, one_line
from harness.probes.exceptions import probe_exceptions
from harness.probes.picklers import NAMES
from harness.probes.probe import probe_pickle


def resolve(target: str) -> Any:
    """Return the object that ``package.module:name`` names; ``name()`` is called without arguments.

    Raises:
        click.UsageError: the text is malformed, or the module or name does not exist.
    """
    module_name, separator, name = target.partition(":")
    if not separator or not module_name or not name:
        raise click.UsageError(f"{target!r} is not of the form package.module:name or package.module:name()")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise click.UsageError(f"cannot import {module_name!r}: {one_line(error)}; {IMPORT_REMEDY}") from None
    called = name.endswith("()")
    try:
        for part in name.removesuffix("()").split("."):
            found = getattr(found, part)
    except AttributeError:
        raise click.UsageError(f"{module_name} has no {name.removesuffix('()')!r}") from None
    if called and not callable(found):
        raise click.UsageError(f"{target} cannot be called: it is a {type(found).__name__}")
    return found() if called else found


def _progress() -> Callable[[int], None] | None:
    if not sys.stderr.isatty():
        return None
    return lambda nodes: click.echo(f"\r{nodes} objects seen", nl=False, err=True)


@click.command("pickle")
@click.argument("target")
@click.option("--pickler", type=click.Choice(NAMES), default="process-pool", show_default=True)
@click.option("--start-method", type=click.Choice(["fork", "spawn", "forkserver"]), help="Default: the one in use.")
@click.option("--tasks", type=click.IntRange(1), default=1, help="How many tasks carry it, for the cost.")
@click.option("--max-bytes", type=click.IntRange(1), help="Limit per task; 16 MiB when not given.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), default=5.0, show_default=True)
@click.option("--exceptions", "all_exceptions", is_flag=True, help="TARGET is a package: try its exception classes.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def pickle_command(
    target: str, pickler: str, start_method: str | None, tasks: int, max_bytes: int | None, timeout: float,
    all_exceptions: bool, as_json: bool,
) -> None:  # fmt: skip
    """Say whether TARGET (package.module:name, or :name() to call it) can be sent to a worker process.

    Exit code 0 when it can, 1 when it cannot, 2 for a wrong argument.
    """
    try:
        if all_exceptions:
            trips = probe_exceptions(target)
            click.echo(str(trips), nl=False)
            raise SystemExit(0 if trips.ok else 1)
        obj = resolve(target)
        report = probe_pickle(
            obj, pickler=pickler, start_method=start_method, tasks=tasks, max_bytes=max_bytes, timeout=timeout,
            progress=_progress(),
        )  # fmt: skip
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(json.dumps(report.to_json(), indent=2) if as_json else str(report), nl=as_json)
    raise SystemExit(0 if report.ok else 1)
