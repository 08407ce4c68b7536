"""The kind ``cache``: a value is made once, and no look-up gives a stale value or that of another key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.exploration.api import explore as explore_schedules
from harness.exploration.result import Exploration
from harness.kinds._script import Done, Operation, body, brief, content, operations, reader, sequential, spread
from harness.model import UsageError, Violation


def cache(
    make: Callable[[], Any],
    call: Operation | Sequence[Operation],
    *,
    update: Operation | Sequence[Operation] = (),
    made: Operation | None = None,
    threads: int = 10,
    explore: Callable[..., Exploration] = explore_schedules,
    **options: Any,
) -> Exploration:
    """Look up ``call``, one operation for each key, from ``threads`` threads while one thread performs ``update``.

    A look-up gives what it gives before or after the update, else ``foreign_value`` (that of another key) or
    ``stale_value``; once all ended it gives the value after the update, else ``stale_value``. ``made`` counts the
    values made, and may not count more than in the sequential run, else ``double_init``; without it and without
    ``update``, objects must be the same for all threads.
    """
    lookups = operations(call, "cache")
    updates = operations(update, "cache", "update") if update else []
    count = reader(made, "cache")

    def renew(target: Any) -> None:
        for one in updates:
            one(target)

    def final(target: Any) -> list[Any]:
        # First the count: the look-ups themselves may make values.
        total = count(target) if count is not None else None
        return [total, *(one(target) for one in lookups)]

    gets = [body(number, one) for number, one in enumerate(lookups)]
    last = len(gets)
    script = spread(gets, threads, "cache") + ([body(last, renew)] if updates else [])
    known = sequential(make, script, lambda target: {"final": final(target)}, "cache", options)
    finals = [value["final"] for value in known.raw]
    valid = {number: [content(value) for value in known.values[number]] for number in range(last)}
    for number in range(last):
        if not updates and any(value != valid[number][0] for value in valid[number]):
            raise UsageError(f"cache: call[{number}] gives different values even alone: it is no look-up")
    most = {key: max(value["final"][0] or 0 for value in runs) for key, runs in known.observed.items()}

    def check(state: Any, results: Sequence[Done]) -> None:
        key = tuple(sorted(done.operation for done in results))
        for done in results:
            if done.operation == last:
                continue
            value = content(done.value)
            if value not in valid[done.operation]:
                other = [n for n in range(last) if n != done.operation and value in valid[n] and value is not None]
                whose = f", the value of call[{other[0]}]" if other else ""
                raise Violation(
                    "foreign_value" if other else "stale_value", f"a look-up gave {brief(done.value)}{whose}"
                )
        after = final(state)
        if count is not None and after[0] > most.get(key, after[0]):
            raise Violation("double_init", f"{after[0]} values were made; one after another {most[key]}")
        if not updates and count is None:
            for number in range(last):
                things = {id(done.value) for done in results if done.operation == number}
                if len(things) > 1 and not isinstance(results[0].value, (int, float, str, bytes, type(None))):
                    raise Violation("double_init", f"the value of call[{number}] was made {len(things)} times")
        if updates and last in key:
            for number in range(last):
                if content(after[number + 1]) not in [content(run[number + 1]) for run in finals[:1]]:
                    raise Violation(
                        "stale_value",
                        f"after the update call[{number}] still gives {brief(after[number + 1])}, "
                        f"not {brief(finals[0][number + 1])}",
                    )

    return explore(make, script, check, **options)


def fits(target: Any) -> str:
    """Why a target is no case for this kind, or nothing."""
    return "" if target.cache else "cache names no look-up"


def configured(target: Any, explore: Callable[..., Exploration]) -> Exploration:
    """Run the kind on a configured target."""
    return cache(
        target.make,
        target.cache or target.call,
        update=target.update,
        made=target.made,
        threads=target.threads,
        explore=explore,
        **target.options,
    )
