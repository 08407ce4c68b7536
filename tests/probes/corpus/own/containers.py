"""The same culprit behind every kind of holder: the path must lead through each as an expression."""

from __future__ import annotations

import collections
import enum
import functools
import threading
import types
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from tests.probes.corpus.case import Case, Expected, Fails


@dataclass
class Settings:
    name: str
    lock: Any = field(default_factory=threading.Lock)  # culprit: dataclass


@dataclass(slots=True)
class Slotted:
    size: int
    gate: Any = field(default_factory=threading.Lock)  # culprit: dataclass_slots


class Slots:
    __slots__ = ("__weakref__", "guard", "other")

    def __init__(self) -> None:
        self.guard = threading.Lock()  # culprit: slots


class Both(Slots):
    def __init__(self) -> None:
        super().__init__()
        self.extra = threading.RLock()  # culprit: slots_and_dict


class Pair(NamedTuple):
    first: int
    second: Any


def lock() -> Any:
    return threading.Lock()


class Table(dict[str, Any]):
    def __init__(self) -> None:
        super().__init__()
        self["lock"] = lock()  # culprit: dict_subclass


class Rows(list[Any]):
    def __init__(self) -> None:
        super().__init__()
        self.guard = threading.Lock()  # culprit: list_subclass


class Stateful:
    """Hands the pickler a state of its own making."""

    def __init__(self) -> None:
        self.inner = threading.Lock()  # culprit: getstate
        self.size = 1

    def __getstate__(self) -> Any:
        return {"inner": self.inner, "version": 2}


class Nested:
    def __init__(self) -> None:
        self.inner = threading.Lock()  # culprit: getstate_nested

    def __getstate__(self) -> Any:
        return {"wrapped": {"deep": [self.inner]}}


class Reducing:
    def __init__(self, gate: Any = None) -> None:
        self.gate = gate or threading.Lock()  # culprit: reduce_argument

    def __reduce__(self) -> Any:
        return (Reducing, (self.gate,))


class NewArguments:
    gate: Any

    def __new__(cls, gate: Any = None) -> Self:
        self = super().__new__(cls)
        self.gate = gate or threading.Lock()  # culprit: getnewargs
        return self

    def __getnewargs__(self) -> Any:
        return (self.gate,)


class Mode(enum.Enum):
    FAST = 1


class Keyed:
    """A dictionary whose keys are no literals."""

    def __init__(self) -> None:
        self.by_mode = {Mode.FAST: lock(), (1, "a"): 2}  # culprit: enum_key


class Member:
    """A set with one object in it."""

    def __init__(self) -> None:
        self.gates = {lock()}  # culprit: set_member


class Cyclic:
    def __init__(self) -> None:
        self.me = self
        self.friends = [self]
        self.lock = threading.Lock()  # culprit: cycle


class Private:
    def __init__(self) -> None:
        self.__secret = threading.Lock()  # culprit: mangled


def _error() -> Exception:
    error = ValueError("with a lock", lock())
    error.lock = threading.RLock()  # type: ignore[attr-defined]  # culprit: exception_attribute
    return error


def _namespace() -> types.SimpleNamespace:
    return types.SimpleNamespace(
        size=1,
        gate=lock(),  # culprit: namespace
    )


def _deque() -> Any:
    return collections.deque([1, Settings("x")])


def _chain() -> Any:
    return collections.ChainMap({"a": 1}, {"lock": lock()})  # culprit: chain_map


def _shared() -> Any:
    shared = Settings("shared")
    return [shared, shared, {"again": shared}]


def _case(name: str, make: Any, path: str, line: str) -> Case:
    return Case(name, Fails.DUMP, make, (Expected(path, "", line),))


CASES: tuple[Case, ...] = (
    _case("dataclass", lambda: Settings("a"), "obj.lock", "dataclass"),
    _case("dataclass_slots", lambda: (Slotted(1),), "obj[0].gate", "dataclass_slots"),
    _case("slots", Slots, "obj.guard", "slots"),
    Case("slots_and_dict", Fails.DUMP, Both, (Expected("obj.extra", "RLock", "slots_and_dict"),
                                              Expected("obj.guard", "lock", "slots"))),
    _case("named_tuple", lambda: Pair(1, Settings("a")), "obj.second.lock", "dataclass"),
    _case("dict_subclass", Table, "obj['lock']", "dict_subclass"),
    _case("list_subclass", Rows, "obj.guard", "list_subclass"),
    _case("getstate_dict", Stateful, "obj.inner", "getstate"),
    _case("getstate_nested", Nested, "obj.inner", "getstate_nested"),
    _case("reduce_argument", Reducing, "obj.gate", "reduce_argument"),
    _case("getnewargs", NewArguments, "obj.gate", "getnewargs"),
    _case("enum_key", Keyed, "obj.by_mode[type(next(iter(obj.by_mode))).FAST]", "enum_key"),
    _case("set_member", Member, "list(obj.gates)[0]", "set_member"),
    _case("cycle", Cyclic, "obj.lock", "cycle"),
    _case("mangled_name", Private, "obj._Private__secret", "mangled"),
    Case("exception_attribute", Fails.DUMP, _error,
         (Expected("obj.args[1]", "lock"), Expected("obj.lock", "RLock", "exception_attribute"))),
    _case("simple_namespace", _namespace, "obj.gate", "namespace"),
    _case("deque", _deque, "obj[1].lock", "dataclass"),
    _case("default_dict", lambda: collections.defaultdict(list, a=[Settings("d")]), "obj['a'][0].lock", "dataclass"),
    _case("ordered_dict", lambda: collections.OrderedDict(a=Settings("o")), "obj['a'].lock", "dataclass"),
    _case("chain_map", _chain, "obj.maps[1]['lock']", "chain_map"),
    _case("partial_keyword", lambda: functools.partial(print, end=Settings("p")), "obj.keywords['end'].lock",
          "dataclass"),
    _case("shared_object", _shared, "obj[0].lock", "dataclass"),
)  # fmt: skip
