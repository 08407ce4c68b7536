"""Published failures at load: these dump without a word."""

from __future__ import annotations

import subprocess
from typing import Any

from tests.probes.corpus.case import Case, Expected, Fails


class MyError(Exception):
    def __init__(self, arg1: str, arg2: str) -> None:
        super().__init__(f"arg1 = {arg1}, arg2 = {arg2}")


class ArxivError(Exception):
    def __init__(self, url: str, retry: int, message: str) -> None:
        self.url = url
        self.retry = retry
        self.message = message
        super().__init__(self.message)


class HTTPError(ArxivError):
    def __init__(self, url: str, retry: int, status: int) -> None:
        self.status = status
        super().__init__(url, retry, f"Page request resulted in HTTP {status}")


class UnwrapError(Exception):
    def __init__(self, result: object, message: str) -> None:
        self._result = result
        super().__init__(message)


class CompilerToolError(Exception):
    def __init__(self, process: subprocess.CompletedProcess[bytes]) -> None:
        errs = process.stderr.decode("utf-8")
        super().__init__(f"error invoking the compiler: {errs}")


class LanceDBClientError(Exception):
    def __init__(self, message: str, request_id: str, status_code: int | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.status_code = status_code


class Foo(Exception):
    def __init__(self, *, foo: int, bar: str) -> None:
        self.foo = foo
        self.bar = bar


class NoSuchProcess(Exception):
    def __init__(self, pid: int, name: str | None = None) -> None:
        Exception.__init__(self)
        self.pid = pid
        self.name = name


class Inner:
    def __init__(self, var: int) -> None:
        self.var = var


class FooWrapper:
    """python/cpython#133015: ``__getattr__`` runs before ``foo`` is there."""

    def __init__(self, foo: Inner) -> None:
        self.foo = foo

    def __getattr__(self, name: str) -> Any:
        return getattr(self.foo, name)


class CachingReadableStore:
    def __init__(self, store: Inner) -> None:
        self._store = store
        self._cache: dict[str, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class DimensionalityError(Exception):
    def __init__(self, units1: str, units2: str, dim1: str, dim2: str) -> None:
        super().__init__()
        self.units1, self.units2, self.dim1, self.dim2 = units1, units2, dim1, dim2


def _failed_process() -> CompilerToolError:
    return CompilerToolError(subprocess.CompletedProcess(["compile"], 1, b"", b"not a valid program"))


def _case(name: str, make: Any, path: str, source: str) -> Case:
    return Case(name, Fails.LOAD, make, (Expected(path),), source)


CASES: tuple[Case, ...] = (
    _case("pythonfutures_two_arguments", lambda: MyError("a", "b"), "obj", "agronholm/pythonfutures#30"),
    _case("arxiv_http_error", lambda: [HTTPError("/api/query", 3, 503)], "obj[0]", "lukasschwab/arxiv.py#191"),
    _case("result_unwrap_error", lambda: UnwrapError(None, "foo"), "obj", "rustedpy/result#200"),
    _case("iree_compiler_error", _failed_process, "obj", "iree-org/iree#11655"),
    _case(
        "lancedb_client_error",
        lambda: {"error": LanceDBClientError("oom", "r-1", 500)},
        "obj['error']",
        "lancedb/lancedb#3447",
    ),
    _case("cpython_keyword_only", lambda: Foo(foo=42, bar="a"), "obj", "python/cpython#120810"),
    _case("psutil_no_such_process", lambda: NoSuchProcess(123), "obj", "giampaolo/psutil#959"),
    _case("cpython_proxy_recursion", lambda: FooWrapper(Inner(2)), "obj", "python/cpython#133015"),
    _case(
        "obspec_store_recursion",
        lambda: {"stores": [Inner(1), CachingReadableStore(Inner(2))]},
        "obj['stores'][1]",
        "developmentseed/obspec-utils#30",
    ),
    _case("pint_dimensionality", lambda: DimensionalityError("m", "s", "", ""), "obj", "hgrecco/pint#914"),
)
