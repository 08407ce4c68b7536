"""Programs over the modules in `targets`: locks made at import, and state that must start equal in each schedule.

Each setup asserts the state that the module has after its import, so that a restore that was forgotten shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..program import Program
from ..targets import (
    alias,
    background,
    caches,
    classes,
    closures,
    containers,
    contexts,
    counter,
    lazy,
    metrics,
    orders,
    singleton,
)

Body = Callable[[object], object]


def starts_with(*facts: Callable[[], bool]) -> Callable[[], None]:
    """A setup without a state that asserts facts about the modules."""

    def setup() -> None:
        for number, fact in enumerate(facts):
            assert fact(), f"module state was not restored: fact {number}"

    return setup


def calls(*actions: Callable[[], object]) -> Body:
    """A thread that performs the actions and returns the last one's value."""

    def body(_: object) -> object:
        value: object = None
        for action in actions:
            value = action()
        return value

    return body


def add_one(_: None) -> int:
    return counter.add(1)


def counted(_: None, results: Sequence[int]) -> bool:
    return (
        counter.total == len(results)
        and counter.history == sorted(results)
        and sum(counter.by_kind.values()) == len(results)
        and counter.seen == set(results)
    )


def make_registry(_: None) -> int:
    return classes.Registry("plain").number


def make_special(_: None) -> str:
    return classes.Special("special").names[-1]


def registered(_: None) -> bool:
    return (
        classes.Registry.made == 2
        and classes.Special.made == 2
        and sorted(classes.Registry.names)
        == [
            "plain",
            "plain",
            "special",
        ]
    )


def handle(_: None) -> dict[str, int]:
    singleton.service.handle(fails=True)
    return singleton.service.snapshot()


def handled(_: None, results: Sequence[dict[str, int]]) -> bool:
    return singleton.service.stats == {"requests": 2, "errors": 2} and all(
        result["requests"] == result["errors"] for result in results
    )


def one_manager(_: None, results: Sequence[object]) -> bool:
    return len({id(result) for result in results}) == 1 and singleton.Manager.initialisations == 1


def use_lazily(_: None) -> int:
    singleton.get_service().handle()
    return singleton.lazily_made


def one_service(_: None, results: Sequence[object]) -> bool:
    return list(results) == [1, 1] and singleton.get_service().stats["requests"] == 2


def containers_are_fresh() -> bool:
    return (
        list(containers.tasks) == [1, 2, 3]
        and containers.done == []
        and containers.claims == {}
        and containers.members == {"first"}
        and containers.nested == {"outer": {"inner": []}}
        and not containers.groups
        and list(containers.order) == ["start"]
    )


def all_done(_: None, results: Sequence[int]) -> bool:
    return sorted(containers.done) == [1, 2, 3] and sum(results) == 3 and not containers.tasks


def claim_as(owner: str) -> Body:
    return calls(lambda: containers.claim("name", owner))


def one_owner(_: None, results: Sequence[object]) -> bool:
    return sorted(map(bool, results)) == [False, True] and containers.claims["name"] in ("a", "b")


def join_and_note(name: str) -> Body:
    def body(_: object) -> None:
        containers.join(name)
        containers.note(len(name))
        containers.groups["all"].append(len(name))
        containers.order[name] = len(name)

    return body


def all_noted(_: None) -> bool:
    return (
        containers.members == {"first", "x", "yy"}
        and sorted(containers.nested["outer"]["inner"]) == [1, 2]
        and len(containers.groups["all"]) <= 2
        and set(containers.order) == {"start", "x", "yy"}
    )


def take_numbers(taken: list[int]) -> None:
    for _ in range(2):
        taken.append(containers.next_number())


def no_number_twice(taken: list[int]) -> bool:
    return len(taken) == len(set(taken)) == 4


def use_caches(_: None) -> tuple[object, ...]:
    return caches.square(3), caches.settings(), caches.compute_once(4)


def computed_once(_: None, results: Sequence[object]) -> bool:
    return list(results) == [(9, ("a", "b"), 40)] * 2 and caches.computed == 1


def read_document(document: caches.Document) -> tuple[object, ...]:
    return document.words, document.length


def same_words(document: caches.Document, results: Sequence[object]) -> bool:
    return list(results) == [(("one", "two"), 7)] * 2


def numbered(_: None) -> bool:
    return [line.split()[0] for line in closures.log] == ["0", "1"]


def price_of(name: str) -> Body:
    return calls(lambda: lazy.price(name))


def count_requests() -> float:
    """The counter belongs to a foreign package, so the check looks at the difference."""
    return metrics.value("ok")


def request(_: float) -> None:
    metrics.handle("ok")


def two_more(before: float) -> bool:
    return metrics.value("ok") - before == 2


def fresh_order() -> orders.Order:
    return orders.Order()


def add_line(order: orders.Order) -> None:
    order.add("line")


def two_lines(order: orders.Order) -> bool:
    return str(order) == "2 lines"


def enter_as(name: str) -> Body:
    return calls(lambda: contexts.enter(name))


def own_context(_: None, results: Sequence[object]) -> bool:
    return list(results) == [6, 6] and sorted(contexts.log) == [("left", 6), ("right", 6)]


def advance(_: None) -> str:
    return contexts.advance().name


def advanced(_: None, results: Sequence[object]) -> bool:
    return sorted(map(str, results)) == ["DONE", "DONE", "RUNNING"] and contexts.state is contexts.State.DONE


def read_totals(_: None) -> bool:
    snapshot = contexts.totals
    return snapshot.total == 5 * snapshot.number


def totals_agree(_: None, results: Sequence[object]) -> bool:
    return results[0] is True and contexts.totals == (2, 10)


def increase_and_wait(_: None) -> int:
    alias.increase()
    return alias.wait_for(2)


COUNTER_IS_FRESH = starts_with(
    lambda: counter.total == 0,
    lambda: counter.history == [],
    lambda: counter.by_kind == {"even": 0, "odd": 0},
    lambda: counter.seen == set(),
)
ALIAS_IS_FRESH = starts_with(lambda: alias.value == 0, lambda: not alias._started.is_set(), alias._line.empty)

PROGRAMS = (
    Program("module_counter", COUNTER_IS_FRESH, [add_one, add_one], counted),
    Program("module_counter_three", COUNTER_IS_FRESH, [add_one] * 3, counted),
    Program("module_counter_sequential", COUNTER_IS_FRESH, [add_one, add_one], observe=lambda _: list(counter.history)),
    Program("alias_condition", ALIAS_IS_FRESH, [increase_and_wait] * 2, lambda _, results: results == [2, 2]),
    Program("alias_rlock", ALIAS_IS_FRESH, [calls(alias.outer), calls(alias.outer)], lambda _: alias.value == 2),
    Program(
        "alias_event_waiter_first",
        ALIAS_IS_FRESH,
        [calls(alias.await_signal), calls(alias.signal)],
        lambda _, results: results[0] is True,
    ),
    Program(
        "alias_event_setter_first",
        ALIAS_IS_FRESH,
        [calls(alias.signal), calls(alias.await_signal)],
        lambda _, results: results[1] is True,
    ),
    Program(
        "alias_queue",
        ALIAS_IS_FRESH,
        [calls(alias.receive), calls(lambda: alias.send(4))],
        lambda _, results: results[0] == 4,
    ),
    Program(
        "class_lock",
        starts_with(lambda: classes.Registry.names == [], lambda: classes.Registry.made == 0),
        [make_registry, make_registry],
        lambda _, results: sorted(results) == [1, 2] and classes.Registry.names == ["plain"] * 2,
    ),
    Program(
        "class_lock_inherited",
        starts_with(lambda: classes.Registry.names == [], lambda: classes.Special.made == 0),
        [make_registry, make_special, make_registry],
        registered,
    ),
    Program(
        "class_methods",
        starts_with(lambda: classes.Meter.readings == {}),
        [calls(lambda: classes.Meter.record("x")), calls(lambda: classes.Meter.record("x"))],
        lambda _: classes.Meter.count("x") == 2,
    ),
    Program(
        "slot_lock",
        starts_with(lambda: classes.slotted.total == 0),
        [calls(lambda: classes.slotted.add(1))] * 2,
        lambda _, results: sorted(results) == [1, 2],
    ),
    Program(
        "slot_lock_made_in_setup",
        classes.Slotted,
        [lambda slotted: slotted.add(1), lambda slotted: slotted.add(2)],
        lambda slotted: slotted.total == 3,
    ),
    Program(
        "module_singleton",
        starts_with(lambda: singleton.service.stats == {"requests": 0, "errors": 0}),
        [handle, handle],
        handled,
    ),
    Program(
        "singleton_new",
        starts_with(lambda: singleton.Manager._instance is None, lambda: singleton.Manager.initialisations == 0),
        [calls(singleton.Manager), calls(singleton.Manager)],
        one_manager,
    ),
    Program(
        "double_checked_locking",
        starts_with(lambda: singleton._lazy is None, lambda: singleton.lazily_made == 0),
        [use_lazily, use_lazily],
        one_service,
    ),
    Program(
        "nested_instance_lock",
        starts_with(lambda: singleton.assembly.part.count == 0),
        [calls(singleton.assembly.use)] * 2,
        lambda _, results: sorted(results) == [1, 2],
    ),
    Program(
        "module_deque",
        starts_with(containers_are_fresh),
        [calls(containers.work), calls(containers.work)],
        all_done,
    ),
    Program("module_setdefault", starts_with(containers_are_fresh), [claim_as("a"), claim_as("b")], one_owner),
    Program(
        "module_containers",
        starts_with(containers_are_fresh),
        [join_and_note("x"), join_and_note("yy")],
        all_noted,
    ),
    Program("module_itertools_count", list, [take_numbers, take_numbers], no_number_twice),
    Program("module_lru_cache", starts_with(lambda: caches.computed == 0), [use_caches, use_caches], computed_once),
    Program("cached_property", lambda: caches.Document("one two"), [read_document] * 2, same_words),
    Program(
        "closure_lock",
        starts_with(lambda: closures.balance == 0),
        [calls(lambda: closures.deposit(2)), calls(lambda: closures.deposit(3))],
        lambda _: closures.balance == 5,
    ),
    Program(
        "default_argument_lock",
        starts_with(lambda: closures.log == []),
        [calls(lambda: closures.write("a")), calls(lambda: closures.write("b"))],
        numbered,
    ),
    Program(
        "partial_lock",
        starts_with(lambda: closures.balance == 0),
        [calls(lambda: closures.withdraw(2)), calls(lambda: closures.withdraw(3))],
        lambda _: closures.balance == -5,
    ),
    Program(
        "dictionary_of_locks",
        starts_with(lambda: closures.sides == {"left": 0, "right": 0}),
        [calls(lambda: closures.add_to("left"), lambda: closures.add_to("right"))] * 2,
        lambda _: closures.sides == {"left": 2, "right": 2},
    ),
    Program(
        "list_of_locks",
        starts_with(lambda: closures.striped == [0, 0]),
        [calls(lambda: closures.add_striped(1))] * 2,
        lambda _: closures.striped == [0, 2],
    ),
    Program("logging_str", fresh_order, [add_line, add_line], two_lines),
    Program(
        "lazy_import",
        starts_with(lambda: lazy.loads == 0),
        [price_of("apple"), price_of("pear")],
        lambda _, results: results == [1, 2] and lazy.loads == 2,
    ),
    Program(
        "lazy_import_of_library",
        starts_with(lambda: lazy.loads == 0),
        [calls(lambda: lazy.brightness(1, 1, 1))] * 2,
        lambda _, results: results == [1, 1] and lazy.loads == 2,
    ),
    Program("prometheus_counter", count_requests, [request, request], two_more),
    Program(
        "module_executor",
        starts_with(lambda: background._pool is None, lambda: background.pools_made == 0),
        [calls(lambda: background.double(2)), calls(lambda: background.double(3))],
        lambda _, results: results == [4, 6] and background.pools_made == 1,
    ),
    Program(
        "module_daemon",
        starts_with(lambda: background._inbox is None),
        [calls(lambda: background.ask(2)), calls(lambda: background.ask(3))],
        lambda _, results: results == [3, 4],
    ),
    Program(
        "contextvars_and_local",
        starts_with(lambda: contexts.log == []),
        [enter_as("left"), enter_as("right")],
        own_context,
    ),
    Program("enum_steps", starts_with(lambda: contexts.state is contexts.State.NEW), [advance] * 3, advanced),
    Program(
        "namedtuple_snapshot",
        starts_with(lambda: contexts.totals == (0, 0)),
        [read_totals, calls(lambda: contexts.record(5)), calls(lambda: contexts.record(5))],
        totals_agree,
    ),
)
