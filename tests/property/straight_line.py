"""Small straight-line programs for a few threads: their source text, and all their outcomes by brute force.

It knows nothing of the engine. The brute force is the textbook one: shared memory, atomic accesses, blocking locks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

PLACES = ("state.x", "state.y", "state.items['k']", "state.items['m']", "total")
LOCKS = ("state.first", "state.second")

Outcome = tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]
"""The final value of each place, then what each thread read, in order."""


@dataclass(frozen=True)
class Read:
    """Keep the value of a place in a local variable."""

    place: str


@dataclass(frozen=True)
class Write:
    """Store a constant."""

    place: str
    value: int


@dataclass(frozen=True)
class Add:
    """``place += amount``: a read and a write."""

    place: str
    amount: int


@dataclass(frozen=True)
class Locked:
    """Accesses inside ``with lock:``."""

    lock: str
    body: tuple[Read | Write | Add, ...]


Statement = Read | Write | Add | Locked


@dataclass(frozen=True)
class Program:
    """The statements of each thread; threads that are ``alike`` run the function of the first one."""

    threads: tuple[tuple[Statement, ...], ...]
    alike: bool = False

    def source(self) -> str:
        """A module with a class ``State``, a function per thread, and ``observe``."""
        functions = [_function(number, body) for number, body in enumerate(self.threads)]
        count = len(self.threads)
        seen = "()" if self.alike else f"({' '.join(f'state.seen_{n},' for n in range(count))})"
        return (
            "import threading\n\ntotal = 0\n\n\nclass State:\n    def __init__(self):\n        global total\n"
            "        total = 0\n        self.x = 0\n        self.y = 0\n        self.items = {'k': 0, 'm': 0}\n"
            "        self.first = threading.Lock()\n        self.second = threading.Lock()\n"
            + "".join(f"        self.seen_{n} = ()\n" for n in range(count))
            + "\n\n"
            + "\n\n".join(functions)
            + f"\n\ndef observe(state):\n    return (({', '.join(PLACES)}), {seen})\n"
        )


def _function(number: int, body: tuple[Statement, ...]) -> str:
    lines = [f"def thread_{number}(state):", "    global total"]
    reads: list[str] = []
    for statement in body:
        if isinstance(statement, Locked):
            lines.append(f"    with {statement.lock}:")
            lines += [f"        {_line(inner, reads)}" for inner in statement.body]
        else:
            lines.append(f"    {_line(statement, reads)}")
    lines.append(f"    state.seen_{number} = ({' '.join(f'{name},' for name in reads)})")
    return "\n".join(lines) + "\n"


def _line(statement: Read | Write | Add, reads: list[str]) -> str:
    if isinstance(statement, Write):
        return f"{statement.place} = {statement.value}"
    if isinstance(statement, Add):
        return f"{statement.place} += {statement.amount}"
    reads.append(f"read_{len(reads)}")
    return f"{reads[-1]} = {statement.place}"


# -- brute force ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Step:
    """One atomic step. ``read``: place to the register; ``write``: register plus number to the place."""

    verb: str
    target: str
    number: int = 0
    kept: bool = False


@dataclass(frozen=True)
class _Moment:
    """Everything that decides how a run goes on."""

    at: tuple[int, ...]
    memory: tuple[int, ...]
    registers: tuple[int, ...]
    seen: tuple[tuple[int, ...], ...]
    owners: tuple[int, ...]


def outcomes(program: Program, preemptions: int | None = None) -> set[Outcome]:
    """Every outcome with at most that many preemptions; None: with any number."""
    code = tuple(tuple(_steps(body)) for body in program.threads)
    count = len(code)
    start = _Moment((0,) * count, (0,) * len(PLACES), (0,) * count, ((),) * count, (-1,) * len(LOCKS))
    found: set[Outcome] = set()
    known: set[tuple[_Moment, int, int]] = set()
    todo = [(start, -1, 0)]
    while todo:
        position = todo.pop()
        if position in known:
            continue
        known.add(position)
        moment, current, used = position
        able = [thread for thread in range(count) if _can_step(code, moment, thread)]
        if not able:
            found.add((moment.memory, () if program.alike else moment.seen))
        for thread in able:
            cost = used + (thread != current and current in able)
            if preemptions is None:
                todo.append((_after(code, moment, thread), -1, 0))
            elif cost <= preemptions:
                todo.append((_after(code, moment, thread), thread, cost))
    return found


def _steps(body: tuple[Statement, ...]) -> Iterator[_Step]:
    for statement in body:
        if isinstance(statement, Locked):
            yield _Step("acquire", statement.lock)
            yield from _steps(statement.body)
            yield _Step("release", statement.lock)
        elif isinstance(statement, Read):
            yield _Step("read", statement.place, kept=True)
        elif isinstance(statement, Write):
            yield _Step("store", statement.place, statement.value)
        else:
            yield _Step("read", statement.place)
            yield _Step("write", statement.place, statement.amount)


def _can_step(code: tuple[tuple[_Step, ...], ...], moment: _Moment, thread: int) -> bool:
    if moment.at[thread] == len(code[thread]):
        return False
    step = code[thread][moment.at[thread]]
    return step.verb != "acquire" or moment.owners[LOCKS.index(step.target)] == -1


def _after(code: tuple[tuple[_Step, ...], ...], moment: _Moment, thread: int) -> _Moment:
    """The moment after one step, and after the releases that follow it: letting go is not a place to be preempted."""
    moment = _stepped(code, moment, thread)
    while moment.at[thread] < len(code[thread]) and code[thread][moment.at[thread]].verb == "release":
        moment = _stepped(code, moment, thread)
    return moment


def _stepped(code: tuple[tuple[_Step, ...], ...], moment: _Moment, thread: int) -> _Moment:
    step = code[thread][moment.at[thread]]
    moment = replace(moment, at=_with(moment.at, thread, moment.at[thread] + 1))
    if step.verb in ("acquire", "release"):
        owner = thread if step.verb == "acquire" else -1
        return replace(moment, owners=_with(moment.owners, LOCKS.index(step.target), owner))
    place = PLACES.index(step.target)
    if step.verb == "store":
        return replace(moment, memory=_with(moment.memory, place, step.number))
    if step.verb == "write":
        return replace(moment, memory=_with(moment.memory, place, moment.registers[thread] + step.number))
    value = moment.memory[place]
    if step.kept:
        return replace(moment, seen=_with(moment.seen, thread, (*moment.seen[thread], value)))
    return replace(moment, registers=_with(moment.registers, thread, value))


def _with(values: tuple[Any, ...], at: int, value: Any) -> tuple[Any, ...]:
    return (*values[:at], value, *values[at + 1 :])
