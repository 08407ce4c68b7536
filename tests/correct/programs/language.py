"""Language and library features under a lock: generators, context managers, callbacks from C, copies, classes."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import decimal
import functools
import heapq
import json
import random
import re
import struct
import threading
import zlib
from collections import ChainMap, Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from ..program import Program


def shared() -> SimpleNamespace:
    return SimpleNamespace(lock=threading.Lock(), total=0, items=[3, 1, 2], log=[], random=random.Random(7))


def add(state: SimpleNamespace) -> None:
    with state.lock:
        state.total += 1


def two(state: SimpleNamespace) -> bool:
    return bool(state.total == 2)


def steps(state: SimpleNamespace) -> Iterator[int]:
    """A generator that takes the lock for each item and holds none while it is suspended."""
    for _ in range(2):
        with state.lock:
            state.total += 1
            seen = state.total
        yield seen


def run_generator(state: SimpleNamespace) -> list[int]:
    return list(steps(state))


def generators_interleaved(state: SimpleNamespace, results: Sequence[list[int]]) -> bool:
    return sorted(results[0] + results[1]) == [1, 2, 3, 4] and all(result == sorted(result) for result in results)


def locked_items(state: SimpleNamespace) -> Iterator[int]:
    """A generator that is suspended while it holds the lock, and closed by its user."""
    with state.lock:
        for item in state.items:
            state.total += 1
            yield item


def first_item(state: SimpleNamespace) -> int:
    items = locked_items(state)
    try:
        return next(items)
    finally:
        items.close()  # type: ignore[attr-defined]


def took_one_each(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == [3, 3] and state.total == 2 and not state.lock.locked()


def shared_generator() -> SimpleNamespace:
    state = shared()
    state.source = (number * number for number in range(4))
    return state


def take_from_generator(state: SimpleNamespace) -> list[int]:
    taken = []
    for _ in range(2):
        with state.lock:
            taken.append(next(state.source))
    return taken


def every_square_once(state: SimpleNamespace, results: Sequence[list[int]]) -> bool:
    return sorted(results[0] + results[1]) == [0, 1, 4, 9]


def delegate(state: SimpleNamespace) -> Iterator[int]:
    yield from steps(state)
    yield 0


def run_delegate(state: SimpleNamespace) -> list[int]:
    return [number for number in delegate(state) if number]


@contextlib.contextmanager
def transaction(state: SimpleNamespace) -> Iterator[list[str]]:
    with state.lock:
        pending: list[str] = []
        try:
            yield pending
        except KeyError:
            state.log.append("rolled back")
        else:
            state.log.extend(pending)
            state.total += 1


def commit(state: SimpleNamespace) -> None:
    with transaction(state) as pending:
        pending.append("a")
        pending.append("b")


def roll_back(state: SimpleNamespace) -> None:
    with transaction(state) as pending:
        pending.append("c")
        raise KeyError


def whole_transactions(state: SimpleNamespace) -> bool:
    return state.log in (["a", "b", "rolled back"], ["rolled back", "a", "b"]) and state.total == 1


def stack_contexts(state: SimpleNamespace) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(state.lock)
        stack.callback(state.log.append, "left")
        state.total += 1
    with contextlib.suppress(LookupError), state.lock:
        raise LookupError


@dataclasses.dataclass
class Item:
    """Compared, hashed and weighed through its own lock by callbacks that C code makes."""

    name: str
    weight: int
    lock: Any = dataclasses.field(default_factory=threading.RLock, repr=False, compare=False)

    def grow(self) -> None:
        with self.lock:
            self.weight += 10

    def key(self) -> int:
        with self.lock:
            return self.weight

    def __lt__(self, other: Item) -> bool:
        return self.key() < other.key()

    def __hash__(self) -> int:
        with self.lock:
            return hash(self.name)


def items() -> SimpleNamespace:
    return SimpleNamespace(items=[Item("b", 2), Item("a", 1)], lock=threading.Lock(), table={}, grown=0)


def sort_by_key(state: SimpleNamespace) -> list[str]:
    return [item.name for item in sorted(state.items, key=Item.key)]


def grow_all(state: SimpleNamespace) -> None:
    for item in state.items:
        item.grow()
    with state.lock:
        state.grown += 1


def sorted_somehow(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return results[0] in (["a", "b"], ["b", "a"]) and [item.weight for item in state.items] == [12, 11]


def push_and_pop(state: SimpleNamespace) -> int:
    heap: list[Item] = []
    with state.lock:
        for item in state.items:
            heapq.heappush(heap, item)
    return len([heapq.heappop(heap) for _ in range(2)])


def popped_both(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return results[0] == 2 and state.grown == 1


def use_as_key(state: SimpleNamespace) -> None:
    with state.lock:
        for item in state.items:
            state.table[item] = state.table.get(item, 0) + 1


def counted_twice(state: SimpleNamespace) -> bool:
    return list(state.table.values()) == [2, 2]


def nested() -> SimpleNamespace:
    return SimpleNamespace(lock=threading.Lock(), data={"left": {"n": 0}, "right": {"n": 0}, "list": [0]})


def change_both(state: SimpleNamespace) -> bool:
    with state.lock:
        state.data["left"]["n"] += 1
        state.data["list"].append(state.data["left"]["n"])
        state.data["right"]["n"] += 1
    return True


def copy_deeply(state: SimpleNamespace) -> bool:
    with state.lock:
        taken = copy.deepcopy(state.data)
    return bool(taken["left"] == taken["right"])


def dump_json(state: SimpleNamespace) -> bool:
    with state.lock:
        text = json.dumps(state.data, default=str)
    taken = json.loads(text)
    return bool(taken["left"] == taken["right"])


def never_torn(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return all(results)


def draw(state: SimpleNamespace) -> float:
    with state.lock:
        value: float = state.random.random()
        state.total += 1
    return value + 0 * random.Random(3).random()


def drew_the_same_two(state: SimpleNamespace, results: Sequence[float]) -> bool:
    expected = random.Random(7)
    return sorted(results) == sorted(expected.random() for _ in range(2))


class Thermometer:
    """A property, a descriptor and `__getattr__`, each behind one lock."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._value = 0

    @property
    def value(self) -> int:
        with self._lock:
            return self._value

    @value.setter
    def value(self, new: int) -> None:
        with self._lock:
            self._value = new

    def warm(self) -> None:
        with self._lock:
            self.value = self.value + 1

    def __getattr__(self, name: str) -> int:
        if name.startswith("_"):
            raise AttributeError(name)
        with self._lock:
            return self._value * 100

    @staticmethod
    def twice(thermometer: Thermometer) -> int:
        thermometer.warm()
        thermometer.warm()
        return int(thermometer.cents)


def warmed(thermometer: Thermometer, results: Sequence[object]) -> bool:
    return thermometer.value == 4 and all(result in (200, 300, 400) for result in results)


def synchronized(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def locked(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return method(self, *args, **kwargs)

    return locked


class Ledger:
    """Methods behind a decorator; used through bound methods and partial objects as threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lines: Counter[str] = Counter()
        self.last: OrderedDict[str, int] = OrderedDict()

    @synchronized
    def write(self, name: str, amount: int = 1) -> int:
        self.lines[name] += amount
        self.last[name] = self.lines[name]
        self.last.move_to_end(name)
        return sum(ChainMap(self.lines, {}).values())


def write_line(name: str, ledger: Ledger) -> int:
    return int(ledger.write(name))


def ledger_adds_up(ledger: Ledger, results: Sequence[int]) -> bool:
    return ledger.lines == {"a": 1, "b": 1} == ledger.last and sorted(results) == [1, 2]


class Adder:
    """A callable instance as a thread."""

    def __call__(self, state: SimpleNamespace) -> None:
        add(state)


def raise_while_holding(state: SimpleNamespace) -> None:
    with state.lock:
        state.total += 1
        raise LookupError("on purpose")


def lock_was_released(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return state.total == 2 and [type(result) for result in results] == [LookupError, LookupError]


def make_class(state: SimpleNamespace) -> int:
    """Classes, comprehensions, pattern matching and eval inside a thread."""

    class Local:
        factor = 2

        def scale(self, number: int) -> int:
            return number * self.factor

    with state.lock:
        scaled = [Local().scale(item) for item in state.items]
        state.total += eval("1 + len(known)", {"known": []})
        match scaled:
            case [first, *rest]:
                return int(first + sum(rest))
    return 0


def same_sum(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == [12, 12] and state.total == 2


def recurse(state: SimpleNamespace) -> int:
    def fibonacci(number: int) -> int:
        return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)

    value = fibonacci(8)
    add(state)
    return value


def fibonacci_of_eight(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == [21, 21] and state.total == 2


WORD = re.compile(r"(\w)(\w*)")


def rewrite(state: SimpleNamespace) -> str:
    """Methods of C types that are called with their defining class: `re`, `zlib`, `struct`, `decimal`."""
    title = WORD.sub(lambda match: match[1].upper() + match[2], "an old text")
    packed = struct.Struct("<i").pack(len(WORD.findall(title)))
    inflated = zlib.decompressobj().decompress(zlib.compress(b""))
    with state.lock:
        state.total += struct.unpack("<i", packed)[0]
    return f"{title} {decimal.Decimal('0.1') + decimal.Decimal(len(inflated))}"


def rewritten(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == ["An Old Text 0.1"] * 2 and state.total == 6


def cached() -> SimpleNamespace:
    state = shared()

    @functools.cache
    def cube(number: int) -> int:
        return number**3

    state.cube = cube
    return state


def use_lru_cache(state: SimpleNamespace) -> int:
    value = state.cube(2) + state.cube(2)
    add(state)
    return int(value)


def cubes(state: SimpleNamespace, results: Sequence[object]) -> bool:
    return list(results) == [16, 16] and state.cube.cache_info().currsize == 1


PROGRAMS = (
    Program("generator", shared, [run_generator, run_generator], generators_interleaved),
    Program("generator_holds_lock", shared, [first_item, first_item], took_one_each),
    Program("generator_shared", shared_generator, [take_from_generator] * 2, every_square_once),
    Program("generator_delegates", shared, [run_delegate, run_delegate], generators_interleaved),
    Program("contextmanager", shared, [commit, roll_back], whole_transactions),
    Program("exit_stack", shared, [stack_contexts, stack_contexts], two),
    Program("sort_key", items, [sort_by_key, grow_all], sorted_somehow),
    Program("heap_comparisons", items, [push_and_pop, grow_all], popped_both),
    Program("hash_takes_lock", items, [use_as_key, use_as_key], counted_twice),
    Program("deepcopy", nested, [change_both, copy_deeply, change_both], never_torn),
    Program("json_dumps", nested, [change_both, dump_json], never_torn),
    Program("random_instance", shared, [draw, draw], drew_the_same_two),
    Program("property_and_getattr", Thermometer, [Thermometer.twice, Thermometer.twice], warmed),
    Program(
        "partial_threads",
        Ledger,
        [functools.partial(write_line, "a"), functools.partial(write_line, "b")],
        ledger_adds_up,
    ),
    Program("callable_instance", shared, [Adder(), Adder()], two),
    Program(
        "exception_releases_lock",
        shared,
        [raise_while_holding, raise_while_holding],
        lock_was_released,
        options={"expected": (LookupError,)},
    ),
    Program("class_and_match", shared, [make_class, make_class], same_sum),
    Program("recursion", shared, [recurse, recurse], fibonacci_of_eight),
    Program("methods_of_c_types", shared, [rewrite, rewrite], rewritten),
    Program("lru_cache", cached, [use_lru_cache, use_lru_cache], cubes),
)
