"""Callables: closures, decorated and cached functions, methods, and classes and functions under a wrong name."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from tests.probes.corpus.case import Case, Expected, Fails


class Service:
    def __init__(self) -> None:
        self.lock = threading.Lock()  # culprit: service
        self.steps: list[Any] = []

    def work(self, value: int) -> int:
        return value

    @property
    def ready(self) -> bool:
        return True

    @functools.lru_cache(maxsize=2)  # noqa: B019
    def cached(self, value: int) -> int:
        return value


class Callback:
    def __init__(self) -> None:
        self.on_done = lambda: None  # culprit: lambda_attribute


def local_function() -> Callable[[], int]:
    def local() -> int:  # culprit: local_function
        return 1

    return local


def with_default() -> Callable[..., Any]:
    def defaulted(gate: Any = threading.Lock()) -> Any:  # noqa: B008  # culprit: local_default
        return gate

    return defaulted


def cached_local() -> Any:
    @functools.lru_cache
    def slow(value: int) -> int:  # culprit: cached_local
        return value

    return slow


def logged(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


def renamed(function: Any) -> Any:
    def inner(*args: Any) -> Any:  # culprit: renamed
        return function(*args)

    return inner


@renamed
def decorated_without_wraps(value: int) -> int:
    return value


def plain(value: int) -> int:
    return value


wrapped_elsewhere = logged(plain)


class Outer:
    class Inner:
        def __init__(self) -> None:
            self.lock = threading.Lock()  # culprit: nested_class


def dynamic_class() -> Any:
    return type("Dynamic", (), {})()


def chain() -> Any:
    service = Service()
    return functools.partial(functools.partial(service.work, 1))


def steps() -> Any:
    service = Service()
    service.steps = [plain, service.work]
    return {"pipeline": service.steps}


def _case(name: str, make: Any, path: str, type_: str, line: str) -> Case:
    return Case(name, Fails.DUMP, make, (Expected(path, type_, line),))


CASES: tuple[Case, ...] = (
    _case("bound_method", lambda: Service().work, "obj.__self__.lock", "lock", "service"),
    _case("nested_partial", chain, "obj.func.__self__.lock", "lock", "service"),
    _case("method_in_list", steps, "obj['pipeline'][1].__self__.lock", "lock", "service"),
    _case("lambda_attribute", Callback, "obj.on_done", "function", "lambda_attribute"),
    _case("local_function", local_function, "obj", "function", "local_function"),
    _case("local_default", with_default, "obj", "function", "local_default"),
    _case("cached_local", cached_local, "obj", "_lru_cache_wrapper", "cached_local"),
    _case("decorated_without_wraps", lambda: decorated_without_wraps, "obj", "function", "renamed"),
    _case("wrapped_under_another_name", lambda: [wrapped_elsewhere], "obj[0]", "function", ""),
    _case("nested_class", Outer.Inner, "obj.lock", "lock", "nested_class"),
    _case("dynamic_class", dynamic_class, "type(obj)", "type", ""),
)
