"""A commented starting configuration for an object: what it offers, written as a target, with the kinds that fit."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

from harness.kinds._registry import kinds, names
from harness.model import UsageError
from harness.targets.chosen import load
from harness.targets.config import Target, entry_of, load_target
from harness.targets.offers import Offers, offers_of

THREADS = 10
WIDTH = 110


def starting_configuration(path: str, taken: Sequence[str] = ()) -> str:
    """The TOML of a table ``[tool.harness.targets.<name>]`` for the object at ``package.module:name``, or a module.

    ``taken`` are names of targets that there are already. Raises :class:`harness.UsageError`.
    """
    found = load(path, f"harness init {path}", module=True)
    name = path.rpartition(":")[2].rpartition(".")[2]
    try:
        offers = offers_of(found, name)
    except UsageError as error:
        raise UsageError(f"harness init {path}: {error}") from None
    table = _free(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower(), taken)
    head = "\n".join([*_head(path, table), *_making(path, offers), *_operations(offers), *_observing(offers)])
    target = _target(head, table, found)
    fitting = [(kind.name, kind.fits(target)) for kind in kinds()]
    return "\n".join([head, *_kinds(fitting)]) + "\n"


def _free(name: str, taken: Sequence[str]) -> str:
    return name if name not in taken else next(n for i in range(2, 10**6) if (n := f"{name}_{i}") not in taken)


def _target(text: str, name: str, found: Any) -> Target:
    """The configured target: what is printed is what the harness reads."""
    table = tomllib.loads(text)["tool"]["harness"]["targets"][name]
    return load_target(entry_of(name, table, "harness init", names()), lambda *_: found)


def _head(path: str, table: str) -> Iterator[str]:
    key = table if re.fullmatch(r"[A-Za-z0-9_-]+", table) else _quoted(table)
    yield _comment(f"Scenarios for {path}")
    yield "# Append this to pyproject.toml, correct what is marked CHECK, and run: pytest -m concurrency"
    yield f"[tool.harness.targets.{key}]"


def _making(path: str, offers: Offers) -> Iterator[str]:
    yield f"make = {_quoted(path)}"
    if offers.missing:
        yield _comment(f"CHECK: {offers.signature}: no value is known for {', '.join(offers.missing)}.")
        yield "# Name a function here that makes the object, or give args = [...] or kwargs = {...}."
    elif offers.constructor:
        yield _comment(f"CHECK: {offers.signature}")
        yield f"args = [{', '.join(offers.constructor)}]"


def _operations(offers: Offers) -> Iterator[str]:
    yield ""
    used = [offer for offer in offers.calls if not offer.doubt]
    yield "# Operations that several threads perform at once."
    if offers.remark:
        yield _comment(f"CHECK: {offers.remark}: name its operations.")
    elif used:
        yield "# CHECK the arguments: few and equal ones, so that threads meet, and such as your callers pass."
    if not used:
        yield "# call = [\"...\"]"
    else:
        yield "call = ["
        for offer in used:
            yield f"    {_quoted(offer.texts[0])},  {_comment(offer.signature)}"
            yield from (f"    {_quoted(text)}," for text in offer.texts[1:])
        yield "]"
    for offer in offers.calls:
        if offer.doubt:
            yield _comment(f"Left out, {offer.doubt}: {offer.signature}")


def _observing(offers: Offers) -> Iterator[str]:
    yield ""
    yield "# What is read when all threads have ended: it must be what it is after the same calls one after another."
    if offers.observe:
        first, *others = offers.observe
        yield f"observe = {_quoted(first.texts[0])}  {_comment(first.signature)}"
        if others:
            yield _comment(f"or {', '.join(offer.texts[0] for offer in others)}")
    else:
        yield '# observe = "..."'
    yield "# What holds on every such value; names are its keys or attributes. With it, `snapshot` fits."
    yield '# invariant = "done + failed <= total"'
    if offers.stop:
        yield f"stop = {_quoted(offers.stop)}"
    if offers.start:
        yield f"start = {_quoted(offers.start)}"


def _kinds(fitting: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield ""
    fit = [name for name, reason in fitting if not reason]
    if fit:
        yield "# The scenarios that fit as it stands; without this line, all that fit then."
        yield f"kinds = [{', '.join(_quoted(name) for name in fit)}]"
    else:
        yield "# CHECK: no scenario fits as it stands, and pytest will say so: see what each one needs."
    for name, reason in fitting:
        if reason:
            yield _comment(f"{name}: {reason}")
    yield f"threads = {THREADS}"


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(text: str) -> str:
    """Text that may stand in a comment: on one line, of moderate length, printable."""
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."


def _comment(text: str) -> str:
    return f"# {_plain(text)}"
