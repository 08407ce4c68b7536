"""One exploration's surroundings: patches, events, workers, state; and one schedule executed and judged in them."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

from harness.exploration.arguments import Script, files_of_callables
from harness.exploration.injecting import propagated
from harness.instrument.accesses import WHOLE, set_scope
from harness.instrument.events import make_events
from harness.instrument.scope import Scope, files_of
from harness.instrument.selfcheck import check_events
from harness.instrument.sites import SyncSites
from harness.model import CannotExplore, Finding, HarnessError, Kind, Violation, one_line, steady
from harness.oracles import serial, stall
from harness.oracles.sharing import conflicting
from harness.runtime.active import slot
from harness.runtime.clock import Clock, virtual_time
from harness.runtime.ending import free_locks
from harness.runtime.existing import Adoption, logging_locks
from harness.runtime.guard import no_processes
from harness.runtime.locks import AbandonedLock
from harness.runtime.outcome import Ending, Outcome
from harness.runtime.patches import replaced_factories
from harness.runtime.reach import walk
from harness.runtime.roles import Observer, Strategy
from harness.runtime.run import Run, get_ident
from harness.runtime.stand_ins import fallible_calls
from harness.runtime.state import Snapshot
from harness.runtime.tasks import Unwound, Worker, Workers
from harness.runtime.threads import ThreadPatch

COLLECT_EVERY = 64
lost_workers: list[Worker] = []
"""Threads of earlier scenarios that are stuck in C for ever: they may disturb later ones, which say so."""


@dataclass(slots=True)
class Executed:
    """One schedule and its judgement."""

    outcome: Outcome
    finding: Finding | None
    observed: Any = None
    problem: str = ""

    def shows(self, kind: Kind) -> bool:
        """Whether it failed, and in this way."""
        return self.finding is not None and self.finding.kind == kind


class Session:
    """Everything that lasts as long as one exploration."""

    def __init__(self, script: Script, root: str, cpu: int | None) -> None:
        self.script = script
        files, folders = files_of(script.modules)
        self.scope = Scope(root, files | files_of_callables(script), folders)
        self.syncs = SyncSites()
        self.clock = Clock()
        self.events = make_events(self.scope, self._on_access)
        self.workers = Workers(cpu, self.events.around)
        self.adoption = Adoption()
        self.serial_outcomes: list[Any] | None = None
        self.compares = False
        self.schedules = 0
        self.notes: list[str] = []
        self._cpu = cpu
        self._arrived = 0
        self.snapshot = Snapshot(self._covers)
        self._modules_known = 0
        self._roots: set[int] = set()
        self._touched: Collection[int] | None = None
        self._state_has_natives = True
        self.observer: Observer | None = None

    @contextlib.contextmanager
    def __call__(self) -> Iterator[Session]:
        if slot.explorer is not None:
            raise CannotExplore("another exploration is running in this process: explore from one thread at a time")
        lost_workers[:] = [worker for worker in lost_workers if worker.ended.locked()]
        if lost_workers:
            names = ", ".join(f"{worker.thread.name} ({worker.native_id})" for worker in lost_workers)
            self.notes.append(f"threads of earlier scenarios are still stuck: {names}")
        with contextlib.ExitStack() as stack:
            slot.explorer, slot.workers = get_ident(), self.workers
            stack.callback(_leave)
            stack.enter_context(replaced_factories())
            stack.enter_context(virtual_time(self.clock))
            stack.enter_context(ThreadPatch())
            stack.enter_context(no_processes())
            stack.enter_context(fallible_calls(self.script.inject))
            stack.enter_context(_quiet_gc())
            stack.enter_context(_pinned(self._cpu))
            stack.enter_context(_unwinding_is_silent())
            set_scope(self.scope.covers)
            stack.callback(self.adoption.undo)
            stack.callback(self._restore)
            stack.callback(self.workers.close)
            self._prepare_state()
            self.events.start()
            stack.callback(self.events.stop)
            check_events(self.events, self.scope, lambda: self._arrived)
            yield self
        lost_workers.extend(self.workers.lost)

    def _prepare_state(self) -> None:
        self.adoption.adopt(walk([self.script.setup, self.script.check, *self.script.threads], self._covers))
        self.adoption.adopt(logging_locks(), None)
        self._learn_modules()
        self.notes.append(
            f"state restored between schedules: {self.snapshot.objects:,} objects of {len(self._roots)} modules"
            + ("" if self.snapshot.complete else " (more exist than are recorded)")
        )

    def _covers_file(self, path: str | None) -> bool:
        return path is not None and self.scope.covers_file(path)

    def _covers(self, thing: Any) -> bool:
        """Whether a function, class or module is the target's."""
        code = getattr(thing, "__code__", None) if type(thing).__name__ == "function" else None
        if code is not None:
            return self.scope.covers(code)
        if isinstance(thing, type):
            module = sys.modules.get(str(type.__getattribute__(thing, "__dict__").get("__module__")))
            return self._covers_file(getattr(module, "__file__", None))
        return self._covers_file(getattr(thing, "__file__", None))

    def _restore(self, touched: Collection[int] | None = None) -> None:
        if len(sys.modules) != self._modules_known:
            self._learn_modules()
        self.snapshot.restore(touched)

    def _learn_modules(self) -> None:
        """Take in modules that were imported since: a lazy import inside a function."""
        self._modules_known = len(sys.modules)
        fresh = [module for module in self._relevant() if id(module) not in self._roots]
        self._roots.update(map(id, fresh))
        reached = list(walk(list(fresh), self._covers))
        if self.adoption.adopt(reached):
            reached = list(walk(list(fresh), self._covers))
        self.snapshot.add(reached)

    def _relevant(self) -> list[ModuleType]:
        """The target's modules that the scenario can reach through imports, starting from its own."""
        by_name = {
            name: module
            for name, module in list(sys.modules.items())
            if type(module) is ModuleType and self._covers_file(getattr(module, "__file__", None))
        }
        own = files_of_callables(self.script)
        pending = [
            module
            for name, module in by_name.items()
            if name in self.script.modules or os.path.abspath(str(module.__file__)) in own
        ]
        found: dict[str, ModuleType] = {}
        while pending:
            module = pending.pop()
            if module.__name__ in found:
                continue
            found[module.__name__] = module
            for value in list(vars(module).values()):
                origin = value.__name__ if type(value) is ModuleType else _module_of(value)
                for name in (origin, *_submodules(origin, by_name)) if type(value) is ModuleType else (origin,):
                    if name in by_name and name not in found:
                        pending.append(by_name[name])
        return list(found.values())

    def _on_access(self, site: Any, frame: FrameType) -> None:
        run = slot.run
        if run is None:
            self._arrived += 1
            return
        task = run.current
        if task is None or task.worker.ident != get_ident():
            task = run.by_ident.get(get_ident())
            if task is None:
                run.outsiders += 1 if threading.get_ident() != slot.explorer else 0
                return
        run.access(task, site, frame)

    # -- one schedule --------------------------------------------------------------------------------------------

    def execute(self, strategy: Strategy, members: Sequence[int]) -> Executed:
        """Run the threads ``members`` of the script once under ``strategy`` and judge the outcome."""
        script = self.script
        self.schedules += 1
        if self.schedules % COLLECT_EVERY == 0:
            # Before the restoration, and of everything: destructors may change what no schedule touched.
            gc.collect(0)
            self._touched = None
        self._restore(self._touched)
        state, started = self._make_state()
        run = Run(
            strategy,
            self.scope,
            self.syncs,
            self.clock,
            self.workers,
            early_timeouts=script.early_timeouts,
            watchdog=script.watchdog,
            everywhere=strategy.everywhere or not script.reduce,
            faults=script.inject,
            most_faults=script.max_faults,
        )
        run.observer = self.observer
        self.clock.now = 0.0
        bodies = [_bound(script.threads[member], state) for member in members]
        names = [script.names[member] for member in members]
        try:
            outcome = run.execute(bodies, names, [script.classes[member] for member in members], started)
            executed = self._judge(outcome, state, members)
            # Nothing of the target may outlive its schedule: its destructors would see restored state.
            outcome.forget()
            return executed
        finally:
            free_locks(run)
            self._touched = None if run.identity.unknown else run.identity.numbers.keys()

    def _make_state(self) -> tuple[Any, list[tuple[threading.Thread, Worker]]]:
        """A fresh state, and the threads that setup has started: they run once the schedule begins."""
        started: list[tuple[threading.Thread, Worker]] = []
        slot.starting = started
        try:
            state = self.script.setup()
        except Exception as error:
            self.workers.give_back([worker for _, worker in started])
            if isinstance(error, HarnessError):
                raise
            raise CannotExplore(
                f"setup raised {one_line(error)}; it must return the state in every run"
            ) from error
        finally:
            slot.starting = None
        if self._state_has_natives:
            self._state_has_natives = bool(self.adoption.adopt(walk([state], self._covers)))
            if self.adoption.locals_found:
                self.workers.fresh = True
        return state, started

    def _judge(self, outcome: Outcome, state: Any, members: Sequence[int]) -> Executed:
        problem = _problem(outcome)
        if problem:
            return Executed(outcome, None, None, problem)
        if outcome.ending is Ending.STALL:
            finding = stall.judge(outcome.waits, outcome.names)
            if self.script.on_stall is None:
                return Executed(outcome, finding)
            self.compares = True
            return Executed(outcome, self.script.on_stall(state, finding))
        if outcome.ending is Ending.LIVELOCK:
            return Executed(outcome, Finding(Kind.LIVELOCK, "livelock: every thread that can run only spins"))
        for index, error in outcome.errors:
            if not isinstance(error, self.script.expected) and not propagated(error, outcome.injected):
                text = f"{outcome.names[index]} raised {one_line(error)}"
                return Executed(outcome, Finding(Kind.EXCEPTION, text))
        try:
            return self._judge_state(outcome, state, members)
        except AbandonedLock as error:
            return Executed(outcome, Finding(Kind.DEADLOCK, f"in the check: {error}"))

    def _judge_state(self, outcome: Outcome, state: Any, members: Sequence[int]) -> Executed:
        script = self.script
        if script.check is not None:
            finding = _checked(script, outcome, state)
            if finding is not None:
                return Executed(outcome, finding)
        if script.check is not None and script.observe is None:
            self.compares = True
            return Executed(outcome, None)
        try:
            observed = script.observe(state) if script.observe is not None else None
        except AbandonedLock:
            raise
        except Exception as error:
            raise CannotExplore(f"observe raised {one_line(error)}") from error
        try:
            results = serial.canonical(outcome.results, [script.classes[member] for member in members])
            value = [results, serial.comparable(observed)]
        except TypeError as error:
            raise CannotExplore(
                f"results cannot be compared ({error}): let observe return plain data, or pass a check"
            ) from None
        self.compares = (
            self.compares or script.observe is not None or any(result is not None for result in outcome.results)
        )
        if script.check is None and self.serial_outcomes is not None and value not in self.serial_outcomes:
            text = (
                f"results {_short(outcome.results)}"
                + (f" with state {_short(observed)}" if script.observe is not None else "")
                + f" match none of the {len(self.serial_outcomes)} sequential outcomes"
            )
            return Executed(outcome, Finding(Kind.NOT_SERIALIZABLE, text), value)
        return Executed(outcome, None, value)

    def learn(self, executed: Executed) -> bool:
        """Let yield points at which ``executed`` showed a conflict become preemptible; True if there were new ones."""
        cold = executed.outcome.cold
        if not cold:
            return False
        found = conflicting(executed.outcome.log, cold, WHOLE)
        for site in found:
            site.hot = True
        return bool(found)


def _module_of(value: Any) -> str:
    """The name of the module that defined a function or class; of an instance, the module of its class."""
    kind = value if isinstance(value, type) or type(value).__name__ == "function" else type(value)
    try:
        return str(object.__getattribute__(kind, "__module__"))
    except AttributeError:
        return str(getattr(kind, "__module__", ""))


def _submodules(package: str, names: Collection[str]) -> list[str]:
    return [name for name in names if name.startswith(package + ".")]


def _leave() -> None:
    slot.explorer = slot.workers = None


def _bound(body: Callable[[Any], Any], state: Any) -> Callable[[], Any]:
    return lambda: body(state)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _problem(outcome: Outcome) -> str:
    if outcome.ending in (Ending.STUCK, Ending.ABORTED):
        return "; ".join(outcome.stuck) or "the schedule was abandoned"
    if outcome.ending is Ending.ENDLESS:
        return f"a schedule did not end within {outcome.points:,} yield points"
    if outcome.ending is Ending.STALL and outcome.externals:
        return f"threads wait for each other while one was blocked in C: {outcome.externals[0]}"
    return ""


def _checked(script: Script, outcome: Outcome, state: Any) -> Finding | None:
    assert script.check is not None
    try:
        verdict = script.check(state, list(outcome.results)) if script.check_takes_results else script.check(state)
    except Violation as violation:
        return Finding(violation.kind, str(violation))
    except AssertionError as error:
        return Finding(Kind.CHECK, str(error).strip().split("\n")[0] or "the check's assertion failed")
    except (AbandonedLock, HarnessError):
        raise
    except Exception as error:
        return Finding(Kind.CHECK, f"the check raised {one_line(error)}")
    if verdict is False:
        return Finding(Kind.CHECK, "the check returned False")
    if verdict is not None and verdict is not True:
        raise CannotExplore(
            f"the check returned {steady(_short(verdict))}, which is neither None nor True nor False: "
            "let it assert, or return a bool"
        )
    return None


@contextlib.contextmanager
def _unwinding_is_silent() -> Iterator[None]:
    """A weakref callback or destructor that is ended by the unwinding of its thread is no error of the target."""
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if unraisable.exc_type is not Unwound:
            before(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextlib.contextmanager
def _quiet_gc() -> Iterator[None]:
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextlib.contextmanager
def _pinned(cpu: int | None) -> Iterator[None]:
    if cpu is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        with _unhurried():
            yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def _unhurried() -> Iterator[None]:
    """Let a woken thread wait until its waker sleeps: else it takes the CPU only to find the GIL taken.

    Threads started meanwhile inherit the policy.
    """
    if not hasattr(os, "SCHED_BATCH") or os.sched_getscheduler(0) != os.SCHED_OTHER:
        yield
        return
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except OSError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
