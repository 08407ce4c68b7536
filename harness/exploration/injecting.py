"""The argument ``inject=``: finds the places that faults name, and says which exceptions are theirs, not a finding."""

from __future__ import annotations

import asyncio
import concurrent.futures
import difflib
import importlib
import inspect
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from harness.model import IMPORT_REMEDY, UsageError, one_line
from harness.runtime.injection import CallCancelled, CallFails, Fault, Injected, WaitTimesOut
from harness.schedule.fault import Cancels, FaultSpec, Raises, TimesOut

FORMS = 'Raises(OSError, at="package.module:function"), TimesOut() and Cancels()'
TIMED_OUT = (TimeoutError, queue.Empty, queue.Full, threading.BrokenBarrierError)
"""What the standard library raises where a wait times out."""
CANCELLED = (concurrent.futures.CancelledError, asyncio.CancelledError)
_IMMUTABLE = 1 << 8
"""Py_TPFLAGS_IMMUTABLETYPE: a class made in C, whose methods cannot be replaced."""


def resolve(inject: FaultSpec | Sequence[FaultSpec]) -> tuple[Fault, ...]:
    """The faults with the places that they name; raises :class:`UsageError`, one line with cause and remedy."""
    if isinstance(inject, FaultSpec):
        inject = (inject,)
    if isinstance(inject, str) or not isinstance(inject, Sequence):
        raise UsageError(f"inject must be a sequence of faults, not {inject!r}: there are {FORMS}")
    found: list[Fault] = []
    for position, spec in enumerate(inject):
        where = f"inject[{position}]"
        match spec:
            case Raises():
                fault: Fault = _call_fails(spec, where)
            case TimesOut():
                fault = _time_out(spec, where)
            case Cancels():
                fault = _cancelled(spec, where)
            case _:
                raise UsageError(f"{where} is no fault: {spec!r}; there are {FORMS}")
        if any(fault.label == other.label for other in found):
            raise UsageError(f"{where}: {fault.label} is named twice; leave one out")
        found.append(fault)
    return tuple(found)


def _call_fails(spec: Raises, where: str) -> CallFails:
    if bool(spec.at) == bool(spec.after):
        raise UsageError(f"{where}: give at=, to raise instead of the call, or after=, to raise when it was made")
    place = spec.at or spec.after
    make = _maker(spec.error, where)
    holder, name, _ = _function(place, where)
    label = f"{type(make()).__name__} {'instead of' if spec.at else 'after'} {place}"
    return CallFails(label, holder, name, make, not spec.at)


def _maker(error: Any, where: str) -> Callable[[], BaseException]:
    """How to make the exception: a new one each time, since it takes its traceback with it."""
    if not callable(error):
        raise UsageError(
            f"{where}: {error!r} is no type of exception; give one, or a function that makes one: lambda: Error(404)"
        )
    make = (lambda: error("injected")) if isinstance(error, type) else error
    try:
        made = make()
    except Exception as problem:
        raise UsageError(
            f"{where}: the exception cannot be made ({one_line(problem)}); give a function: lambda: Error(404)"
        ) from None
    if not isinstance(made, BaseException):
        raise UsageError(f"{where}: {made!r} is no exception; give a type of exception, or a function that makes one")
    return make


def _time_out(spec: TimesOut, where: str) -> WaitTimesOut:
    if not spec.at:
        return WaitTimesOut("time-out", None)
    _, _, held = _function(spec.at, where)
    plain = inspect.unwrap(getattr(held, "__func__", held))
    if not isinstance(plain, FunctionType):
        raise UsageError(f"{where}: {spec.at} is made in C; name the Python function that waits")
    return WaitTimesOut(f"time-out in {spec.at}", plain.__code__)


def _cancelled(spec: Cancels, where: str) -> CallCancelled:
    holder, name, _ = _function(spec.at, where)
    return CallCancelled(f"cancellation of {spec.at}", holder, name)


def _function(place: str, where: str) -> tuple[Any, str, Any]:
    """Who holds the function that ``place`` names, under what name, and what is held there."""
    module_name, _, path = place.partition(":") if isinstance(place, str) else ("", "", "")
    if not module_name or not path:
        raise UsageError(f"{where}: {place!r} names no function: write package.module:function or :Class.method")
    try:
        holder: Any = importlib.import_module(module_name)
    except Exception as error:
        raise UsageError(f"{where}: {module_name} cannot be imported: {one_line(error)}; {IMPORT_REMEDY}") from None
    *outer, name = path.split(".")
    for part in outer:
        holder = _held(holder, part, where, place)
    held = _held(holder, name, where, place)
    if isinstance(held, type):
        raise UsageError(f"{where}: {place} is a class; name what is called: {place}.__init__")
    inner = held.__func__ if isinstance(held, (staticmethod, classmethod)) else held
    if not isinstance(inner, (FunctionType, BuiltinFunctionType)) or not isinstance(holder, (type, ModuleType)):
        raise UsageError(f"{where}: {place} is a {type(inner).__name__}, no function whose calls can be made to fail")
    if isinstance(holder, type) and holder.__flags__ & _IMMUTABLE:
        raise UsageError(f"{where}: {holder.__name__} is made in C; name the function of yours that calls {name}")
    if getattr(inner, "__module__", None) and inner.__module__.startswith("harness."):
        raise UsageError(f"{where}: {place} is the harness's own while it explores; name the function that calls it")
    return holder, name, held


def _held(holder: Any, name: str, where: str, place: str) -> Any:
    try:
        return inspect.getattr_static(holder, name)
    except AttributeError:
        near = difflib.get_close_matches(name, dir(holder), n=1)
        owner = getattr(holder, "__name__", holder)
        hint = f"did you mean {near[0]}?" if near else "correct the name"
        raise UsageError(f"{where}: {place}: {owner} has no {name}; {hint}") from None


# -- whose exception it is ---------------------------------------------------------------------------------------------


def propagated(error: BaseException, injected: Sequence[Injected]) -> bool:
    """Whether ``error`` is an injected fault on its way to the caller: itself, or raised ``from`` it.

    Of a group, all members must be.
    """
    if not injected:
        return False
    if isinstance(error, BaseExceptionGroup):
        return all(propagated(member, injected) for member in error.exceptions)
    kinds: tuple[type[BaseException], ...] = ()
    for one in injected:
        if isinstance(one.fault, WaitTimesOut):
            kinds += TIMED_OUT
        elif isinstance(one.fault, CallCancelled):
            kinds += CANCELLED
    return any(isinstance(link, kinds) or any(link is one.error for one in injected) for link in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in seen:
        yield link
        seen.append(link)
        link = link.__cause__
