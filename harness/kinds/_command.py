"""The command ``harness init``: prints a starting configuration. No logic beyond reading the names."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import click

from harness.kinds._starting import starting_configuration
from harness.model import UsageError


@click.command("init")
@click.argument("target")
def init_command(target: str) -> None:
    """Print a commented table of pyproject.toml for TARGET (package.module:Class, a factory function, or a module).

    Imports the module and reads signatures; nothing is constructed or called.
    """
    for folder in (os.path.join(os.getcwd(), "src"), os.getcwd()):
        if os.path.isdir(folder) and folder not in sys.path:
            sys.path.insert(0, folder)
    try:
        click.echo(starting_configuration(target, _taken(Path("pyproject.toml"))), nl=False)
    except UsageError as error:
        raise click.ClickException(str(error)) from error


def _taken(path: Path) -> list[str]:
    """The names of the targets in the configuration of this folder, as far as it can be read."""
    try:
        return list(tomllib.loads(path.read_text("utf-8"))["tool"]["harness"]["targets"])
    except (OSError, ValueError, LookupError, TypeError):
        return []
