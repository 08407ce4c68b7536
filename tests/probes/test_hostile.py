"""Objects that lie about themselves or refuse to be looked at: the probe answers, and never raises."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from harness.probes import captures, probe_pickle


class Liar:
    @property
    def __class__(self) -> type:
        return dict

    @__class__.setter
    def __class__(self, value: type) -> None: ...


class Unequal(type):
    def __eq__(cls, other: object) -> bool:
        raise RuntimeError("classes are not to be compared")

    __hash__ = type.__hash__


class Compared(metaclass=Unequal):
    pass


class NoDict:
    @property
    def __dict__(self) -> Any:
        raise RuntimeError("no dictionary")


class Shouting:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


class Closed:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


class Mute:
    def __repr__(self) -> str:
        raise SystemExit

    def __reduce__(self) -> Any:
        raise TypeError("not me")


class Endless:
    """Every attribute is another one."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Endless()


@pytest.mark.parametrize(
    ("make", "ok"),
    [
        (mock.MagicMock, False),
        (lambda: mock.MagicMock(spec=dict), False),
        (Liar, False),
        (lambda: Compared, True),
        (Compared, True),
        (Shouting, True),
        (Closed, False),
        (Mute, False),
        (Endless, True),
    ],
)
def test_it_gets_an_answer(make: Any, ok: bool) -> None:
    report = probe_pickle({"it": make()}, start_method="spawn")
    assert report.ok is ok
    assert str(report)
    if not ok:
        assert report.culprits[0].path in ("obj['it']", "type(obj['it'])")


def test_a_dictionary_that_refuses_is_looked_around() -> None:
    assert probe_pickle([NoDict()], start_method="fork").culprits == ()


def test_captures_of_a_callable_that_refuses() -> None:
    assert captures(mock.MagicMock())[0].name == "self"
