"""What the kinds share: operations spread over threads, what sequential runs give, values compared by content."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.exploration.sequential import run_in_order
from harness.exploration.smaller import smaller_scripts
from harness.model import UsageError, one_line
from harness.oracles.serial import comparable
from harness.runtime.reading import reads_whole
from harness.targets.expressions import condition, operation

Operation = Callable[[Any], Any] | str
PLAIN = (int, float, complex, str, bytes, tuple, frozenset, type(None), type)


@dataclass(frozen=True, slots=True)
class Done:
    """An operation that ended: its number, and what it returned or raised."""

    operation: int
    value: Any = None
    error: BaseException | None = None


def operations(call: Operation | Sequence[Operation], kind: str, name: str = "call") -> list[Callable[[Any], Any]]:
    """The operations as functions of the target; strings are expressions on it."""
    listed = [call] if isinstance(call, str) or callable(call) else list(call)
    if not listed:
        raise UsageError(f"{kind}: {name} is empty: name at least one operation, such as \"infer('a')\"")
    return [
        operation(one, f"{kind}: {name}[{number}]") if isinstance(one, str) else one
        for number, one in enumerate(listed)
    ]


def reader(observe: Operation | None, kind: str) -> Callable[[Any], Any] | None:
    """``observe`` as a function of the target."""
    return operation(observe, f"{kind}: observe") if isinstance(observe, str) else observe


def predicate(invariant: Operation | None, kind: str) -> Callable[[Any], Any] | None:
    """``invariant`` as a function of an observed value."""
    return condition(invariant, f"{kind}: invariant") if isinstance(invariant, str) else invariant


def name_of(function: Callable[..., Any]) -> str:
    """A name for messages."""
    return str(getattr(function, "__name__", type(function).__name__))


def body(
    number: int, function: Callable[[Any], Any], catch: tuple[type[BaseException], ...] = (), *, keep: bool = False
) -> Callable[[Any], Done]:
    """A thread that performs one operation; ``keep`` copies a container, so that what was read can be judged later."""

    def perform(target: Any) -> Done:
        try:
            value = function(target)
        except catch as error:
            return Done(number, error=error)
        if not keep:
            return Done(number, value)
        if isinstance(value, (dict, list, set)):
            reads_whole(value)
        return Done(number, (value, frozen(value)))

    perform.__name__ = name_of(function)
    return perform


def spread(bodies: Sequence[Callable[[Any], Any]], threads: int, kind: str) -> list[Callable[[Any], Any]]:
    """``threads`` threads that take the operations in turn."""
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 2:
        raise UsageError(f"{kind}: threads must be a whole number of at least 2, not {threads!r}")
    return list(itertools.islice(itertools.cycle(bodies), max(threads, len(bodies))))


def frozen(value: Any) -> Any:
    """A copy of a container of plain data; anything else as it is."""
    if isinstance(value, (dict, list, set)) or dataclasses.is_dataclass(value):
        try:
            return copy.deepcopy(value)
        except Exception:
            return value
    return value


def content(value: Any) -> Any:
    """``value`` in a form that compares by content, or None where there is only identity to compare."""
    try:
        return comparable(fields(value) if dataclasses.is_dataclass(value) else value)
    except TypeError:
        return None


def fields(value: Any) -> dict[str, Any]:
    """An observed value by name: the entries of a mapping, the fields of a record, or the one value."""
    if isinstance(value, Mapping):
        return {str(key): entry for key, entry in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=True))
    return {"observed value": value}


def attributes(thing: Any) -> dict[str, Any]:
    """The instance attributes of an object, slots included, without running its code."""
    found: dict[str, Any] = {}
    for base in type(thing).__mro__:
        names = base.__dict__.get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            descriptor: Any = base.__dict__.get(name)
            if name not in ("__dict__", "__weakref__") and hasattr(descriptor, "__get__"):
                try:
                    found[name] = descriptor.__get__(thing)
                except AttributeError:
                    continue
    with contextlib.suppress(AttributeError):
        found.update(object.__getattribute__(thing, "__dict__"))
    return found


Key = tuple[int, ...]
"""Which operations ran: their numbers, sorted."""


class Sequential:
    """What the operations give when they run one after another, for each set of them that an exploration may run."""

    def __init__(self) -> None:
        self.observed: dict[Key, list[dict[str, Any]]] = {}
        self.results: dict[Key, list[Counter[str]]] = {}
        self.raised: dict[int, set[type[BaseException]]] = {}
        self.values: dict[int, list[Any]] = {}
        self.raw: list[Any] = []

    def expected(self, key: Key) -> dict[str, Any]:
        """The observed entries that every sequential order of these operations gives."""
        runs = self.observed.get(key, [])
        if not runs:
            return {}
        first, *others = runs
        return {
            name: value
            for name, value in first.items()
            if content(value) is not None and all(name in o and content(o[name]) == content(value) for o in others)
        }

    def expected_results(self, key: Key) -> Counter[str] | None:
        """The results, without their order, that every sequential order gives; None where orders differ."""
        runs = self.results.get(key, [])
        return runs[0] if runs and all(run == runs[0] for run in runs) else None


def key_of(results: Sequence[Done]) -> Key:
    """The operations that ran."""
    return tuple(sorted(done.operation for done in results))


def shown(results: Sequence[Done]) -> Counter[str]:
    """Results by content, without their order; those that compare by identity only are left out."""
    found: Counter[str] = Counter()
    for done in results:
        value = ("raised", type(done.error).__name__) if done.error is not None else content(done.value)
        if value is not None:
            found[f"{done.operation}: {value!r}"] += 1
    return found


def sequential(
    setup: Callable[[], Any],
    threads: Sequence[Callable[[Any], Done]],
    observe: Callable[[Any], Any] | None,
    kind: str,
    options: Mapping[str, Any],
) -> Sequential:
    """Run the script, and each smaller one that a proof may use, in several sequential orders."""
    if options.get("inject"):
        raise UsageError(
            f"{kind}: inject is not possible here, the outcome is judged by runs without faults; "
            "use explore() with a check of your own"
        )
    found = Sequential()
    first = {id(one): position for position, one in reversed(list(enumerate(threads)))}
    classes = tuple(first[id(one)] for one in threads)
    everyone = tuple(range(len(threads)))
    runs: list[tuple[int, ...]] = []
    for members in (everyone, *smaller_scripts(classes)):
        runs += [members, members[::-1]]
        if len(set(members)) > 2:
            runs += [(*members[1:], members[0])]

    def record(state: Any, results: Sequence[Any]) -> None:
        key = key_of(results)
        found.results.setdefault(key, []).append(shown(results))
        for done in results:
            found.values.setdefault(done.operation, []).append(done.value)
            if done.error is not None:
                found.raised.setdefault(done.operation, set()).add(type(done.error))
        if observe is not None:
            value = observe(state)
            found.raw.append(frozen(value))
            found.observed.setdefault(key, []).append(dict(fields(frozen(value))))

    finding = run_in_order(
        setup, threads, record, list(dict.fromkeys(runs)), modules=options.get("modules", ()), root=options.get("root")
    )
    if finding is not None:
        raise UsageError(
            f"{kind}: already wrong when the operations run one after another: {finding.message}; "
            "correct the call, or list the exception in expected"
        )
    return found


def holds(invariant: Callable[[Any], Any], value: Any) -> str:
    """Why the invariant does not hold on ``value``, or nothing."""
    try:
        verdict = invariant(value)
    except UsageError:
        raise
    except AssertionError as error:
        return f"{one_line(error)} on {brief(value)}"
    return f"{name_of(invariant)} does not hold on {brief(value)}" if verdict is False else ""


def brief(value: Any) -> str:
    """A value on one line of moderate length."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 160 else text[:157] + "..."
