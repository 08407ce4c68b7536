"""The probe of a submission: what a given executor would pickle, in the channels in which it does.

Work items are pickled by a feeder thread and fail in ``Future.result()``; the worker process with its
``initializer`` and ``initargs`` is pickled inside ``submit`` under spawn and forkserver, and fails there.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing.pool
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.probes.captures import captures
from harness.probes.origins import Origins, Place, caller, definition, source_map
from harness.probes.picklers import flavor
from harness.probes.probe import Finding, Options, checked_options, probe_group, refuse_reentry, report_of
from harness.probes.report import PickleReport
from harness.probes.survey import Group, Request


@dataclass(frozen=True)
class Channel:
    """How an executor reaches its workers: its pickler, start method, and what it gives each worker at its start."""

    pickler: str | None
    start_method: str
    initializer: Callable[..., object] | None = None
    initargs: tuple[object, ...] = ()


def channel_of(executor: Any) -> Channel:
    """Return the channel of an executor or pool.

    Raises:
        ValueError: the kind of executor is not known.
    """
    kind = type(executor)
    module = kind.__module__
    initializer = getattr(executor, "_initializer", None)
    initargs = tuple(getattr(executor, "_initargs", ()) or ())
    if kind.__name__ == "InterpreterPoolExecutor":
        return Channel("interpreter", "spawn")
    if isinstance(executor, concurrent.futures.ThreadPoolExecutor | multiprocessing.pool.ThreadPool):
        return Channel(None, "threads", initializer, initargs)
    if isinstance(executor, multiprocessing.pool.Pool):
        return Channel("process-pool", _method(executor._ctx), initializer, initargs)  # type: ignore[attr-defined]
    if "loky" in module:
        return Channel("cloudpickle", "spawn", initializer, initargs)
    if isinstance(executor, concurrent.futures.ProcessPoolExecutor):
        return Channel("process-pool", _method(executor._mp_context), initializer, initargs)
    if module.startswith("distributed"):
        return Channel("cloudpickle", "spawn")
    raise ValueError(f"probe_submit does not know {module}.{kind.__qualname__}; use probe_pickle(obj, pickler=...)")


def _method(context: Any) -> str:
    return str(context.get_start_method())


def probe_submit(executor: Any, fn: Callable[..., object] | None = None, /, *args: Any, **kwargs: Any) -> PickleReport:
    """Say whether ``executor.submit(fn, *args, **kwargs)`` reaches a worker; an executor alone probes its initializer.

    The roots of the paths are ``initializer``, ``initargs``, ``fn``, ``args[0]`` and ``kwargs['x']``. Nothing is
    submitted and no worker of the executor is started. For a thread pool nothing is pickled: the report says what
    ``fn`` captures.

    Raises:
        ValueError: the kind of executor is not known.
        TypeError: ``fn`` is not callable.

    Source: the post-mortem's pool: ``initializer=self._worker_init`` under spawn fails inside ``submit``.
    """
    return probe_submission(executor, fn, args, kwargs)


def probe_submission(
    executor: Any,
    fn: Callable[..., object] | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    tasks: int = 1,
    max_bytes: int | None = None,
    timeout: float = 5.0,
    load: bool = True,
    fixes: bool = True,
    everywhere: bool = True,
) -> PickleReport:
    """Do what :func:`probe_submit` does, with the options of :func:`probe_pickle`."""
    refuse_reentry()
    channel = channel_of(executor)
    if fn is not None and not callable(fn):
        raise TypeError(f"fn must be callable, not {type(fn).__name__}")
    call, _ = caller()
    if channel.pickler is None:
        return _threads(channel, fn, call)
    options = checked_options(channel.start_method, timeout, tasks, max_bytes, load, fixes, everywhere, None)
    findings: list[Finding] = []
    notes: dict[str, str] = {}
    if channel.initializer is not None:
        findings.append(_worker_process(channel, call, options))
        if channel.start_method == "fork":
            notes["initializer"] = _under_fork(findings[0])
            findings[0] = _harmless(findings[0])
    if fn is not None:
        roots = {"fn": fn, **{f"args[{index}]": value for index, value in enumerate(args)}}
        roots.update({f"kwargs[{name!r}]": value for name, value in (kwargs or {}).items()})
        group = Group("work item", roots, flavor(channel.pickler))
        findings.append(probe_group(Request(group, Origins(call)), options))
    subject = f"{type(executor).__name__}.submit" if fn is not None else f"the workers of {type(executor).__name__}"
    return report_of(subject, channel.pickler, options, findings, call, notes)


def _worker_process(channel: Channel, call: Place | None, options: Options) -> Finding:
    assert channel.pickler is not None
    roots: dict[str, Any] = {"initializer": channel.initializer}
    if channel.initargs:
        roots["initargs"] = channel.initargs
    passed = _keyword_place("initializer", channel.initializer, call)
    origins = Origins(call, {"initializer": passed, "initargs": _keyword_place("initargs", channel.initializer, call)})
    if channel.start_method == "fork":  # nothing is pickled then: look at it as spawn would, for the note
        options = replace(options, load=False, fixes=False, start_method="spawn")
    return probe_group(
        Request(Group("worker process", roots, flavor(channel.pickler, spawning=True)), origins), options
    )


def _keyword_place(word: str, initializer: Any, call: Place | None) -> Place | None:
    """Return the line that passed ``initializer=`` to the pool, in the initializer's own file or the caller's."""
    while isinstance(initializer, types.MethodType) or hasattr(initializer, "func"):
        initializer = getattr(initializer, "__func__", None) or initializer.func
    made = definition(initializer)
    for file in dict.fromkeys(place.file for place in (made, call) if place is not None):
        found = source_map(file)
        bindings = found.keys.get(repr(word), []) if found else []
        if len(bindings) == 1:
            return Place(file, bindings[0].line)
    return call


def _under_fork(finding: Finding) -> str:
    if not finding.survey.culprits:
        return "initializer is inherited under fork, and can also be pickled for spawn and forkserver"
    first = finding.survey.culprits[0]
    where = f" [{first.where}]" if first.where else ""
    return (
        f"initializer is inherited under fork; under spawn and forkserver it cannot be pickled and submit raises: "
        f"{first.path}{where}, {first.error}"
    )


def _harmless(finding: Finding) -> Finding:
    return replace(finding, survey=replace(finding.survey, culprits=(), more=0), problems=())


def _threads(channel: Channel, fn: Callable[..., object] | None, call: Place | None) -> PickleReport:
    notes = ["a thread pool pickles nothing; what the callable captures is shared with the caller, not copied"]
    for name, callable_ in (("initializer", channel.initializer), ("fn", fn)):
        if callable_ is not None:
            notes += [f"{name} captures {capture}" for capture in captures(callable_, name)]
    return PickleReport(
        "ThreadPoolExecutor.submit",
        "none",
        "threads",
        notes=tuple(notes),
        asked_at=str(call) if call else None,
        roots=("fn",) if fn else (),
    )
