"""The registry of scripts by name; a script is a function that returns a list of plain outcomes."""

from __future__ import annotations

from collections.abc import Callable

from . import executors, locks, queues, signals, threads

Script = Callable[[], list[object]]

SCRIPTS: dict[str, Script] = {
    f"{module.__name__.rpartition('.')[2]}.{script.__name__}": script
    for module in (locks, signals, queues, threads, executors)
    for script in module.SCRIPTS
}
