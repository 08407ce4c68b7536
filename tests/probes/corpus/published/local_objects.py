"""Published failures at dump: functions and classes that no import can find again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tests.probes.corpus.case import Case, Expected, Fails


def prepare_worker(use_progress_bar: bool) -> Callable[[Any], Any]:
    """nalepae/pandarallel: a wrapper inside a closure inside a factory."""

    def closure(function: Any) -> Any:
        def wrapper(data: Any) -> Any:  # culprit: pandarallel
            return function(data) if use_progress_bar else None

        return wrapper

    return closure


def work(data: Any) -> Any:
    return data


def pattern_matching(shared: list[int]) -> tuple[Any, ...]:
    def _init_pool(*arrays: Any) -> None:  # culprit: sea_ice_drift
        shared.extend(arrays)

    return (_init_pool, (1, 2))


def get_app() -> Any:
    class App:  # culprit: spacetime
        name = "crawler"

    return App


class Node:
    def __init__(self, app: Any) -> None:
        self.app = app


class NestedPool:
    """BlueBrain/BluePyMM: a class made inside a method."""

    def process(self) -> Any:
        class NoDaemonProcess:  # culprit: bluepymm
            daemon = False

        return NoDaemonProcess()


def starargs(function: Any) -> Any:
    return lambda args: function(*args)  # culprit: pathos


class Transform:
    def __init__(self, steps: list[Any]) -> None:
        self.steps = steps


class TrainLoader:
    def __init__(self, transform: Transform) -> None:
        self.transform = transform


def hyperactive_search() -> dict[str, Any]:
    def model(opt: dict[str, float]) -> float:  # culprit: hyperactive
        return opt["start"]

    return {"n_iter": 50, "process_infos": [{"objective": model, "space": {"start": [-0.95]}}]}


def loaders_from_params(batch: int) -> dict[str, Any]:
    return {
        "batch_size": batch,
        "collate_fn": lambda rows: list(rows),  # culprit: catalyst
    }


class Ensured:
    """kislyuk/ensure: the decorated name is taken by this object, which holds the original function."""

    def __init__(self, f: Any) -> None:
        self.f = f


@Ensured
def checked_task(arg: str) -> str:  # culprit: ensure
    return arg


def cli_option(flag: str) -> Callable[[Any], Any]:
    """IDSIA/sacred: no ``functools.wraps``; the module name is bound to another object than the function."""

    def decorate(function: Any) -> tuple[str, Any]:
        return (flag, function)

    return decorate


@cli_option("-b")
def beat_interval_option(args: Any) -> Any:  # culprit: sacred
    return args


class Experiment:
    def __init__(self) -> None:
        self.options = {"beat": beat_interval_option}


def make_sentinel(name: str) -> Any:
    class Sentinel:  # culprit: boltons
        def __repr__(self) -> str:
            return name

    return Sentinel()


class Glommer:
    def __init__(self) -> None:
        self.default = make_sentinel("MISSING")


class PermutationTest:
    """labsyspharm/scimap: a lambda over many parameters, given to a parallel map."""

    def run(self, radius: int) -> Any:
        internal = lambda x: (x, radius, self)  # culprit: scimap
        return functools.partial(map, internal)


def _case(name: str, make: Any, expected: Expected, source: str) -> Case:
    return Case(name, Fails.DUMP, make, (expected,), source)


CASES: tuple[Case, ...] = (
    _case(
        "pandarallel_wrapper",
        lambda: prepare_worker(True)(work),
        Expected("obj", "function", "pandarallel"),
        "nalepae/pandarallel#72",
    ),
    _case(
        "sea_ice_drift_initializer",
        lambda: pattern_matching([]),
        Expected("obj[0]", "function", "sea_ice_drift"),
        "nansencenter/sea_ice_drift#30",
    ),
    _case(
        "spacetime_local_class",
        lambda: Node(get_app()),
        Expected("obj.app", "type", "spacetime"),
        "Mondego/spacetime-crawler4py#33",
    ),
    _case(
        "bluepymm_no_daemon_process",
        lambda: [NestedPool().process()],
        Expected("obj[0].__class__", "type", "bluepymm"),
        "BlueBrain/BluePyMM#252",
    ),
    _case(
        "pathos_starargs",
        lambda: TrainLoader(Transform([work, starargs(work)])),
        Expected("obj.transform.steps[1]", "function", "pathos"),
        "uqfoundation/pathos#172",
    ),
    _case(
        "hyperactive_local_model",
        hyperactive_search,
        Expected("obj['process_infos'][0]['objective']", "function", "hyperactive"),
        "hyperactive-project/Hyperactive#17",
    ),
    _case(
        "catalyst_collate",
        lambda: loaders_from_params(8),
        Expected("obj['collate_fn']", "function", "catalyst"),
        "catalyst-team/catalyst#1024",
    ),
    _case("ensure_decorated", lambda: checked_task, Expected("obj.f", "function", "ensure"), "kislyuk/ensure#29"),
    _case("sacred_option", Experiment, Expected("obj.options['beat'][1]", "function", "sacred"), "IDSIA/sacred#874"),
    _case("boltons_sentinel", Glommer, Expected("obj.default.__class__", "type", "boltons"), "mahmoud/boltons#285"),
    _case(
        "scimap_lambda",
        lambda: PermutationTest().run(30),
        Expected("obj.args[0]", "function", "scimap"),
        "labsyspharm/scimap#125",
    ),
)
