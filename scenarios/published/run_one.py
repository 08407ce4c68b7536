"""Explores one published package in this process, which has it first on its path, and prints what came out as JSON.

    python run_one.py FOLDER SCENARIO

FOLDER is where the package was unpacked, SCENARIO a key of SCENARIOS below. The scenarios drive the package through
its public calls and know nothing of which release they run on.
"""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import harness


def one_lexer() -> harness.Exploration:
    """Threads that ask sqlparse for its default lexer get the same one."""
    lexer_class = import_module("sqlparse.lexer").Lexer

    def check(_: None, lexers: Sequence[object]) -> None:
        distinct = len({id(lexer) for lexer in lexers})
        if distinct > 1:
            raise harness.Violation("two_instances", f"{len(lexers)} threads got {distinct} different default lexers")

    return harness.explore(
        lambda: None, [lambda _: lexer_class.get_default_instance()] * 2, check, modules=("sqlparse",)
    )


def complete_lexer() -> harness.Exploration:
    """Whoever gets the default lexer of sqlparse gets it with its keywords (sqlparse issue 730).

    The crash of a thread that finds no list of keywords at all is expected here: the wrong answer without a crash is
    what that issue reports.
    """
    lexer_class = import_module("sqlparse.lexer").Lexer

    def kind_of_word(_: None) -> str:
        return str(lexer_class.get_default_instance().is_keyword("select")[0])

    def check(_: None, kinds: Sequence[str | Exception]) -> None:
        for kind in kinds:
            if isinstance(kind, str):
                assert kind == "Token.Keyword.DML", f"'select' was read as {kind}"

    return harness.explore(
        lambda: None,
        [kind_of_word] * 2,
        check,
        modules=("sqlparse",),
        expected=(AttributeError,),
    )


def registered_bars() -> harness.Exploration:
    """Every open bar of tqdm is in its register, from which bars get their lines on the screen (tqdm PR 754).

    The lock is set before the threads start, as tqdm's own documentation asks of programs with threads.
    """
    tqdm = import_module("tqdm").tqdm

    def setup() -> None:
        tqdm.monitor_interval = 0
        tqdm.set_lock(threading.RLock())

    def open_bar(_: None) -> Any:
        return tqdm(total=2, file=io.StringIO(), ascii=True, ncols=40)

    def check(_: None, bars: Sequence[Any]) -> None:
        lost = sum(bar not in tqdm._instances for bar in bars)
        for bar in bars:
            bar.close()
        if lost:
            raise harness.Violation(
                "double_init", f"the register was made twice and lost {lost} of {len(bars)} open bars"
            )

    # one preemption shows the bug; all schedules with two would take longer than the rest of the scenarios together
    return harness.explore(setup, [open_bar] * 2, check, modules=("tqdm",), preemptions=1)


def disabled_bars() -> harness.Exploration:
    """A bar that shows nothing can be made by several threads at once, too."""
    tqdm = import_module("tqdm").tqdm

    def setup() -> None:
        tqdm.monitor_interval = 0
        tqdm.set_lock(threading.RLock())

    def count(_: None) -> int:
        return sum(tqdm([1, 2], disable=True))

    return harness.explore(setup, [count] * 2, modules=("tqdm",))


SCENARIOS: dict[str, Callable[[], harness.Exploration]] = {
    scenario.__name__: scenario for scenario in (one_lexer, complete_lexer, registered_bars, disabled_bars)
}


def main(folder: Path, scenario: str) -> None:
    sys.path.insert(0, str(folder))
    found = SCENARIOS[scenario]()
    result = {
        "installed": sorted(f"{dist.name}=={dist.version}" for dist in distributions(path=[str(folder)])),
        "loaded_from": sorted({_folder_of(name) for name in ("sqlparse", "tqdm") if name in sys.modules}),
        "verdict": found.verdict.value,
        "kind": found.failure and str(found.failure.kind),
        "message": found.failure and found.failure.message,
        "schedules": found.schedules,
        "proved": found.proved,
        "reason": found.reason,
    }
    print(json.dumps(result))


def _folder_of(name: str) -> str:
    return str(Path(str(sys.modules[name].__file__)).resolve().parents[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
