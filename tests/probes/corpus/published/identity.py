"""Published losses of identity: an ``is`` that was true before the trip and is false after it."""

from __future__ import annotations

from typing import Any

from tests.probes.corpus.case import Case, Expected, Fails

STOP = object()
_ENGINE_MARK = object()


class _Sentinel:
    pass


_unspecified_parent = _Sentinel()


class Future:
    """googleapis/google-cloud-python#4634."""

    _SENTINEL = object()

    def __init__(self) -> None:
        self._result: Any = self._SENTINEL

    def done(self) -> bool:
        return self._result is not self._SENTINEL


class Event:
    def __init__(self, name: str) -> None:
        self.name = name
        self.origin: object = None


def system_event() -> Event:
    event = Event("done")
    event.origin = _ENGINE_MARK
    return event


class Module:
    """google/flax#3825."""

    def __init__(self, parent: object = _unspecified_parent) -> None:
        self.parent = parent


CASES: tuple[Case, ...] = (
    Case(
        "commissaire_stop",
        Fails.IDENTITY,
        lambda: ["work", STOP],
        (Expected("obj[1]"),),
        "projectatomic/commissaire-mvp#189",
    ),
    Case("pubsub_future", Fails.IDENTITY, Future, (Expected("obj._result"),), "googleapis/google-cloud-python#4634"),
    Case(
        "xstate_engine_mark", Fails.IDENTITY, system_event, (Expected("obj.origin"),), "basiltt/xstate-statemachine#138"
    ),
    Case("flax_unspecified_parent", Fails.IDENTITY, Module, (Expected("obj.parent"),), "google/flax#3825"),
)
