"""What is measured: a workload makes a resource in each worker, does one item of work and checks a result.

It knows nothing of pools. Workloads are named by a reference that a fresh process can resolve, so nothing is pickled.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, runtime_checkable
from urllib.parse import parse_qsl

from harness.model import IMPORT_REMEDY, UsageError, one_line

ONE_NATIVE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@runtime_checkable
class Workload(Protocol):
    """What a pool comparison needs to know about a team's task; :class:`Task` makes one out of functions.

    ``name``: shown in reports. ``items``: the distinct items, cycled through. ``make(threads)``: the resource (model,
    connection), once per worker process or, unless ``shared``, once per worker thread; ``threads`` threads will use
    it. ``run(resource, item)``: one item of work. ``check(item, result)``: None, or one sentence on what is wrong.
    ``environment``: variables set before the process starts. ``notes()``: what a reader of the report must know.
    """

    name: str
    shared: bool
    environment: Mapping[str, str]

    def items(self) -> Sequence[Any]: ...
    def make(self, threads: int) -> Any: ...
    def run(self, resource: Any, item: Any) -> Any: ...
    def check(self, item: Any, result: Any) -> str | None: ...
    def notes(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Task:
    """A :class:`Workload` out of functions: ``WORK = Task("resize", run=resize, items=paths)``.

    ``run`` takes the item alone, or the resource and the item if ``make`` is given; ``verify(item, result)`` returns
    None or what is wrong with the result.
    """

    name: str
    run_item: Callable[..., Any]
    given: Sequence[Any] = (0, 1, 2, 3)
    make_resource: Callable[[], Any] | None = None
    verify: Callable[[Any, Any], str | None] | None = None
    shared: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: dict(ONE_NATIVE_THREAD))
    remarks: tuple[str, ...] = ()

    def items(self) -> Sequence[Any]:
        return self.given

    def make(self, threads: int) -> Any:
        return None if self.make_resource is None else self.make_resource()

    def run(self, resource: Any, item: Any) -> Any:
        return self.run_item(item) if self.make_resource is None else self.run_item(resource, item)

    def check(self, item: Any, result: Any) -> str | None:
        return None if self.verify is None else self.verify(item, result)

    def notes(self) -> tuple[str, ...]:
        return self.remarks


BUILTIN: dict[str, str] = {
    "python": "harness.pools.workloads.plain:PYTHON",
    "large-results": "harness.pools.workloads.plain:LARGE_RESULTS",
    "lock-bound": "harness.pools.workloads.waiting:LOCK_BOUND",
    "io-bound": "harness.pools.workloads.waiting:IO_BOUND",
    "service": "harness.pools.workloads.waiting:SERVICE",
    "numpy": "harness.pools.workloads.arrays:NUMPY",
    "onnx": "harness.pools.workloads.onnx:MLP_2MS",
    "onnx-65us": "harness.pools.workloads.onnx:MLP_65US",
    "onnx-50ms": "harness.pools.workloads.onnx:MLP_50MS",
    "onnx-default-threads": "harness.pools.workloads.onnx:MLP_DEFAULT_THREADS",
    "magika": "harness.pools.workloads.onnx:MAGIKA",
    "silero": "harness.pools.workloads.onnx:SILERO",
    "inference-and-python": "harness.pools.workloads.onnx:INFERENCE_AND_PYTHON",
    "whisper": "harness.pools.workloads.whisper:WHISPER",
    "whisper-random": "harness.pools.workloads.whisper:RANDOM",
}


def optional(name: str, extra: str) -> Any:
    """Import a module of an optional extra; a missing one, or one that it needs, is one line with the remedy."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:  # perhaps of what the package itself needs
        raise UsageError(
            f"the workload needs {error.name!r}, which is not installed: pip install 'concurrency-harness[{extra}]'"
        ) from error


def resolve(reference: str) -> Workload:
    """A workload from ``name``, ``package.module:ATTRIBUTE`` or ``path/to/file.py:ATTRIBUTE``.

    ``?key=value&...`` after it calls the workload's ``configured(**options)``. A plain function is a workload of its
    own. Raises :class:`UsageError` with the cause and what would do.
    """
    place, _, query = reference.partition("?")
    target = BUILTIN.get(place, place)
    module_name, colon, attribute = target.rpartition(":")
    if not colon or not attribute or not module_name:
        raise UsageError(f"no workload {place!r}: give package.module:ATTRIBUTE, or one of {', '.join(BUILTIN)}")
    found = _attribute(_module(module_name, place), attribute, place)
    if isinstance(found, type):
        found = found()
    if not isinstance(found, Workload) and callable(found):
        found = Task(attribute, run_item=found)
    if not isinstance(found, Workload):
        missing = [
            name
            for name in ("name", "shared", "environment", "items", "make", "run", "check", "notes")
            if not hasattr(found, name)
        ]
        raise UsageError(f"{place} is no workload: it lacks {', '.join(missing)}; harness.pools.Task makes one")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if options:
        found = _configured(found, options, place)
    if not found.items():
        raise UsageError(f"the workload {place} has no items: nothing could be measured")
    return found


def _configured(workload: Workload, options: dict[str, str], place: str) -> Workload:
    configure = getattr(workload, "configured", None)
    known = list(inspect.signature(configure).parameters) if callable(configure) else []
    unknown = sorted(set(options) - set(known))
    if unknown or not callable(configure):
        raise UsageError(
            f"the workload {place} has no option {', '.join(unknown)}; it has: {', '.join(known) or 'none'}"
        )
    configured: Workload = configure(**options)
    return configured


def _module(name: str, place: str) -> ModuleType:
    try:
        if name.endswith(".py"):
            return _from_file(Path(name))
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        return importlib.import_module(name)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"the workload {place} cannot be imported: {one_line(error)}; {IMPORT_REMEDY}") from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"no file {path}: give the path of a Python file that defines the workload")
    name = f"harness_workload_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _attribute(module: ModuleType, path: str, place: str) -> Any:
    found: Any = module
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise UsageError(f"the workload {place} does not exist: {one_line(error)}") from error
    return found


def fingerprint(value: Any) -> str:
    """A digest of a result that is equal for equal results in any process (pickles differ by interning)."""
    digest = hashlib.sha256()
    _feed(digest, value)
    return digest.hexdigest()[:16]


def _feed(digest: Any, value: Any) -> None:
    digest.update(type(value).__name__.encode())
    if isinstance(value, (bytes, bytearray, memoryview)):
        digest.update(value)
    elif isinstance(value, Mapping):
        for key in value:
            _feed(digest, key)
            _feed(digest, value[key])
    elif isinstance(value, (list, tuple)):
        digest.update(str(len(value)).encode())
        for part in value:
            _feed(digest, part)
    elif isinstance(value, (set, frozenset)):
        for each in sorted(fingerprint(part) for part in value):
            digest.update(each.encode())
    elif hasattr(value, "tobytes") and hasattr(value, "dtype"):
        digest.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
    elif hasattr(value, "__dict__") and "__repr__" not in vars(type(value)):
        _feed(digest, vars(value))
    else:
        digest.update(repr(value).encode())
