"""The kind ``lifecycle``: start, use, stop, use after stop and double close, in any overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.exploration.api import explore as explore_schedules
from harness.exploration.result import Exploration
from harness.kinds._script import Done, Operation, body, content, fields, key_of, operations, reader, sequential
from harness.model import UsageError, Violation, one_line
from harness.targets.offers import STARTS, STOPS

ACCIDENTS = (AttributeError, NameError, TypeError, IndexError, KeyError)


def lifecycle(
    make: Callable[[], Any],
    call: Operation | Sequence[Operation],
    *,
    stop: Operation,
    start: Operation | None = None,
    observe: Operation | None = None,
    expected: tuple[type[BaseException], ...] = (),
    explore: Callable[..., Exploration] = explore_schedules,
    **options: Any,
) -> Exploration:
    """Use a started object from one thread for each operation while two others stop it, and use it afterwards.

    Run one after another, the operations say what a use after the stop raises; other exceptions are
    ``use_after_stop``, as is an accident such as AttributeError. A second stop must not raise, and what ``observe``
    counts must come out as in the sequential runs: else ``double_close``. A wait for ever is a deadlock.
    """
    uses = operations(call, "lifecycle")
    (end,) = operations(stop, "lifecycle", "stop")
    begin = operations(start, "lifecycle", "start")[0] if start is not None else None
    look = reader(observe, "lifecycle")
    last = len(uses)

    def started() -> Any:
        target = make()
        if begin is not None:
            begin(target)
        return target

    def stop_and_use(target: Any) -> Any:
        end(target)
        return [body(number, one, (Exception,))(target) for number, one in enumerate(uses)]

    script = [body(number, one, (Exception,)) for number, one in enumerate(uses)]
    script += [body(last, end, (Exception,)), body(last + 1, stop_and_use, (Exception,))]
    known = sequential(started, script, look, "lifecycle", options)
    allowed = {number: {kind for kind in known.raised.get(number, ()) if not issubclass(kind, ACCIDENTS)}
               for number in range(last)}  # fmt: skip
    for values in known.values[last + 1]:
        for done in values or ():
            if done.error is not None and not isinstance(done.error, ACCIDENTS):
                allowed[done.operation].add(type(done.error))

    def judge(done: Done) -> None:
        if done.operation == last + 1:
            for later in done.value or ():
                judge(later)
        if done.error is None or isinstance(done.error, expected):
            return
        if done.operation >= last:
            raise Violation("double_close", f"a stop raised {one_line(done.error)}")
        if type(done.error) not in allowed[done.operation]:
            raise Violation("use_after_stop", f"call[{done.operation}] raised {one_line(done.error)}")

    def check(state: Any, results: Sequence[Done]) -> None:
        for done in results:
            judge(done)
        if look is not None:
            now = fields(look(state))
            for name, value in known.expected(key_of(results)).items():
                if content(now.get(name)) != content(value):
                    raise Violation("double_close", f"{name} is {now.get(name)!r}; one after another {value!r}")

    return explore(started, script, check, **options)


def fits(target: Any) -> str:
    """Why a target is no case for this kind, or nothing."""
    if not target.call:
        return "call names no operation"
    return "" if stop_of(target) else f"it has no {', '.join(STOPS[:-1])} or {STOPS[-1]}, and stop is not given"


def stop_of(target: Any) -> Operation | None:
    """The operation that stops a target: configured, or the first of the usual names it has."""
    return target.stop or next((f"{name}()" for name in STOPS if callable(getattr(target.maker, name, None))), None)


def configured(target: Any, explore: Callable[..., Exploration]) -> Exploration:
    """Run the kind on a configured target."""
    stop = stop_of(target)
    if stop is None:
        raise UsageError(f"lifecycle: {fits(target)}; add stop = \"...\" to the target")
    start = target.start or next((f"{n}()" for n in STARTS if callable(getattr(target.maker, n, None))), None)
    return lifecycle(
        target.make,
        target.call,
        stop=stop,
        start=start,
        observe=target.observe,
        expected=target.expected,
        explore=explore,
        **target.options,
    )
