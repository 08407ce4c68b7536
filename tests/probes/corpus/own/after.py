"""What dumps and goes wrong later: at load, in the state, in identity, by its side effects, or by its weight."""

from __future__ import annotations

import enum
import os
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

from tests.probes.corpus.case import Case, Expected, Fails


class MISSING:
    """A class used as a sentinel travels by name; an instance of it does not."""


UNSET = MISSING()


class ServiceError(Exception):
    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class KeywordError(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__(code)
        self.code = code


class SetStateRaises:
    def __init__(self) -> None:
        self.version = 1

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a state of version 2 is needed")


class LoadHangs:
    def __init__(self) -> None:
        self.name = "slow"

    def __setstate__(self, state: Any) -> None:
        time.sleep(1e6)


class LoadExits:
    def __init__(self) -> None:
        self.name = "exit"

    def __setstate__(self, state: Any) -> None:
        os._exit(7)


def _explode() -> Any:
    raise LookupError("no such model here")


class FactoryRaises:
    def __reduce__(self) -> Any:
        return (_explode, ())


class Forgetful:
    def __init__(self) -> None:
        self.kept = 1
        self.forgotten = 2

    def __getstate__(self) -> Any:
        return {"kept": self.kept}


class Resetting:
    """``__reduce__`` calls the constructor; what was set after it is gone."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.progress = 0

    def __reduce__(self) -> Any:
        return (Resetting, (self.size,))


def advanced() -> Resetting:
    value = Resetting(3)
    value.progress = 17
    return value


class Typed(dict[str, int]):
    def __reduce__(self) -> Any:
        return (dict, (dict(self),))


class Rounded:
    def __init__(self, value: float) -> None:
        self.value = value

    def __getnewargs__(self) -> Any:
        return ()

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update({name: int(item) for name, item in state.items()})


class Copying:
    """Two references to one list become two lists."""

    def __init__(self) -> None:
        self.rows = [1, 2]
        self.view = self.rows

    def __getstate__(self) -> Any:
        return {name: list(items) for name, items in vars(self).items()}


class DroppedLock:
    def __init__(self) -> None:
        self.size = 1
        self.lock = object()

    def __getstate__(self) -> Any:
        state = vars(self).copy()
        del state["lock"]
        return state


@dataclass
class Query:
    text: str
    limit: object = UNSET


class Colour(enum.Enum):
    RED = 1


class Writes:
    def __init__(self) -> None:
        self.path = os.devnull + ".corpus"

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state)
        os.environ["CORPUS_LOADED"] = "1"


class Prints:
    def __init__(self) -> None:
        self.name = "loud"

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state)
        print("connecting to the database")


@dataclass
class Config:
    table: list[float] = field(default_factory=lambda: [float(i) for i in range(40_000)])
    name: str = "config"


@dataclass
class Job:
    config: Config = field(default_factory=Config)
    clip: str = "a.wav"


class Warned(UserWarning):
    pass


def _case(name: str, fails: Fails, make: Any, path: str = "obj", **more: Any) -> Case:
    return Case(name, fails, make, (Expected(path),), **more)


warnings.filterwarnings("ignore", category=Warned)

CASES: tuple[Case, ...] = (
    _case("exception_two_arguments", Fails.LOAD, lambda: {"result": [ServiceError(3, "x")]}, "obj['result'][0]"),
    _case("exception_keyword_only", Fails.LOAD, lambda: KeywordError(code=3)),
    _case("setstate_raises", Fails.LOAD, lambda: (1, SetStateRaises()), "obj[1]"),
    _case("load_hangs", Fails.LOAD, lambda: {"a": LoadHangs()}, "obj['a']"),
    _case("load_exits", Fails.LOAD, lambda: [LoadExits()], "obj[0]"),
    _case("factory_raises", Fails.LOAD, FactoryRaises),
    _case("getstate_forgets", Fails.STATE, lambda: [Forgetful()], "obj[0].forgotten"),
    _case("reduce_resets", Fails.STATE, advanced, "obj.progress"),
    _case("subclass_becomes_dict", Fails.STATE, lambda: {"t": Typed(a=1)}, "obj['t']"),
    _case("value_rounded", Fails.STATE, lambda: Rounded(1.5), "obj.value"),
    _case("dropped_and_not_made_again", Fails.STATE, DroppedLock, "obj.lock"),
    _case("shared_list_split", Fails.IDENTITY, Copying, "obj.view"),
    _case("sentinel_instance", Fails.IDENTITY, lambda: Query("x"), "obj.limit"),
    _case("environment_on_load", Fails.STATE, Writes, ""),
    _case("prints_on_load", Fails.STATE, Prints, ""),
    _case("heavy_config", Fails.COST, lambda: Job(), "obj.config.table", max_bytes=100_000),
)
