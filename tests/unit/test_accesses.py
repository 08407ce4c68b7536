"""What each form of access touches, in both directions: the shared location is named, and private work names none."""

from __future__ import annotations

import bisect
import collections
import functools
import heapq
import itertools
import operator
import os
import threading
import types
from typing import Any

import pytest
from access_driver import UNKNOWN, WHOLE, watch

from harness.instrument.accesses import ABSENT, BOTH, CELLS, EXTERNAL, READ, UNRESOLVED, WRITE, analyse, set_scope

HERE = __file__
shared_total = 0
REGISTRY: dict[str, int] = {}


@pytest.fixture(autouse=True)
def this_file_is_instrumented():
    set_scope(lambda code: code.co_filename == HERE)
    yield
    set_scope(lambda code: code.co_filename == HERE)


class Stats:
    kind = "plain"
    made = 0

    def __init__(self) -> None:
        self.stats = {"total": 0}
        self.total = 0
        self.items = [3, 1, 2]
        self.queue = collections.deque([1])
        self.seen = {1}

    @property
    def size(self) -> int:
        return self.total

    def bump(self) -> int:
        return 1


class Slotted:
    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0


class Validated:
    """A data descriptor in Python."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.key = "_" + name

    def __get__(self, thing: Any, owner: Any = None) -> Any:
        return thing.__dict__[self.key]

    def __set__(self, thing: Any, value: Any) -> None:
        thing.__dict__[self.key] = value


class Described:
    total = Validated()

    def __init__(self) -> None:
        self.total = 0


@pytest.fixture
def thing() -> Stats:
    return Stats()


# -- attributes


def test_a_dict_item_in_an_attribute(thing):
    def run(self):
        self.stats["total"] += 1

    seen = watch(run, thing)
    assert seen.on(thing) == [("stats", READ)]
    assert seen.on(thing.stats) == [("total", READ), ("total", WRITE)]
    assert not seen.unknown()
    assert [s.site.mode for s in seen if s.label == "self.stats['total']"] == [READ, WRITE]


def test_an_instance_attribute(thing):
    def run(self):
        self.total += 1

    assert watch(run, thing).on(thing) == [("total", READ), ("total", WRITE)]


def test_a_local_temporary_is_private_but_its_source_is_not(thing):
    def run(self):
        value = self.total
        value = value * 2 + 1
        self.total = value

    seen = watch(run, thing)
    assert seen.on(thing) == [("total", READ), ("total", WRITE)]
    assert sum(len(s.touches) for s in seen) == 2


def test_a_helper_is_its_own_code(thing):
    def helper(self):
        self.total += 1

    def run(self):
        helper(self)
        self.bump()

    seen = watch(run, thing, also=(helper,))
    assert seen.on(thing) == [("total", READ), ("total", WRITE), ("bump", READ)]
    assert seen.at("self.bump()") == [()]
    assert seen.at("helper(self)") == [()]
    assert seen.on(Stats) == [("bump", READ)]


def test_a_property_is_its_own_code(thing):
    def run(self):
        return self.size

    assert watch(run, thing).at("self.size") == [()]
    assert watch(run, thing, also=(Stats.size.fget,)).on(thing) == [("total", READ)]


def test_a_slot():
    def run(self):
        self.total += 1

    slotted = Slotted()
    assert watch(run, slotted).on(slotted) == [("total", READ), ("total", WRITE)]


def test_a_descriptor_in_python_is_its_own_code():
    def run(self):
        self.total += 1

    described = Described()
    seen = watch(run, described, also=(Validated.__get__, Validated.__set__))
    assert seen.at("self.total") == [(), ()]
    assert seen.on(described.__dict__) == [(WHOLE, READ), (WHOLE, WRITE)], "a key from an attribute stands for all"


def test_a_class_attribute_read_through_an_instance_concerns_both(thing):
    def run(self):
        return self.kind

    seen = watch(run, thing)
    assert seen.at("self.kind") == [((thing, "kind", READ), (Stats, "kind", READ))]


def test_a_class_attribute():
    def run(cls):
        cls.made += 1

    seen = watch(run, Stats)
    assert seen.on(Stats) == [("made", READ), ("made", WRITE)]
    Stats.made = 0


def test_a_base_is_read_until_the_attribute_is_found():
    class Base:
        flag = 0

    class Derived(Base):
        pass

    def run(cls):
        return cls.flag

    assert watch(run, Derived).at("cls.flag") == [((Derived, "flag", READ), (Base, "flag", READ))]


def test_a_missing_attribute_depends_on_instance_and_class(thing):
    def run(self):
        return hasattr(self, "_initialized")

    assert watch(run, thing).at("hasattr(self, '_initialized')") == [
        ((thing, "_initialized", READ), (Stats, "_initialized", READ))
    ]


def test_setattr_and_getattr_are_attribute_accesses(thing):
    def run(self):
        setattr(self, "total", getattr(self, "total") + 1)
        getattr(self, "stats")["total"] = 1
        delattr(self, "total")

    seen = watch(run, thing)
    assert seen.on(thing) == [("total", READ), ("total", WRITE), ("stats", READ), ("total", WRITE)]
    assert seen.on(thing.stats) == [("total", WRITE)]


def test_the_instance_dictionary(thing):
    def run(self):
        self.__dict__["total"] = self.__dict__["total"] + 1
        vars(self).update(total=3)
        self.__dict__.setdefault("other", 1)
        vars(self)["stats"]["total"] = 1

    seen = watch(run, thing)
    inner = vars(thing)
    assert seen.on(inner) == [
        ("total", READ), ("total", WRITE), ("total", WRITE), ("other", BOTH), ("stats", READ),
    ]  # fmt: skip
    assert seen.on(thing.stats) == [("total", WRITE)]
    assert not seen.unknown()


def test_object_setattr_goes_round_the_override():
    class Frozen:
        def __setattr__(self, name, value):
            raise AttributeError(name)

    def run(self):
        object.__setattr__(self, "value", 1)

    frozen = Frozen()
    assert watch(run, frozen).on(frozen) == [("value", WRITE)]


def test_super_attributes_and_new():
    class Base:
        def __new__(cls):
            return super().__new__(cls)

        def go(self):
            return 1

    class Derived(Base):
        def go(self):
            return super().go()

    seen = watch(lambda: Derived().go(), also=(Derived.go, Base.__new__))
    assert (Base, "go", READ) in itertools.chain(*seen.at("super().go"))
    assert seen.at("super().__new__(cls)") == [()]
    assert "super().go()" not in seen.unknown()


def test_a_module_attribute_is_the_modules_dictionary():
    module = types.ModuleType("a_module")
    module.count = 0

    def run(module):
        module.count += 1

    assert watch(run, module).on(vars(module)) == [("count", READ), ("count", WRITE)]


def test_thread_locals_are_private():
    local = threading.local()

    def run(local):
        local.value = 1
        local.value += 1

    assert all(not s.touches for s in watch(run, local) if s.label.startswith("local"))


# -- names


def test_globals_but_not_builtins():
    def run():
        global shared_total
        shared_total += len("ab")

    seen = watch(run)
    assert seen.on(globals()) == [("shared_total", READ), ("shared_total", WRITE)]
    assert seen.at("len") == [()]


def test_closure_cells():
    count = 0

    def run():
        nonlocal count
        count += 1

    key = (HERE, "count")
    assert watch(run).on(CELLS) == [(key, READ), (key, WRITE)]
    assert count == 1


def test_globals_function_and_dotted_items():
    def run():
        globals()["REGISTRY"]["a"] = 1

    seen = watch(run)
    assert seen.on(globals()) == [("REGISTRY", READ)]
    assert seen.on(REGISTRY) == [("a", WRITE)]
    REGISTRY.clear()


# -- containers


def test_check_then_pop(thing):
    def run(self):
        if self.items:
            self.items.pop()
        if self.queue:
            self.queue.popleft()
        if len(self.items) > 1:
            del self.items[0]

    seen = watch(run, thing)
    assert seen.on(thing.items) == [(WHOLE, READ), (WHOLE, BOTH), (WHOLE, READ), (WHOLE, WRITE)]
    assert seen.on(thing.queue) == [(WHOLE, READ), (WHOLE, BOTH)]


def test_set_check_then_add(thing):
    def run(self, key):
        if key not in self.seen:
            self.seen.add(key)

    assert watch(run, thing, 5).on(thing.seen) == [(5, READ), (5, WRITE)]


def test_counter_and_defaultdict():
    counter, groups = collections.Counter(), collections.defaultdict(list)

    def run():
        counter["a"] += 1
        groups["x"].append(1)
        groups["x"].append(2)
        counter.update(["b"])

    seen = watch(run)
    assert seen.on(counter) == [("a", READ), ("a", WRITE), (WHOLE, BOTH)]
    assert seen.on(groups) == [("x", BOTH), ("x", READ)]
    assert (WHOLE, BOTH) in seen.on(groups["x"])


def test_heapq_and_bisect(thing):
    def run(self):
        heapq.heappush(self.items, 1)
        heapq.heappop(self.items)
        bisect.insort(self.items, 2)
        bisect.bisect(self.items, 2)

    seen = watch(run, thing)
    assert seen.on(thing.items) == [(WHOLE, BOTH)] * 3 + [(WHOLE, READ)]


def test_an_ordered_lru():
    cache = collections.OrderedDict(a=1)

    def run(key):
        if key in cache:
            cache.move_to_end(key)
        cache[key] = 1
        if len(cache) > 1:
            cache.popitem(last=False)

    assert watch(run, "b").on(cache) == [("b", READ), ("b", WRITE), (WHOLE, READ), (WHOLE, BOTH)]
    assert (WHOLE, BOTH) in watch(run, "b").on(cache)


def test_duplicate_cache_fill_through_dict_methods():
    cache: dict[str, int] = {}

    def run(key):
        if cache.get(key) is None:
            cache.setdefault(key, 1)
        cache.pop(key, None)
        cache.clear()
        return list(cache.items())

    seen = watch(run, "k")
    assert seen.on(cache) == [("k", READ), ("k", BOTH), ("k", BOTH), (WHOLE, BOTH), (WHOLE, READ)]


def test_list_items_and_slices():
    items = [1, 2, 3]

    def run(i):
        items[i] += 1
        items[-1] = 0
        items[0:1] = []
        return items[1:]

    assert watch(run, 0).on(items) == [(0, READ), (0, WRITE), (2, WRITE), (WHOLE, WRITE), (WHOLE, READ)]


def test_in_place_operators_on_containers(thing):
    extra = [9]

    def run(self):
        self.items += extra
        self.seen |= {1}

    seen = watch(run, thing)
    assert (WHOLE, BOTH) in seen.on(thing.items)
    assert (WHOLE, BOTH) in seen.on(thing.seen)
    assert seen.on(extra) == [(WHOLE, READ)]


def test_iteration_and_the_functions_that_iterate(thing):
    def run(self):
        for _ in self.items:
            pass
        for _, _ in enumerate(zip(self.items, reversed(self.queue))):
            pass
        for _ in self.stats.items():
            pass
        return sorted(self.items), sum(self.items), [x for x in self.items], list(map(str, self.seen)), max(self.queue)

    seen = watch(run, thing)
    assert not seen.unknown()
    assert set(seen.on(thing.items)) == {(WHOLE, READ)}
    assert len(seen.on(thing.items)) > 12
    assert (WHOLE, READ) in seen.on(thing.stats)
    assert (WHOLE, READ) in seen.on(thing.seen)
    assert len(seen.on(thing.queue)) >= 4


def test_an_iterator_held_in_a_variable_leads_to_its_container():
    items = {"a": 1}

    def run():
        iterator = iter(items.values())
        for _ in iterator:
            pass
        return next(itertools.count())

    assert (WHOLE, READ) in watch(run).on(items)


def test_a_shared_counter_of_itertools_is_changed_by_next():
    ticket = itertools.count()

    def run():
        return next(ticket)

    assert watch(run).at("next(ticket)") == [((ticket, WHOLE, BOTH),)]


def test_unpacking_and_spreading():
    pair, options = [1, 2], {"a": 1}

    def target(*args, **kwargs):
        return None

    def run():
        a, b = pair
        c = [*pair, a, b]
        target(*pair, **options)
        return c

    seen = watch(run)
    assert (WHOLE, READ) in seen.on(pair)
    assert len(seen.on(pair)) >= 2
    assert (WHOLE, READ) in seen.on(options)


def test_formatting_and_comparing_containers():
    items = [1]

    def run():
        return f"{items}", items == [1], str(items), items in [[1]]

    assert len(watch(run).on(items)) >= 3


def test_numpy_elements_and_views():
    numpy = pytest.importorskip("numpy")
    array = numpy.zeros(4)
    view = array[1:]

    def run():
        array[0] += 1
        view[0] += 1
        numpy.add(array, 1, out=array)

    seen = watch(run)
    assert seen.on(array)[:4] == [(WHOLE, READ), (WHOLE, WRITE)] * 2
    assert seen.on(array)[4:] == [(WHOLE, BOTH)]
    assert not seen.on(view)


def test_numpy_rows_are_their_arrays_memory():
    numpy = pytest.importorskip("numpy")
    grid = numpy.zeros((2, 2))

    def run():
        grid[0][1] += 1
        return grid.sum(), grid[0].max(), numpy.dot(grid, grid), numpy.float64(1) + 1

    seen = watch(run)
    assert (WHOLE, WRITE) in seen.on(grid)
    assert not seen.unknown()


def test_operator_functions():
    table = {"a": 1}

    def run():
        operator.setitem(table, "a", operator.getitem(table, "a") + 1)
        return operator.contains(table, "a"), operator.itemgetter("a")(table)

    assert ("a", WRITE) in watch(run).on(table)
    assert watch(run).on(table).count(("a", READ)) >= 2


def test_the_dictionary_of_a_class_is_the_class():
    def run():
        return Stats.__dict__["made"], vars(Stats).get("made"), "made" in vars(Stats)

    assert watch(run).on(Stats).count(("made", READ)) >= 2


# -- what is outside


def test_files_and_the_operating_system(tmp_path):
    path = str(tmp_path / "counter")

    def run():
        with open(path, "w") as out:
            out.write("1")
        with open(path) as source:
            value = int(source.read())
        os.replace(path, path + ".new")
        return value, os.path.exists(path)

    seen = watch(run)
    for label in ("open(path, 'w')", "out.write('1')", "source.read()", "os.path.exists(path)"):
        assert (EXTERNAL, WHOLE, BOTH) in seen.at(label)[0], label
    assert len(seen.on(EXTERNAL)) >= 6


def test_pure_functions_touch_nothing():
    def run(a, b):
        import math

        c = isinstance(a, int) and callable(b) or abs(a)
        d = str(a).upper().split(",") + [math.sqrt(4)]
        e = range(a), int("3"), float(b), (a, b), {a: b}, print(end="")
        return ",".join(d[:1]), id(c), type(e)

    seen = watch(run, 1, 2)
    assert [s.label for s in seen if s.touches] == ["math.sqrt", "d[:1]"], "the list is a local that only runs here"
    assert seen.at("math.sqrt")[0][0][2] == READ


def test_private_objects_and_results_touch_nothing():
    def run():
        items = []
        return [*items], [1, 2][0], {"a": 1}["a"], sorted([3, 1]).pop(), "a,b".split(",").index("a"), [].append(1)

    assert not [
        s for s in watch(run) if any(obj is not globals() for obj, _, _ in s.touches) and "items" not in s.label
    ]


def test_cooperative_primitives_make_their_own_points():
    lock, event = threading.Lock(), threading.Event()

    def run():
        with lock:
            event.set()

    assert not watch(run).unknown()
    assert watch(run).at("event.set()") == [()]


def test_python_code_that_is_not_instrumented_may_touch_all_that_it_can_reach(thing):
    import copy
    import random

    items, many = [1, 2], [[n] for n in range(500)]

    def run(self):
        random.shuffle(items)
        copy.copy(self)
        copy.copy(1)
        random.shuffle(many)
        copy.copy(copy.copy(1))

    seen = watch(run, thing)
    assert seen.on(items) == [(WHOLE, BOTH)]
    assert (WHOLE, READ) in seen.on(thing)
    assert (WHOLE, READ) in seen.on(thing.stats), "reached through the instance"
    assert seen.at("copy.copy(1)") == [(), ()]
    assert seen.unknown() == ["random.shuffle(many)", "copy.copy(copy.copy(1))"]


def test_what_cannot_be_resolved_is_unknown():
    class Box:
        value = 0

    box = Box()

    def get():
        return box

    def run():
        get().value += 1
        for _ in get().__dict__:
            pass

    seen = watch(run)
    assert seen.at("get().value") == [UNKNOWN, UNKNOWN]
    assert seen.at("get().__dict__")[-1] == UNKNOWN


def test_results_of_instrumented_functions_are_found_while_the_caller_uses_them():
    class Box:
        def __init__(self, items):
            self.items = items

        @property
        def first(self):
            return self.items

        def __getitem__(self, key):
            return self.items

        def own(self):
            return self

    box = Box([1, 2])

    def get():
        return box

    def chained():
        return get()

    def run():
        chained().own().items.append(3)
        box.first[0] += 1
        box["x"].append(1)
        for _ in get().first:
            pass
        a, *_ = get().items
        return Box([]).own().items

    also = (get, chained, Box.own, Box.first.fget, Box.__getitem__, Box.__init__)
    seen = watch(run, also=also)
    assert not seen.unknown()
    touched = seen.on(box.items)
    assert touched.count((WHOLE, BOTH)) == 2
    assert (0, WRITE) in touched
    assert touched.count((WHOLE, READ)) >= 6


def test_the_truth_of_a_result_is_a_read_of_it():
    items = [1]

    def get():
        return items

    def run():
        return 1 if get() else 2

    seen = watch(run, also=(get,))
    assert seen.on(items) == [(WHOLE, READ)]
    assert all(not touches for touches in seen.at("bool(get())"))


def test_results_are_dropped_when_the_caller_returns():
    import gc
    import weakref

    class Box:
        value = 1

    alive = []

    def get():
        box = Box()
        alive.append(weakref.ref(box))
        return box

    def run():
        get().value
        return 0

    watch(run, also=(get,))
    gc.collect()
    assert alive[0]() is None


def test_partial_methods_and_callable_objects():
    class Adder:
        def __call__(self, x):
            return x

    adder = Adder()
    bound = functools.partial(adder, 1)
    items: list[int] = []
    add = items.append

    def run():
        adder(1)
        bound()
        add(1)
        list.append(items, 2)

    seen = watch(run)
    assert not seen.unknown()
    assert seen.on(items) == [(WHOLE, BOTH), (WHOLE, BOTH)]


def test_generators_and_comprehensions_of_instrumented_code(thing):
    def produce(self):
        yield from self.items

    def run(self):
        for _ in produce(self):
            pass
        return sum(x for x in self.items), {x: 1 for x in self.items}

    seen = watch(run, thing, also=(produce,))
    assert not seen.unknown()
    assert (WHOLE, READ) in seen.on(thing.items)


# -- callbacks that foreign code completes


def test_the_return_of_a_cached_function_completes_the_call():
    @functools.lru_cache
    def load():
        return object()

    def run():
        return load()

    seen = watch(run, also=(load.__wrapped__,))
    assert seen.at("load()") == [((load, WHOLE, BOTH),)]
    assert ((load, WHOLE, BOTH),) in seen.at("return")
    assert seen.at("return")[-1] == ()


def test_the_return_of_a_default_factory_completes_the_look_up():
    def make():
        return []

    groups = collections.defaultdict(make)

    def run():
        groups["a"].append(1)

    seen = watch(run, also=(make,))
    assert seen.on(groups) == [("a", BOTH), ("a", BOTH)]


def test_a_cached_property_is_written_when_its_function_returns():
    class Lazy:
        @functools.cached_property
        def value(self):
            return 1

    lazy = Lazy()

    def run():
        return lazy.value

    seen = watch(run, also=(Lazy.value.func,))
    assert seen.on(lazy) == [("value", READ), ("value", WRITE)] * 2
    assert watch(run).on(lazy) == [("value", READ)]


# -- sites


def test_labels_name_the_access_as_the_source_does(thing):
    def run(self, key):
        self.stats[key] = self.items.pop()
        self.stats["total"] = (self.total, key)

    labels = [site.label for site in analyse(run.__code__).values()]
    assert "self.stats[key]" in labels
    assert "self.items.pop()" in labels
    assert "self.stats['total']" in labels
    lines = {site.line - run.__code__.co_firstlineno for site in analyse(run.__code__).values()}
    assert lines == {1, 2}


def test_values_before_the_access(thing):
    def run(self):
        self.stats["total"] += 1
        self.stats["other"] = 2
        self.items.append(7)
        return self.size

    seen = watch(run, thing)
    assert [s.value for s in seen if s.label == "self.stats['total']"] == [0, 0]
    assert [s.value for s in seen if s.label == "self.stats['other']"] == [ABSENT]
    assert next(s.value for s in seen if s.label == "self.items.append(7)") is thing.items
    assert next(s.value for s in seen if s.label == "self.size") is ABSENT


def test_callees(thing):
    found = []

    def run(self):
        sorted(self.items)
        self.bump()
        (lambda: 1)()

    class Recorder:
        pass

    seen = watch(run, thing)
    for s in seen:
        found.append((s.label, s.site.callee))
    calls = [label for label, callee in found if callee is not None]
    assert calls == ["sorted(self.items)", "self.bump()", "<lambda>()"]


def test_callee_of_a_call_is_found_in_the_frame():
    import sys

    def run(function):
        function(sys._getframe())

    sites = {site.label: site for site in analyse(run.__code__).values()}
    seen = []
    run(lambda frame: seen.append(sites["function(sys._getframe())"].callee(frame)))
    assert callable(seen[0])
    assert UNRESOLVED not in seen
