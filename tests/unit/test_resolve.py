"""Operands are found without running the user's code, and shown without it."""

from __future__ import annotations

import builtins
import collections
import enum
import functools
import sys
import threading
import types
import weakref
from typing import Any

import pytest
from access_driver import UNKNOWN, WHOLE, watch

from harness.instrument.accesses import ABSENT, READ, WRITE, analyse, set_scope, show
from harness.instrument.attributes import load_touches, store_touches
from harness.instrument.families import Family, family_of, root_of
from harness.instrument.layouts import instance_dict
from harness.instrument.locations import UNRESOLVED, Unresolved, plain
from harness.instrument.lookups import super_value, value_of
from harness.instrument.results import item_value

HERE = __file__


@pytest.fixture(autouse=True)
def this_file_is_instrumented():
    set_scope(lambda code: code.co_filename == HERE)


# -- no user code


class Ran(BaseException):
    """Raised by every trap, so that nothing swallows it."""


def _trap(*args: Any, **kwargs: Any) -> Any:
    raise Ran


TRAPS = (
    "__eq__", "__ne__", "__hash__", "__bool__", "__len__", "__iter__", "__next__", "__contains__", "__getitem__",
    "__setitem__", "__delitem__", "__repr__", "__str__", "__format__", "__lt__", "__iadd__", "__add__", "__enter__",
    "__exit__", "__call__", "__del__", "__get__", "__set__", "__index__", "__int__", "__dir__",
)  # fmt: skip


class Meta(type):
    """A metaclass that may not be asked anything either."""

    armed = False

    def __eq__(cls, other):
        return _trap() if Meta.armed else type.__eq__(cls, other)

    def __hash__(cls):
        return _trap() if Meta.armed else type.__hash__(cls)

    def __getattribute__(cls, name):
        return _trap() if type.__getattribute__(Meta, "armed") else type.__getattribute__(cls, name)

    def __instancecheck__(cls, other):
        return _trap() if Meta.armed else type.__instancecheck__(cls, other)

    def __subclasscheck__(cls, other):
        return _trap() if Meta.armed else type.__subclasscheck__(cls, other)


def _armed_class(*bases: type) -> type:
    namespace: dict[str, Any] = {name: _trap for name in TRAPS if name != "__del__"}
    namespace["__class__"] = property(_trap)
    namespace["prop"] = property(_trap, _trap)
    namespace["__getattr__"] = _trap
    return Meta("Armed", bases, namespace)


def _touch_everything(run: Any, **variables: Any) -> list[Any]:
    """Touch and read the value of every site of ``run`` in a frame with these locals, without running ``run``."""
    frame = types.SimpleNamespace(
        f_locals=variables, f_globals=globals(), f_builtins=vars(builtins), f_code=run.__code__, f_back=None, f_lasti=0,
    )  # fmt: skip
    sites = analyse(run.__code__).values()
    Meta.armed = True
    try:
        found: list[Any] = [site.touch(frame) for site in sites]  # type: ignore[arg-type]
        for site in sites:
            show(site.value(frame))  # type: ignore[arg-type]
            if site.callee is not None:
                site.callee(frame)  # type: ignore[arg-type]
    finally:
        Meta.armed = False
    return found


def use(a, b, key):
    a.prop = a.prop
    a.missing = a.other
    del a.gone
    a[key] = a[b] = a[1]
    del a[key]
    b.box[key] += a
    if a or not b:
        a += b
    if a in b or b in a or key in b.box:
        a = -b
    if a == b or a < b:
        print(a, b, f"{a}{b!r:>{key}}")
    for _ in a:
        pass
    for _ in b.box.items():
        pass
    x, *y = a
    with a as z:
        z()
    a()
    a.method(b, key)
    (
        len(a),
        list(a),
        sorted(b),
        str(a),
        repr(b),
        hash(a),
        bool(a),
        isinstance(a, b),
        iter(a),
        next(b),
        getattr(a, "prop"),
    )
    setattr(a, "prop", hasattr(b, "other"))
    type(a).thing, vars(a), a.__dict__, a.__class__, super(type(a), a).thing
    b.box.get(a), b.box.pop(key), b.box.setdefault(key, a), b.box.update(a)
    max(a, b), sum(a), [*a, *b], {**a}, dict(a), print(*a, **b)
    return [i for i in a if i]


@pytest.mark.parametrize(
    "bases", [(), (dict,), (list,), (set,), (collections.OrderedDict,), (collections.deque,), (int,)]
)
def test_no_trap_is_sprung(bases):
    armed = _armed_class(*bases)
    thing = armed.__new__(armed)
    holder = types.SimpleNamespace(box={"a": thing}, prop=1)
    assert _touch_everything(use, a=thing, b=holder, key=thing)
    assert _touch_everything(use, a=holder, b=thing, key="a")


def test_a_python_getattribute_is_not_called():
    class Armed:
        def __getattribute__(self, name):
            raise Ran

        def __setattr__(self, name, value):
            raise Ran

    _touch_everything(use, a=Armed(), b=Armed(), key=1)


def test_a_module_getattr_is_not_called():
    module = types.ModuleType("armed")
    module.__getattr__ = _trap
    _touch_everything(use, a=module, b=module, key="a")


def test_property_named_dict_is_not_called():
    class Armed:
        __slots__ = ("value",)
        __dict__ = property(_trap)

    armed = Armed()
    assert instance_dict(armed) is None
    _touch_everything(use, a=armed, b=armed, key=1)


# -- look-ups by Python's own rules


class Base:
    def method(self):
        return 1

    @classmethod
    def made(cls):
        return cls

    @staticmethod
    def plain():
        return 2

    shared = 3


class Derived(Base):
    shared = 4
    __slots__ = ("own",)


@pytest.mark.parametrize("name", ["method", "made", "plain", "shared", "__class__", "__dict__"])
@pytest.mark.parametrize(
    "thing", [Derived(), Derived, types, functools], ids=["instance", "class", "module", "library"]
)
def test_values_are_those_of_getattr(thing, name):
    try:
        found = value_of(thing, name)
    except Unresolved:
        assert not hasattr(thing, name) or name == "__class__" or isinstance(thing, types.ModuleType)
    else:
        assert found == getattr(thing, name)


def test_an_instance_shadows_its_class_but_not_data_descriptors():
    class Thing:
        shared = 1

        @property
        def size(self):
            return 1

    thing = Thing()
    vars(thing).update(shared=2, size=3)
    assert value_of(thing, "shared") == 2
    assert load_touches(thing, "shared") == ((thing, "shared", READ),)
    assert load_touches(thing, "size") == ()
    with pytest.raises(Unresolved):
        value_of(thing, "size")


def test_slots_empty_and_filled():
    derived = Derived()
    with pytest.raises(Unresolved):
        value_of(derived, "own")
    derived.own = 1
    assert value_of(derived, "own") == 1
    assert store_touches(derived, "own") == ((derived, "own", WRITE),)


def test_super_follows_the_method_resolution_order():
    assert super_value(Derived, Derived(), "shared") == 3
    assert super_value(Derived, Derived, "made")() is Derived


def test_a_changed_class_is_looked_up_anew():
    class Other:
        pass

    class Thing(Other):
        pass

    thing = Thing()
    assert load_touches(thing, "late") == ((thing, "late", READ), (Thing, "late", READ), (Other, "late", READ))
    Thing.late = property(lambda self: 1)
    assert load_touches(thing, "late") == ()
    del Thing.late
    Thing.__bases__ = (Base,)
    assert value_of(thing, "shared") == 3


def test_forwarding_proxies_are_unknown_and_locals_are_private():
    target = Base()
    assert load_touches(weakref.proxy(target), "shared") == UNKNOWN
    local = threading.local()
    local.x = [1]
    assert load_touches(local, "x") == ()
    assert value_of(local, "x") == [1]


# -- keys and containers


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize("key", ["a", 1, 1.5, None, True, b"x", (1, ("a", None)), int])
def test_plain_keys_are_themselves(key):
    assert plain(key) == key


@pytest.mark.parametrize("key", [Colour.RED, object(), [1], (1, [2]), frozenset({1}), slice(1), UNRESOLVED])
def test_other_keys_stand_for_the_whole_object(key):
    assert plain(key) is WHOLE


def test_items_of_builtin_containers_only():
    class Odd(dict):
        def __getitem__(self, key):
            raise Ran

    assert item_value({"a": 1}, "a") == 1
    assert item_value(collections.OrderedDict(a=1), "a") == 1
    assert item_value([1, 2], -1) == 2
    for container, key in ((Odd(a=1), "a"), ({}, "a"), (collections.Counter(), "a"), ("ab", 0)):
        with pytest.raises(LookupError):
            item_value(container, key)


def test_families_of_common_objects(tmp_path):
    expected = {
        Family.ATOM: [1, "a", None, enum.IntEnum("Number", "ONE").ONE],
        Family.FROZEN: [(1,), frozenset()],
        Family.MAPPING: [{}, collections.Counter(), collections.defaultdict(list)],
        Family.SEQUENCE: [[], collections.deque(), bytearray()],
        Family.ITERATOR: [iter([]), zip(), map(str, []), reversed([])],
        Family.GENERATOR: [(x for x in ())],
        Family.VIEW: [{}.keys(), {}.items()],
        Family.CLASS: [int, Base],
        Family.QUIET: [len, Base.method, types],
        Family.OBJECT: [Base(), object(), threading.Event()],
    }
    for family, things in expected.items():
        assert [family_of(type(thing)) for thing in things] == [family] * len(things)
    with open(tmp_path / "x", "w") as file:
        assert family_of(type(file)) is Family.OUTSIDE


def test_views_of_memory_share_their_root():
    memory = bytearray(8)
    view = memoryview(memory)[2:]
    assert root_of(view) is memory
    assert root_of(memory) is memory


# -- expressions


def test_what_was_stored_in_between_is_not_evaluated_again():
    first, second = [1], [2]

    def run(items):
        for _ in items:
            items = second
        items[0] = (items := first) and 5
        return items

    seen = watch(run, [7, 8])
    assert UNKNOWN in seen.at("?"), "the loop's container was reassigned inside the loop"
    assert (0, WRITE) in seen.on(first)


def test_expressions_that_agree_on_all_ways_are_kept():
    def run(self, flag):
        self.items[1 if flag else 0] = self.items[-1] if flag else 5

    class Thing:
        items = [1, 2]

    seen = watch(run, Thing(), True)
    assert seen.on(Thing.items) in ([(1, READ), (1, WRITE)], [(1, READ), (WHOLE, WRITE)]), "3.11 joins the two ways"
    assert not seen.unknown()


def test_results_of_look_ups_are_found_again():
    table: dict[str, list[int]] = {"a": [1]}

    def run(key):
        table[key].append(1)
        table.get(key).append(2)
        table.setdefault(key, []).append(3)
        vars(sys)["path"]
        getattr(table, "get")("a").append(4)

    seen = watch(run, "a")
    assert len([mode for key, mode in seen.on(table["a"]) if key is WHOLE]) == 4
    assert not seen.unknown()


def test_arithmetic_on_local_keys():
    slots = [0, 0, 0]

    def run(i):
        slots[(i + 4) % 3] += 1
        slots[i - 1] += 1

    assert watch(run, 1).on(slots) == [(2, READ), (2, WRITE), (0, READ), (0, WRITE)]


def test_names_in_class_bodies_and_modules():
    source = "count = 0\ncount += 1\nclass A:\n    x = 1\n    y = x + count\n"
    code = compile(source, HERE, "exec")
    spaces: dict[str, Any] = {"__name__": "m"}
    function = types.FunctionType(code, spaces)
    seen = watch(function)
    assert [key for key, _ in seen.on(spaces)].count("count") == 4
    assert ("x", READ) not in seen.on(spaces)


def test_elements_of_private_containers_are_not_private():
    class Box:
        value = 0

    box = Box()

    def run():
        list([box]).pop().value = 1
        {"a": box}.get("a").value = 2
        sorted([1]).append(2)

    seen = watch(run)
    assert seen.unknown() == ["list(?).pop().value", "{...}.get('a').value"] or len(seen.unknown()) == 2


def test_the_smaller_of_two_keys():
    locks = {"a": [1], "b": [2]}

    def run(one, other):
        locks[min(one, other)].append(1)
        locks[max(one, other)].append(1)

    seen = watch(run, "b", "a")
    assert not seen.unknown()
    assert seen.on(locks["a"]) == seen.on(locks["b"]) == [(WHOLE, 3)]


# -- showing values


class Loud:
    def __repr__(self):
        raise Ran


class LoudList(list):
    __repr__ = _trap


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"), (None, "None"), ("a", "'a'"), ([1, [2, [3]]], "[1, [2, [...]]]"), ({"a": Loud()}, "{'a': <Loud>}"),
        (LoudList(), "<LoudList>"), (Loud, "<class Loud>"), ((1,), "(1)"), (set(), "{}"), (len, "<function len>"),
        (ABSENT, "<Mark>"), ("x" * 500, "'" + "x" * 56 + "..."), (1 << 5000, "<int>"),
        (list(range(50)), "[0, 1, 2, 3, 4, 5, ...]"),
        (collections.deque([1]), "deque([1])"), (types, "<module>"), (Base().method, "<method method>"),
    ],
)  # fmt: skip
def test_values_are_shown_without_user_code(value, text):
    assert show(value) == text
