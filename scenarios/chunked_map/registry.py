"""MapReduce of `fixtures.chunked_map` on real worker processes, against the same work done by one process."""

from __future__ import annotations

import importlib
import operator
import tempfile
from functools import partial, reduce
from pathlib import Path
from typing import Any

from harness import Violation
from scenarios.chunked_map import work
from scenarios.reference import Form
from scenarios.reference.child import in_new_process

ROUNDS = 3
WORKERS = 2


def every_item(form: str) -> str:
    """Whatever the number of items, each of them reaches the result once."""
    counts = (0, 1, 2, 3, 7, 100, 101)
    with _chunked_map(form) as pool:
        for count in counts:
            total = pool.map_reduce(work.one, range(count), operator.add, 0)
            if total != count:
                raise Violation("lost_update", f"{total} of {count} items arrived")
    return f"all items arrived of {', '.join(map(str, counts))}"


def order_of_chunks(form: str) -> str:
    """A first chunk that takes longer than the last one changes nothing."""
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
    expected = reduce(operator.add, map(work.listed, words), [])
    with _chunked_map(form) as pool, tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            step = partial(work.in_turn, Path(folder, str(number)), words[0], words[-1])
            result = pool.map_reduce(step, words, operator.add, [])
            if result != expected:
                raise Violation("not_serializable", f"{' '.join(result)}: one process returns {' '.join(expected)}")
    return f"the sequential result in {ROUNDS} rounds whose last chunk ended first"


def _chunked_map(form: str) -> Any:
    return importlib.import_module(f"fixtures.chunked_map.{form}").ChunkedMap(WORKERS)


def _form(form: str, function: Any, kind: str = "") -> Form:
    name = f"scenarios.chunked_map.registry:{function.__name__}"
    title = function.__name__.replace("_", " ")
    return Form("chunked_map", form, title, lambda _: in_new_process(name, form), kind)


FORMS = (
    _form("released", every_item, "lost_update"),
    _form("released", order_of_chunks, "not_serializable"),
    _form("repaired", every_item),
    _form("repaired", order_of_chunks),
)
