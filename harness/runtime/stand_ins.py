"""Functions that stand in for those whose calls may fail or be cancelled; whether they do, the faults of a run say."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from harness.instrument.foreign import stands_in
from harness.runtime.active import controlled, slot
from harness.runtime.injection import CallCancelled, CallFails, Fault, Faults, WaitTimesOut
from harness.runtime.tasks import Task


def _faults() -> tuple[Faults, Task] | None:
    """The faults of the run that controls the calling thread."""
    task = controlled()
    if task is None:
        return None
    assert slot.run is not None
    return (slot.run.faults, task) if slot.run.faults is not None else None


def _failing(fault: CallFails, native: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        found = _faults()
        if found is None:
            return native(*args, **kwargs)
        faults, task = found
        if not faults.strikes(task, fault, sys._getframe(1)):
            return native(*args, **kwargs)
        if fault.after:
            native(*args, **kwargs)
        else:
            _close_coroutines(*args, *kwargs.values())
        raise faults.error(task, fault)

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        found = _faults()
        if found is None:
            return await native(*args, **kwargs)
        faults, task = found
        if not faults.strikes(task, fault, sys._getframe(1)):
            return await native(*args, **kwargs)
        if fault.after:
            await native(*args, **kwargs)
        else:
            _close_coroutines(*args, *kwargs.values())
        raise faults.error(task, fault)

    return call_async if inspect.iscoroutinefunction(native) else call


def _cancelling(fault: CallCancelled, native: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        result = native(*args, **kwargs)
        found = _faults()
        if found is not None and isinstance(result, Future) and not (result.running() or result.done()):
            faults, task = found
            if faults.strikes(task, fault, sys._getframe(1)):
                faults.cancel_later(task, fault, result)
        return result

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        found = _faults()
        current = _current_task() if found is not None else None
        if found is not None and current is not None and found[0].strikes(found[1], fault, sys._getframe(1)):
            found[0].add(fault, found[1].index)
            current.cancel()
            await asyncio.sleep(0)
        return await native(*args, **kwargs)

    return call_async if inspect.iscoroutinefunction(native) else call


def _close_coroutines(*values: Any) -> None:
    """Nobody awaits what was given to a call that is not made; Python would warn of it."""
    for value in values:
        if inspect.iscoroutine(value):
            value.close()


def _current_task() -> asyncio.Task[Any] | None:
    """The task of asyncio that runs in this thread; a coroutine may also be run by something else."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _stand_in(fault: CallFails | CallCancelled, held: Any) -> Any:
    """What to put in the place of ``held``: a function, or the static or class method around one."""
    if isinstance(held, (staticmethod, classmethod)):
        return type(held)(_stand_in(fault, held.__func__))
    made = _failing(fault, held) if isinstance(fault, CallFails) else _cancelling(fault, held)
    functools.update_wrapper(made, held)
    stands_in(made)
    return made


@contextmanager
def fallible_calls(faults: Sequence[Fault]) -> Iterator[None]:
    """Put what may fail in the places that the faults name, and wherever a loaded module holds the same function."""
    undo: list[tuple[Any, str, Any, Any, bool]] = []
    try:
        for fault in faults:
            if isinstance(fault, WaitTimesOut):
                continue
            held = inspect.getattr_static(fault.holder, fault.name)
            made = _stand_in(fault, held)
            undo.append((fault.holder, fault.name, held, made, fault.name not in vars(fault.holder)))
            setattr(fault.holder, fault.name, made)
            if inspect.ismodule(fault.holder):
                _replace_imported(held, made)
        yield
    finally:
        for holder, name, held, made, inherited in reversed(undo):
            if inherited:
                delattr(holder, name)
            else:
                setattr(holder, name, held)
            if inspect.ismodule(holder):
                _replace_imported(made, held)


def _replace_imported(old: Any, new: Any) -> None:
    """Replace a function in every loaded module that has imported it."""
    for module in list(sys.modules.values()):
        space = getattr(module, "__dict__", None)
        if type(space) is dict:
            for name in [name for name, value in list(space.items()) if value is old]:
                space[name] = new
