"""What an object offers to scenarios, read from its source and signatures; nothing of it is called or constructed."""

from __future__ import annotations

import ast
import dataclasses
import dis
import inspect
import textwrap
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.model import UsageError, steady
from harness.targets.programs import KEYS

STOPS = ("close", "stop", "shutdown", "terminate")
STARTS = ("start", "open", "connect")
MOST_VALUES = 2
_VALUES: dict[Any, tuple[str, ...]] = {
    str: ("'a'", "'b'"), int: ("1", "2"), float: ("1.0", "2.0"), bool: ("True", "False"), bytes: ("b'a'", "b'b'"),
    dict: ("{'a': 1}",), list: ("[1]",), tuple: ("(1,)",), set: ("{1}",), object: ("1", "2"), Any: ("1", "2"),
}  # fmt: skip
_NAMED = ("get_stats", "stats", "statistics", "snapshot", "get_", "as_", "to_", "read", "status", "health", "report",
          "count", "size", "total", "qsize", "value", "get()", "list_", "is_", "len(")  # fmt: skip
"""How getters are called, the most telling first; one of another name is an operation unless there is no other."""
_WAITS = ("acquire", "wait", "join", "serve", "run_forever")
_FOLLOWS = ("release", "unlock", "task_done", "__exit__")
_MUTATORS = frozenset({"append", "appendleft", "add", "pop", "popleft", "popitem", "remove", "clear", "update",
                       "extend", "insert", "discard", "setdefault", "put", "set"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offer:
    """An operation: how it is written, its signature, and why it is only a suggestion (empty: it is used)."""

    texts: tuple[str, ...]
    signature: str
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Offers:
    """What was found; ``constructor`` holds the TOML values of arguments without a default, ``missing`` the others'."""

    signature: str
    calls: tuple[Offer, ...] = ()
    observe: tuple[Offer, ...] = ()
    stop: str = ""
    start: str = ""
    constructor: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    remark: str = ""


def offers_of(found: Any, name: str) -> Offers:
    """The offers of a class, a factory function (of the class its annotation names) or a module."""
    if isinstance(found, types.ModuleType):
        own = [(n, v) for n, v in vars(found).items() if inspect.isroutine(v) and _module_of(v) == found.__name__]
        return _of_members(found, own, Offers(""))
    if not callable(found):
        raise UsageError(f"it is a {type(found).__name__}; name its class, a function that makes one, or its module")
    if inspect.iscoroutinefunction(found):
        raise UsageError("it is an async def: coroutines are not interleaved; name a class or a plain function")
    given, missing = _arguments(found)
    made = found if isinstance(found, type) else _returned(found)
    base = Offers(_signature(name, found), constructor=given, missing=missing)
    if not isinstance(made, type) or made.__module__ == "builtins":
        return dataclasses.replace(base, remark=f"the annotations of {name} do not say of which class its value is")
    members = [(n, inspect.getattr_static(made, n)) for n in dir(made)]
    return _of_members(made, members, base)


def _module_of(found: Any) -> Any:
    return getattr(found, "__module__", None)


def _of_members(owner: Any, members: list[tuple[str, Any]], base: Offers) -> Offers:
    calls, observe, quiet = [], [], []
    for name, member in members:
        if name.startswith("_") or isinstance(member, type):
            continue
        if isinstance(member, property):
            observe.append(Offer((name,), f"property {name}"))
            continue
        function = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
        if not inspect.isroutine(function) or name in (*STOPS, *STARTS):
            continue
        offer = _operation(name, function, bound=isinstance(owner, type) and not isinstance(member, staticmethod))
        if not _is_getter(owner, function, offer):
            calls.append(offer)
        elif _rank(offer.texts[0]) < len(_NAMED):
            observe.append(offer)
        else:
            quiet.append(offer)
    names = {name for name, _ in members}
    if "__len__" in names:
        observe.append(Offer(("len(target)",), "its length"))
    if not observe and isinstance(owner, type) and (assigned := _assigned(owner)):
        shown = ", ".join(f"'{name}': {name}" for name in assigned)
        observe.append(Offer((f"{{{shown}}}",), "the public attributes that __init__ sets"))
    if observe:
        calls += quiet
    observe = sorted(observe or quiet, key=lambda offer: _rank(offer.texts[0]))
    return dataclasses.replace(
        base, calls=tuple(sorted(calls, key=lambda offer: (bool(offer.doubt), offer.texts))), observe=tuple(observe),
        stop=next((f"{n}()" for n in STOPS if n in names), ""),
        start=next((f"{n}()" for n in STARTS if n in names), ""),
    )  # fmt: skip


def _rank(text: str) -> int:
    return next((number for number, start in enumerate(_NAMED) if text.startswith(start)), len(_NAMED))


def _operation(name: str, function: Any, bound: bool) -> Offer:
    signature = _signature(name, function, bound)
    inner = inspect.unwrap(function)
    if inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner):
        return Offer((f"{name}(...)",), signature, "a coroutine: threads do not run it")
    if inspect.isgeneratorfunction(inner):
        return Offer((f"{name}(...)",), signature, "a generator or context manager: write an operation that uses it")
    if signature.endswith("(...)"):
        return Offer((signature,), signature, "its arguments are not known")
    sets, missing = _filled(function, bound)
    if missing:
        return Offer((f"{name}(...)",), signature, f"no value is known for {', '.join(missing)}")
    names = set(getattr(getattr(inner, "__code__", None), "co_names", ()))
    doubt = "it may wait for another operation" if name.startswith(_WAITS) or names & {"wait", "wait_for"} else ""
    doubt = "it must follow another operation" if name.startswith(_FOLLOWS) else doubt
    return Offer(tuple(f"{name}({', '.join(arguments)})" for arguments in sets), signature, doubt)


def _filled(function: Any, bound: bool) -> tuple[list[list[str]], list[str]]:
    """Argument lists for a call, few and different, and the arguments for which no value is known."""
    values, missing = [], []
    for parameter, hint in _required(function, bound):
        known = _values(hint)
        if not known:
            missing.append(parameter.name)
        prefix = f"{parameter.name}=" if parameter.kind is parameter.KEYWORD_ONLY else ""
        values.append([prefix + value for value in known])
    count = max((len(known) for known in values), default=1)
    return [[known[min(i, len(known) - 1)] for known in values if known] for i in range(count)], missing


def _required(function: Any, bound: bool) -> Iterator[tuple[inspect.Parameter, Any]]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return
    try:
        hints = typing.get_type_hints(vars(function).get("__init__") if isinstance(function, type) else function)
    except Exception:
        hints = {}
    for parameter in parameters[1:] if bound else parameters:
        optional = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if parameter.default is parameter.empty and not optional:
            yield parameter, hints.get(parameter.name, str if parameter.name in KEYS else Any)


def _values(hint: Any) -> tuple[str, ...]:
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return tuple(repr(value) for value in typing.get_args(hint)[:MOST_VALUES])
    if origin in (typing.Union, types.UnionType):
        return next((found for part in typing.get_args(hint) if (found := _values(part))), ())
    return _VALUES.get(origin or hint, ()) if isinstance(origin or hint, type) or hint is Any else ()


def _arguments(maker: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The TOML values of the arguments that ``maker`` needs, or else the names of those that have none."""
    required = list(_required(maker, bound=False))
    toml = {"True": "true", "False": "false"}
    given, missing = [], []
    for parameter, hint in required:
        known = [value for value in _values(hint) if value[0] not in "b({["]
        if known and parameter.kind is not parameter.KEYWORD_ONLY:
            given.append(toml.get(known[0], known[0]))
        else:
            missing.append(parameter.name)
    return tuple(given) if not missing else (), tuple(missing)


def _returned(function: Any) -> Any:
    try:
        return typing.get_type_hints(function).get("return")
    except Exception:
        return None


def _signature(name: str, function: Any, bound: bool = False) -> str:
    try:
        signature = inspect.signature(function, eval_str=True)
    except Exception:
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            return f"{name}(...)"
    parameters = list(signature.parameters.values())[1 if bound else 0 :]
    return steady(f"{name}{signature.replace(parameters=parameters)}")


def _is_getter(owner: Any, function: Any, offer: Offer) -> bool:
    """Whether it takes nothing, gives something and, as far as the code shows, changes nothing."""
    empty = len(offer.texts) == 1 and offer.texts[0].endswith("()")
    return empty and not offer.doubt and _gives_something(function) and not _changes(owner, function, set())


def _changes(owner: Any, function: Any, seen: set[Any]) -> bool:
    """Whether the code, or that of methods of ``owner`` which it names, stores into something or calls a mutator."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or code in seen:
        return code is None
    seen.add(code)
    stores = ("STORE_ATTR", "DELETE_ATTR", "STORE_SUBSCR", "DELETE_SUBSCR", "STORE_GLOBAL")
    if _MUTATORS & set(code.co_names) or any(step.opname.startswith(stores) for step in dis.get_instructions(code)):
        return True
    members = (inspect.getattr_static(owner, name, None) for name in code.co_names)
    return any(_changes(owner, member, seen) for member in members if inspect.isfunction(member))


def _gives_something(function: Any) -> bool:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    except (OSError, TypeError, SyntaxError):
        return False
    return any(isinstance(node, ast.Return) and node.value is not None
               and not (isinstance(node.value, ast.Constant) and node.value.value is None)
               for node in ast.walk(tree))  # fmt: skip


def _assigned(cls: type) -> list[str]:
    """The public attributes that ``__init__`` sets to plain values."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls.__init__)))  # type: ignore[misc]
    except (OSError, TypeError, SyntaxError):
        return []
    plain = (ast.Constant, ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp)
    found = {
        target.attr: None
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, plain)
        for target in node.targets
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self"
    }
    return [name for name in found if not name.startswith("_")]
