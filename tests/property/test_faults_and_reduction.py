"""Random programs whose locks time out and whose steps may raise: every outcome with one fault is there.

Reduction loses none of them, and a model that shares no code with the engine bounds them from both sides.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness import Raises, TimesOut, Verdict
from harness.exploration.outcomes import outcomes
from tests.property import straight_line as model
from tests.property.straight_line import Add, Locked, Outcome, Program, Read, Write
from tests.property.test_reduction import bodies, loaded, locked

TIMED = """
def fails():
    pass


class Timed:
    def __init__(self, lock):
        self.lock = lock

    def __enter__(self):
        if not self.lock.acquire(timeout=1):
            raise TimeoutError

    def __exit__(self, *exc):
        self.lock.release()


"""


class Fallible(Program):
    """The same statements, each of which may fail, with locks that are waited for no longer than a second.

    A thread whose wait timed out looks once more before it ends.
    """

    def source(self) -> str:
        text = re.sub(r"with (state\.\w+):", r"with Timed(\1):", super().source())
        text = re.sub(r"^(    +)(?=total |state\.(?!seen)|read_)", r"\1fails()\n\1", text, flags=re.M)
        text = re.sub(r"(?<=    global total\n)((?:    (?!global).*\n)+)(    state.seen_(\d))", _guarded, text)
        return text.replace("class State", TIMED.lstrip() + "class State", 1)


def _guarded(found: re.Match[str]) -> str:
    body, number = re.sub("^", "    ", found[1], flags=re.M).rstrip(" "), found[3]
    return (
        f"    try:\n{body}    except TimeoutError:\n"
        f"        late = state.x\n        state.seen_{number} = (-1, late)\n        return\n{found[2]}"
    )


STOP = model._Step("stop", "")
LATE = (model._Step("read", "state.x", kept=True),)


CONTENDED = Fallible(
    (
        (Locked("state.first", (Add("state.x", 1),)), Read("state.y")),
        (Locked("state.first", (Add("state.x", 10), Write("state.y", 100))),),
    )
)
OVERTAKEN = Fallible(
    (
        (Add("state.x", 10), Locked("state.first", (Read("state.y"),))),
        (Locked("state.first", (Write("state.x", 100), Write("state.x", 200), Write("state.x", 300))),),
    )
)
"""The wait may time out when the other thread has gone on for a while."""


def modelled(program: Program, preemptions: int | None) -> set[Outcome]:
    """Every outcome with at most one fault and that many preemptions; None: with any number."""
    code = tuple((*model._steps(body), STOP, *LATE) for body in program.threads)
    count = len(code)
    start = model._Moment((0,) * count, (0,) * len(model.PLACES), (0,) * count, ((),) * count, (-1,) * len(model.LOCKS))
    found: set[Outcome] = set()
    known: set[Any] = set()
    todo: list[tuple[model._Moment, int, int, int]] = [(start, -1, 0, 1)]
    while todo:
        position = todo.pop()
        if position in known:
            continue
        known.add(position)
        moment, current, used, left = position
        ended = [at == len(steps) or steps[at] is STOP for at, steps in zip(moment.at, code, strict=True)]
        able = [thread for thread in range(count) if not ended[thread] and model._can_step(code, moment, thread)]
        if not able:
            found.add((moment.memory, moment.seen))
        for thread in range(count):
            if ended[thread] or (thread not in able and not left):
                continue
            cost = used + (thread in able and thread != current and current in able)
            if preemptions is None:
                cost = 0
            elif cost > preemptions:
                continue
            if thread in able:
                todo.append((model._stepped(code, moment, thread), thread, cost, left))
            if left and (thread not in able or _step(code, moment, thread).verb in ("read", "store")):
                todo.append((_failed(code, moment, thread, late=thread not in able), thread, cost, left - 1))
    return found


def _step(code: Any, moment: model._Moment, thread: int) -> model._Step:
    return code[thread][moment.at[thread]]  # type: ignore[no-any-return]


def _failed(code: Any, moment: model._Moment, thread: int, *, late: bool) -> model._Moment:
    """The thread lets its lock go and ends without having told what it saw; if it waited too ``late``, it looks."""
    return replace(
        moment,
        at=model._with(moment.at, thread, len(code[thread]) - late * len(LATE)),
        seen=model._with(moment.seen, thread, (-1,) if late else ()),
        owners=tuple(-1 if owner == thread else owner for owner in moment.owners),
    )


def seen_by_the_engine(program: Program, folder: Path, *, reduce: bool) -> tuple[set[Outcome], Any]:
    found: set[Outcome] = set()
    with loaded(program, folder) as module:

        def observe(state: Any) -> Outcome:
            found.add(module.observe(state))
            return module.observe(state)  # type: ignore[no-any-return]

        threads = [getattr(module, f"thread_{number}") for number in range(len(program.threads))]
        faults = [TimesOut(), Raises(OSError, at=f"{module.__name__}:fails")]
        exploration = outcomes(module.State, threads, observe, preemptions=1, reduce=reduce, inject=faults)
    return found, exploration


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


@settings(
    max_examples=12, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@example(program=CONTENDED)
@example(program=OVERTAKEN)
@given(program=st.builds(Fallible, st.tuples(locked.map(lambda one: (one,)), bodies)))
def test_every_outcome_with_one_fault_is_there(folder: Path, program: Program) -> None:
    plain, _ = seen_by_the_engine(program, folder, reduce=False)
    reduced, _ = seen_by_the_engine(program, folder, reduce=True)
    assert reduced == plain
    assert plain >= modelled(program, 1)
    assert plain <= modelled(program, None)


def test_the_faults_are_all_injected_and_seen(folder: Path) -> None:
    found, exploration = seen_by_the_engine(CONTENDED, folder, reduce=True)
    assert exploration.verdict is Verdict.PASS, str(exploration)
    finals = {memory[0] for memory, _ in found}
    assert finals == {1, 10, 11}  # 0 takes two faults
