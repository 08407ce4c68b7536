"""Runs the programs on real threads without the harness: the evidence that the corpus is correct.

`python -m tests.correct.native [--repeats N] [NAME ...]` forks once per repetition, so that module
state starts equal each time, and exits with 1 when a program fails or does not end.
"""

from __future__ import annotations

import argparse
import inspect
import itertools
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .program import Program
from .programs import PROGRAMS

END_WITHIN = 20.0


def run_threads(program: Program, state: Any) -> list[object]:
    """Run all threads of the program at once on `state` and return values or exceptions."""
    results: list[object] = [None] * len(program.threads)
    start = threading.Barrier(len(program.threads))

    def body(index: int) -> None:
        start.wait()
        try:
            results[index] = program.threads[index](state)
        except Exception as error:
            results[index] = error

    workers = [threading.Thread(target=body, args=(index,), daemon=True) for index in range(len(results))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(END_WITHIN)
        if worker.is_alive():
            raise TimeoutError(f"{program.name}: {worker.name} did not end")
    return results


def raise_unexpected(program: Program, results: Sequence[object]) -> None:
    """Raise what a thread raised, unless the program expects it."""
    expected = tuple(program.options.get("expected", ()))
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, expected):
            raise result


def at_once(program: Program) -> str:
    """Run the threads together; the outcome as text, after the check if there is one."""
    state = program.setup()
    results = run_threads(program, state)
    raise_unexpected(program, results)
    if program.check is None:
        return outcome(program, state, results)
    wants_results = len(inspect.signature(program.check).parameters) == 2
    verdict = program.check(state, results) if wants_results else program.check(state)
    assert verdict is None or verdict is True, f"{program.name}: check returned {verdict!r}"
    return ""


def one_after_another(program: Program, order: Sequence[int]) -> str:
    """The outcome of one sequential order as text."""
    state = program.setup()
    results: list[object] = [None] * len(order)
    for index in order:
        results[index] = program.threads[index](state)
    return outcome(program, state, results)


def outcome(program: Program, state: Any, results: Sequence[object]) -> str:
    """What a program without a check is compared by."""
    return repr((list(results), program.observe(state) if program.observe else None))


def in_child(task: Callable[[], str]) -> tuple[bool, str]:
    """Whether `task` succeeded in a forked child, and its text or the traceback."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            sys.setswitchinterval(1e-6)
            message = "+" + task()
        except BaseException:
            message = "-" + traceback.format_exc()[-4000:]
        os.write(writer, message.encode())
        os._exit(0)
    os.close(writer)
    ended, _, _ = select.select([reader], [], [], END_WITHIN * 2)
    if not ended:
        os.kill(child, signal.SIGKILL)
    text = os.read(reader, 8000).decode() if ended else "-did not end"
    os.close(reader)
    os.waitpid(child, 0)
    return text[:1] == "+", text[1:]


def problem_of(program: Program, repeats: int) -> str | None:
    """What is wrong with the program, if anything."""
    allowed = {""}
    if program.check is None:
        orders = itertools.permutations(range(len(program.threads)))
        allowed = {in_child(partial(one_after_another, program, order))[1] for order in orders}
    for _ in range(repeats):
        fine, text = in_child(partial(at_once, program))
        if not fine or text not in allowed:
            return text
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named programs, or all of them, and print one line for each that is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(arguments)
    chosen = [program for program in PROGRAMS if not options.names or program.name in options.names]
    problems = {program.name: problem_of(program, options.repeats) for program in chosen}
    wrong = {name: problem for name, problem in problems.items() if problem is not None}
    for name, problem in wrong.items():
        print(f"{name}: {problem}")
    print(f"{len(chosen)} programs, {len(wrong)} wrong")
    return 1 if wrong or not chosen else 0


if __name__ == "__main__":
    raise SystemExit(main())
