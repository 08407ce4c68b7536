"""The arguments of an exploration, checked at the door."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.exploration.injecting import resolve
from harness.model import IMPORT_REMEDY, Finding, UsageError, one_line
from harness.oracles import serial
from harness.runtime.injection import CallFails, Fault, WaitTimesOut
from harness.schedule import Witness
from harness.schedule.fault import FaultSpec

DEFAULT_SCHEDULES = 10_000
SAMPLES = 200


@dataclass(frozen=True, slots=True)
class Script:
    """A validated scenario."""

    setup: Callable[[], Any]
    threads: tuple[Callable[[Any], Any], ...]
    names: tuple[str, ...]
    classes: tuple[int, ...]
    check: Callable[..., Any] | None
    check_takes_results: bool
    observe: Callable[[Any], Any] | None
    modules: tuple[str, ...]
    preemptions: int
    schedules: int
    seconds: float | None
    seed: int
    expected: tuple[type[BaseException], ...]
    replay: Witness | None
    early_timeouts: bool
    watchdog: float
    reduce: bool = True
    on_stall: Callable[[Any, Finding], Finding | None] | None = None
    """Judges, with the state, a schedule in which no thread can go on: None where that is right."""
    inject: tuple[Fault, ...] = ()
    max_faults: int = 0


def validate(
    setup: Callable[[], Any],
    threads: Sequence[Callable[[Any], Any]],
    check: Callable[..., Any] | None,
    *,
    observe: Callable[[Any], Any] | None,
    modules: Sequence[str],
    preemptions: int,
    schedules: int,
    seconds: float | None,
    seed: int,
    expected: Sequence[type[BaseException]],
    replay: Witness | str | Path | None,
    timeouts: str,
    watchdog: float,
    inject: FaultSpec | Sequence[FaultSpec] = (),
    max_faults: int = 1,
) -> Script:
    """Check every argument; raises :class:`UsageError`, one line with cause and remedy."""
    if not callable(setup):
        raise UsageError(f"setup must be callable and return the state, not {setup!r}: pass a function or lambda")
    _takes(setup, 0, "setup", "setup() -> state")
    bodies = _threads(threads)
    takes_results = check is not None and _check_shape(check)
    if observe is not None:
        _takes(observe, 1, "observe", "observe(state) -> plain data")
    _number("preemptions", preemptions, 0)
    _number("schedules", schedules, 1)
    if seconds is not None and not (isinstance(seconds, (int, float)) and seconds > 0):
        raise UsageError(f"seconds must be a positive number or None, not {seconds!r}")
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise UsageError(f"seed must be a whole number, not {seed!r}")
    if timeouts not in ("virtual", "any"):
        raise UsageError(f"timeouts must be 'virtual' or 'any', not {timeouts!r}")
    if not isinstance(watchdog, (int, float)) or isinstance(watchdog, bool) or not watchdog > 0:
        raise UsageError(f"watchdog must be a positive number of seconds, not {watchdog!r}")
    _number("max_faults", max_faults, 0)
    faults = resolve(inject)
    _compatible(faults, check, timeouts)
    classes = _classes(bodies)
    orders = serial.count_orders(classes)
    if check is None and orders > serial.LIMIT:
        raise UsageError(
            f"{len(bodies)} threads have {orders:,} sequential orders, more than {serial.LIMIT:,}: pass a check"
        )
    return Script(
        setup,
        bodies,
        _names(bodies),
        classes,
        check,
        takes_results,
        observe,
        _modules(modules),
        preemptions,
        schedules,
        seconds,
        seed,
        _expected(expected),
        _record(replay),
        timeouts == "any",
        watchdog,
        inject=faults,
        max_faults=max_faults if faults else 0,
    )


def _compatible(faults: Sequence[Fault], check: object, timeouts: str) -> None:
    """Refuse what ``inject`` cannot be combined with."""
    if timeouts == "any" and any(isinstance(fault, WaitTimesOut) for fault in faults):
        raise UsageError('TimesOut() injects what timeouts="any" lets happen without a bound: give one of them')
    other = next((fault for fault in faults if not isinstance(fault, CallFails)), None)
    if check is None and other is not None:
        raise UsageError(
            f"inject with {other.label} needs a check: threads that run one after another neither wait nor are "
            "cancelled, so there is no outcome to compare with"
        )


def _record(replay: object) -> Witness | None:
    if replay is None or isinstance(replay, Witness):
        return replay
    if not isinstance(replay, (str, os.PathLike)):
        raise UsageError(f"replay must be a witness or the path of one, not {replay!r}")
    return Witness.load(replay)


def _number(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, not {value!r}")


def _threads(threads: Sequence[Callable[[Any], Any]]) -> tuple[Callable[[Any], Any], ...]:
    try:
        bodies = tuple(threads)
    except TypeError:
        raise UsageError(f"threads must be a list of callables of the state, not {threads!r}") from None
    if len(bodies) < 2:
        raise UsageError(
            f"threads holds {len(bodies)} callable{'' if len(bodies) == 1 else 's'}: interleaving takes at least two"
        )
    for position, body in enumerate(bodies):
        if not callable(body):
            raise UsageError(f"threads[{position}] is not callable: {body!r}; pass functions of the state")
        plain = body.func if isinstance(body, functools.partial) else body
        if _is_async(plain):
            raise UsageError(
                f"threads[{position}] is an async def: coroutines are not interleaved here; "
                "pass a function that runs it, e.g. lambda state: asyncio.run(f(state))"
            )
        _takes(body, 1, f"threads[{position}]", "thread(state)")
    return bodies


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(vars(type(function)).get("__call__"))


def _takes(function: Callable[..., Any], count: int, name: str, shape: str) -> None:
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        raise UsageError(
            f"{name} cannot be called with {count} positional argument{'' if count == 1 else 's'}: "
            f"its shape must be {shape}"
        ) from None
    except ValueError:
        return


def _check_shape(check: Callable[..., Any]) -> bool:
    """Whether ``check`` takes the results too."""
    if not callable(check):
        raise UsageError(f"check must be callable, not {check!r}: its shape is check(state) or check(state, results)")
    if _is_async(check):
        raise UsageError("check is an async def: it would never run; make it a plain function")
    try:
        signature = inspect.signature(check)
    except ValueError:
        return False
    for count in (2, 1):
        try:
            signature.bind(*[None] * count)
        except TypeError:
            continue
        required = [p for p in signature.parameters.values() if p.default is p.empty and p.kind in (0, 1)]
        variadic = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
        return count == 2 and (len(required) == 2 or variadic)
    raise UsageError(f"check{signature} has the wrong shape: it must be check(state) or check(state, results)")


def _classes(bodies: Sequence[Callable[[Any], Any]]) -> tuple[int, ...]:
    """A number for each thread, equal for threads with the same callable and arguments: they are interchangeable."""
    first: dict[Any, int] = {}
    return tuple(first.setdefault(_identity(body), position) for position, body in enumerate(bodies))


def _identity(body: Callable[[Any], Any]) -> Any:
    if isinstance(body, functools.partial):
        return (
            id(body.func),
            tuple(map(_atom, body.args)),
            tuple((name, _atom(value)) for name, value in sorted(body.keywords.items())),
        )
    if inspect.ismethod(body):
        return (id(body.__func__), id(body.__self__))
    return id(body)


def _atom(value: Any) -> Any:
    return (type(value), value) if type(value) in (int, str, bool, float, bytes, type(None)) else id(value)


def _names(bodies: Sequence[Callable[[Any], Any]]) -> tuple[str, ...]:
    return tuple(f"T{position + 1} {_name(body)}".strip() for position, body in enumerate(bodies))


def _name(body: Callable[[Any], Any]) -> str:
    plain = body.func if isinstance(body, functools.partial) else body
    name = getattr(plain, "__name__", type(plain).__name__)
    return "" if name == "<lambda>" else str(name)


def _expected(expected: Sequence[type[BaseException]]) -> tuple[type[BaseException], ...]:
    try:
        kinds: tuple[Any, ...] = (expected,) if isinstance(expected, type) else tuple(expected)
    except TypeError:
        raise UsageError(f"expected must be a sequence of exception types, not {expected!r}") from None
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise UsageError(f"expected must hold exception types, not {kind!r}")
    return kinds


def _modules(modules: Sequence[str]) -> tuple[str, ...]:
    if isinstance(modules, str):
        raise UsageError(f"modules must be a sequence of dotted names: write modules=({modules!r},)")
    for name in modules:
        if name not in sys.modules:
            try:
                importlib.import_module(name)
            except ImportError as error:
                raise UsageError(
                    f"modules names {name!r}, which cannot be imported: {one_line(error)}; {IMPORT_REMEDY}"
                ) from None
            except Exception as error:
                raise UsageError(
                    f"modules names {name!r}, which fails on import: {one_line(error)}; mend or leave out the module"
                ) from None
    return tuple(modules)


def files_of_callables(script: Script) -> set[str]:
    """The files of the scenario's own functions."""
    found = set()
    for function in (script.setup, script.check, script.observe, *script.threads):
        plain: Any = function
        while isinstance(plain, functools.partial):
            plain = plain.func
        plain = inspect.unwrap(plain) if plain is not None else None
        code = getattr(getattr(plain, "__func__", plain), "__code__", None)
        if code is None and plain is not None:
            code = getattr(vars(type(plain)).get("__call__"), "__code__", None)
        if code is not None:
            found.add(os.path.abspath(code.co_filename))
    return found
