"""Turns a failure of the walk into a culprit that a person understands: trail, reason, source line, advice.

It looks at live objects and source files, and runs ``repr`` of the culprit: call it where user code may hang.
"""

from __future__ import annotations

import functools
import re
import reprlib
import types
from typing import Any

from harness.probes.captures import captured_names
from harness.probes.edges import CONTAINERS
from harness.probes.origins import Origins, Place, definition
from harness.probes.paths import ATTR, Edge, join, shorten
from harness.probes.picklers import Flavor
from harness.probes.report import Culprit, Hop
from harness.probes.state import is_a, type_name
from harness.probes.walk import Failure, Holder, Stuck

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_LONGEST = 120


def short_repr(obj: Any) -> str:
    """Return a ``repr`` without addresses or file names that fits a line; one that fails is said to."""
    if is_a(obj, types.ModuleType):
        return f"<module {obj.__name__!r}>"
    writer = reprlib.Repr()
    writer.maxlist = writer.maxtuple = writer.maxdict = writer.maxset = 4
    writer.maxstring = writer.maxother = _LONGEST
    try:
        text = writer.repr(obj)
    except BaseException as error:  # the repr is the user's code
        return f"<{type(obj).__name__}, whose repr raises {type(error).__name__}>"
    text = " ".join(_ADDRESS.sub("", text).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def culprit_of(failure: Failure, origins: Origins, flavor: Flavor) -> Culprit:
    """Return the culprit for one failure of the walk."""
    holders = (*failure.holders, Holder(failure.obj, failure.edge))
    places = origins.trail(failure.root, holders)
    made = definition(failure.obj) if failure.by_name else None
    return Culprit(
        path=failure.path,
        type=type_name(failure.obj),
        where=_text(made if made is not None and not made.library else _user_place(places) or made),
        repr="" if isinstance(failure.error, Stuck) else short_repr(failure.obj),
        error=_error_text(failure),
        trail=_hops(failure, holders, places, flavor),
        captures=captured_names(failure.obj) if is_a(failure.obj, types.FunctionType) else (),
        advice=_advice(failure, holders, made),
    )


def _text(place: Place | None) -> str | None:
    return str(place) if place is not None else None


def _user_place(places: list[Place | None]) -> Place | None:
    """Return the innermost line of the user's own code, or failing that the innermost line."""
    known = [place for place in places if place is not None]
    own = [place for place in known if not place.library]
    return (own or known)[-1] if known else None


def _error_text(failure: Failure) -> str:
    if isinstance(failure.error, Stuck):
        return f"pickling it {failure.error}"
    text = _ADDRESS.sub("", " ".join(str(failure.error).split()))
    return f"{type(failure.error).__name__}: {text}" if text else type(failure.error).__name__


def _hops(failure: Failure, holders: tuple[Holder, ...], places: list[Place | None], flavor: Flavor) -> tuple[Hop, ...]:
    hops = []
    edges: list[Edge] = []
    for index, holder in enumerate(holders):
        if holder.edge is not None:
            edges.append(holder.edge)
        why = reason(holders[index - 1].obj if index else None, holder.edge, flavor)
        path = failure.path if index == len(holders) - 1 else join(failure.root, edges)
        hops.append(Hop(path, type_name(holder.obj), _text(places[index]), why))
    return tuple(hops)


def reason(parent: Any, edge: Edge | None, flavor: Flavor) -> str:
    """Say in a few words why the pickler went from ``parent`` along ``edge``."""
    if edge is None:
        return "it is sent to the worker" if not flavor.spawning else "the worker process is pickled with it"
    style, key = edge
    if is_a(parent, types.MethodType):
        return f"a bound method is sent as its object and the name {parent.__name__!r}: all of the object goes along"
    if is_a(parent, functools.partial):
        return "a partial is sent with its function and arguments"
    if is_a(parent, types.FunctionType):
        return f"{flavor.name} sends this function by value: its code, closure, defaults and the globals it uses"
    if is_a(parent, types.CellType):
        return "a closure variable of a function that is sent by value"
    if style != ATTR and key == "type({})":
        return "an object is sent with a reference to its class"
    if type(parent) in CONTAINERS:
        return f"an item of a {type(parent).__name__}"
    if style == ATTR:
        return f"part of the state of {type(parent).__name__}"
    if style == "item":
        return f"an item of {type(parent).__name__}"
    return f"what {type(parent).__name__}.__reduce__ hands to the pickler"


def _advice(failure: Failure, holders: tuple[Holder, ...], made: Place | None) -> str:
    obj = failure.obj
    method = next((holder.obj for holder in holders[:-1] if is_a(holder.obj, types.MethodType)), None)
    if isinstance(failure.error, Stuck):
        return "its pickling hook must return"
    if made is not None and made.library:
        return "it belongs to a library's object that is not meant to be sent: leave that out and make it in the worker"
    if is_a(obj, types.FunctionType) and failure.by_name:
        inside = "<locals>" in obj.__qualname__
        if inside:
            return "a function made inside a function has no name that a worker could import: move it to module level"
        return "its module and name lead to another object: a decorator without functools.wraps replaced it"
    if is_a(obj, type) and failure.by_name:
        return "a class made inside a function has no name that a worker could import: move it to module level"
    if is_a(obj, types.GeneratorType):
        return "a generator cannot be sent: send list(...) of it, or what it is made from"
    if method is not None:
        return (
            f"{shorten(method.__qualname__)} is a bound method: it drags in all of self; use a module-level function "
            "with explicit arguments"
        )
    return ""
