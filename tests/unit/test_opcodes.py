"""Every opcode of this Python has a role, and the stack analysis agrees with `dis` on every function it meets."""

from __future__ import annotations

import dis
import importlib.util
import sys
from collections.abc import Iterator
from types import CodeType

import pytest
from access_driver import nested

from harness.instrument.accesses import analyse
from harness.instrument.flow import Flow
from harness.instrument.opcodes import SUPPORTED, Role, executable, roles
from harness.instrument.stack import Stack
from harness.model import CannotExplore

MODULES = (
    "argparse", "ast", "asyncio.base_events", "asyncio.streams", "collections", "contextlib", "dataclasses",
    "concurrent.futures.thread", "_pydecimal", "difflib", "enum", "functools", "inspect", "logging", "optparse",
    "multiprocessing.pool", "pickle", "queue", "re._parser", "shutil", "socket", "statistics", "subprocess", "tarfile",
    "threading", "typing", "unittest.mock", "urllib.request", "zipfile", "numpy.ma.core",
)  # fmt: skip
SPLIT_ON_311 = {"PRECALL", "CALL", "RETURN_GENERATOR"}
"""Opcodes whose effect `dis` counts at another place than this analysis does."""


def test_every_opcode_of_this_python_has_a_role_and_no_other():
    assert set(roles()) == executable()


@pytest.mark.parametrize("version", SUPPORTED)
def test_tables_of_other_versions_have_the_accesses_of_the_language(version):
    present = set(roles(version).values())
    assert present >= set(Role) - {Role.LOAD_SUPER, Role.ENTER}
    assert (Role.LOAD_SUPER in present) == (version >= (3, 12))
    assert (Role.ENTER in present) == (version < (3, 14))


def test_an_unknown_version_is_refused_with_the_remedy():
    with pytest.raises(CannotExplore, match=r"no opcode table for Python 3\.99: run it on 3\.11"):
        roles((3, 99))


def test_a_new_opcode_would_be_noticed(monkeypatch):
    monkeypatch.setitem(dis.opmap, "LOAD_SHARED_THING", 254)
    assert executable() - set(roles()) == {"LOAD_SHARED_THING"}


def codes_of(name: str) -> Iterator[CodeType]:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        pytest.skip(f"{name} is not installed")
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        pytest.skip(f"no source for {name}")
    with open(spec.origin, "rb") as source:
        yield from nested(compile(source.read(), spec.origin, "exec"))


@pytest.mark.parametrize("name", MODULES)
def test_the_stack_agrees_with_dis(name):
    checked = 0
    for code in codes_of(name):
        flow = Flow(code)
        flow.run()
        for instruction in flow.instructions:
            state = flow.before.get(instruction.offset)
            if state is None or instruction.opname in SPLIT_ON_311:
                continue
            stack = Stack(code)
            stack.items.extend(state)
            stack.step(instruction)
            has_argument = instruction.opcode >= dis.HAVE_ARGUMENT
            argument = instruction.arg if has_argument else None
            expected = dis.stack_effect(instruction.opcode, argument, jump=False)
            assert len(stack.items) - len(state) == expected, (code, instruction)
            checked += 1
    assert checked > 500


@pytest.mark.parametrize("name", MODULES[:12])
def test_every_function_of_the_library_is_analysed(name):
    sites = [site for code in codes_of(name) for site in analyse(code).values()]
    assert len(sites) > 100
    assert all(site.label and site.line for site in sites)


def test_accesses_are_never_at_private_opcodes():
    table = roles()
    private = {Role.PRIVATE, Role.NEVER}
    for code in codes_of("threading"):
        by_offset = {instruction.offset: instruction.opname for instruction in dis.get_instructions(code)}
        for offset in analyse(code):
            assert table[by_offset[offset]] not in private


SNIPPETS = {
    "match": """
def f(x):
    match x:
        case {"a": 1, **rest}: return rest
        case [1, *others]: return others
        case Point(x=0, y=yy): return yy
        case str() | None: return 1
""",
    "finally": """
def f(x):
    while x:
        try:
            with x, x.y as z:
                if z: break
                return x[z]
        except ValueError as e:
            x.z = e
            continue
        finally:
            del x.q
    return [a for a in x if (b := a)] + [*x, *(y for y in x)] + list({**x})
""",
    "groups": """
def f(x):
    try:
        x()
    except* ValueError as e:
        x.z = e
    except* TypeError:
        raise
""",
    "async": """
async def f(x):
    async with x as y:
        async for z in y:
            await z
            yield [q async for q in z]
    await x.close()
""",
    "generator": """
def f(x):
    try:
        y = yield from x
        z = yield y
    except GeneratorExit:
        return
""",
    "class": """
class A(B, metaclass=C):
    x: int = 1
    def f(self): return super().f(*self.a, **self.b)
    y = [x for x in range(3)]
    del x
""",
    "globals": """
def f():
    global g
    g += 1
    del g
    def h():
        nonlocal_ = g
        def i():
            nonlocal nonlocal_
            nonlocal_ += 1
            del nonlocal_
        return i
    return h
""",
    "chained": "def f(a, b): return a < b.c < b.d and not a or f'{a!r:>{b}}{b}' or a if b is None else a[b:][::2]",
    "stores": "def f(a, b): a[b:b + 1], a.x, (b, *c) = b; a.y = a[b] = b; a.b.c[1] += 1; a @= b",
    "imports": """
def f():
    import os.path as p, sys
    from . import x
    from os.path import join as j
    return p, sys, x, j
""",
}  # fmt: skip


@pytest.mark.parametrize("name", list(SNIPPETS))
def test_every_construct_is_analysed(name):
    for code in nested(compile(SNIPPETS[name], name, "exec")):
        flow = Flow(code)
        flow.run()
        assert flow.before.keys() <= flow.position.keys()
        analyse(code)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters are new in 3.12")
def test_type_parameters_are_analysed():
    for code in nested(compile("class A[T: int]:\n    def f[S](self, x: S) -> T: ...\ntype B[T] = A[T]", "t", "exec")):
        analyse(code)
