"""Fixes: each kind is tried and shown when it passes, and not shown when it would not."""

from __future__ import annotations

import ast
import functools
import importlib
import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fixtures.parallel_analyzer import LambdaCapturingSelf, PartialOfBoundMethod, WrapperClosure, analysis
from harness.probes import probe_pickle, probe_submit
from harness.probes.rewrite import explicit
from tests.probes.corpus.published.loads import Foo, HTTPError
from tests.probes.sample_errors import Formatted


class Stamp:
    def __init__(self, size: int) -> None:
        self.size = size
        self.lock = threading.Lock()


class Given:
    """Its lock comes from outside: nobody can tell how to make it again, so it is None in the worker."""

    def __init__(self, lock: Any) -> None:
        self.guard = lock


class HasHooks:
    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __getstate__(self) -> Any:
        return self.__dict__


class UsesSelf:
    """Its method hands on ``self`` as a whole: there are no explicit arguments to be had."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.name = "x"

    def __getstate__(self) -> Any:
        return self.__dict__

    def work(self) -> str:
        return str(self)


def titles(obj: object, **options: Any) -> list[str]:
    return [fix.title for fix in probe_pickle(obj, start_method="spawn", **options).fixes]


def test_getstate_leaves_the_lock_out_and_makes_it_again() -> None:
    (fix,) = probe_pickle({"stamp": Stamp(3)}, start_method="spawn").fixes
    assert fix.title == "__getstate__ leaves out Stamp.lock"
    assert 'del state["lock"]' in fix.patch
    assert "self.lock = threading.Lock()" in fix.patch
    assert "loaded by a worker started with spawn" in fix.tried


def test_a_lock_from_outside_becomes_none_and_that_is_shown() -> None:
    (fix,) = probe_pickle(Given(threading.Lock()), start_method="spawn").fixes
    assert "self.guard = None  # make it where it is first used" in fix.patch


@pytest.mark.parametrize("obj", [HasHooks(), UsesSelf().work, [threading.Lock()], (i for i in [1])])
def test_nothing_is_shown_that_did_not_pass(obj: object) -> None:
    assert titles(obj) == []


def test_nothing_is_tried_on_a_fine_object() -> None:
    assert titles({"a": 1}) == []


@pytest.mark.parametrize(
    ("form", "patch"),
    [
        (lambda: LambdaCapturingSelf().task(), "def task(config, clip):"),
        (lambda: PartialOfBoundMethod().task(), "submit(functools.partial(_analyze, self.language, '!'), ...)"),
        (lambda: WrapperClosure().wrapped(str), "submit(functools.partial(safe, function), ...)"),
    ],
)
def test_module_function_with_explicit_arguments(form: Any, patch: str) -> None:
    (fix,) = probe_pickle(form(), start_method="spawn", name="fn").fixes
    assert fix.title == "fn as a module-level function with explicit arguments"
    assert patch in fix.patch


def test_reduce_for_an_exception_that_keeps_its_arguments() -> None:
    (fix,) = probe_pickle([Formatted(3, "x")], start_method="spawn").fixes
    assert fix.title == "__reduce__ for Formatted"
    assert "return (type(self), (self.code, self.detail,))" in fix.patch


def test_reduce_past_init_for_keyword_only_arguments() -> None:
    (fix,) = probe_pickle(Foo(foo=1, bar="b"), start_method="spawn").fixes
    assert "copyreg.__newobj__" in fix.patch
    (fix,) = probe_pickle(HTTPError("u", 1, 503), start_method="spawn").fixes
    assert "(self.url, self.retry, self.status,)" in fix.patch


def test_the_object_itself_is_left_as_it_was() -> None:
    stamp = Stamp(1)
    probe_pickle(stamp, start_method="spawn")
    assert "__getstate__" not in Stamp.__dict__
    assert "__setstate__" not in Stamp.__dict__
    assert isinstance(stamp.lock, type(threading.Lock()))


def test_fixes_can_be_left_out() -> None:
    assert titles(Stamp(1), fixes=False) == []


def test_a_fix_that_is_shown_works_on_a_real_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = PartialOfBoundMethod()
    (fix,) = probe_pickle(form.task(), start_method="spawn", name="fn").fixes
    function, _, call = fix.patch.partition("\n\nsubmit(")
    (tmp_path / "fixed_module.py").write_text(f"from fixtures.parallel_analyzer.analysis import *\n{function}\n")
    monkeypatch.syspath_prepend(tmp_path)
    fixed = importlib.import_module("fixed_module")
    task = eval(call.removesuffix(", ...)"), {"functools": functools, "self": form, **vars(fixed)})
    clip = analysis.Clip("standup", 11.2)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        with pytest.raises(TypeError, match="cannot pickle"):
            pool.submit(form.task(), clip).result(30)
        assert pool.submit(task, clip).result(30) == form.task()(clip)
    form.close()


class Service:
    """Its method is sent: it drags in a lock, and takes another through what it is bound to."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stamp = Stamp(1)

    def work(self, *others: object) -> int:
        return self.stamp.size + len(others)


@pytest.mark.parametrize("others", [(), (Stamp(2),), (Stamp(2), Given(threading.Lock()))])
def test_culprits_of_several_kinds_are_fixed_together(others: tuple[object, ...]) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        (fix,) = probe_submit(pool, Service().work, *others).fixes
    assert "fn as a module-level function with explicit arguments; and __getstate__ leaves out Stamp.lock" in fix.title
    assert "leaves out Service" not in fix.title
    assert "class Stamp: ...\n    def __getstate__(self):" in fix.patch


def test_what_hides_behind_a_dump_failure_is_fixed_too() -> None:
    (fix,) = probe_pickle([Stamp(1), {"error": Formatted(3, "x")}], start_method="spawn").fixes
    assert fix.title == "__getstate__ leaves out Stamp.lock; and __reduce__ for Formatted"


def test_two_exceptions_that_do_not_load_are_fixed_together() -> None:
    (fix,) = probe_pickle([HTTPError("u", 1, 503), Formatted(3, "x")], start_method="spawn").fixes
    assert sorted(fix.title.split("; and ")) == ["__reduce__ for Formatted", "__reduce__ for HTTPError"]


@pytest.mark.parametrize("hopeless", [HasHooks(), threading.Lock(), (i for i in [1])])
def test_half_a_fix_is_not_shown(hopeless: object) -> None:
    assert titles([Stamp(1), Formatted(3, "x"), hopeless]) == []


def rewritten(source: str, captured: list[str], known: set[str]) -> str | None:
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    result = explicit(function, "f", captured, known)
    return result.source if result else None


@pytest.mark.parametrize(
    ("source", "captured", "expected"),
    [
        ("def m(self, x):\n    return self.a + x", ["self"], "def f(a, x):\n    return a + x"),
        ("def m(self):\n    return self._a", ["self"], "def f(a):\n    return a"),
        ("def m(x):\n    return y + x", ["y"], "def f(y, x):\n    return y + x"),
        ("def m(self):\n    self.a = 1", ["self"], None),
        ("def m(self):\n    return self.other()", ["self"], None),
        ("def m(self):\n    return g(self)", ["self"], None),
        ("def m(self, a):\n    return self.a + a", ["self"], None),
        ("def m(self):\n    return unknown(self.a)", ["self"], None),
    ],
)
def test_rewriting(source: str, captured: list[str], expected: str | None) -> None:
    assert rewritten(source, captured, {"g"}) == expected
