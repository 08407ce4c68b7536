"""The ONNX classifier of `fixtures.inference_manager`: real sessions of a real network, under controlled interleaving.

The scripts of the manager itself are in `test_inference_manager`; the registry lists them with its own forms.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import Chaos, Exploration, Violation, survives
from scenarios import test_inference_manager as manager
from scenarios.reference import Explore, Form

TESTS = "scenarios/test_inference_manager.py"
FIRST, SECOND = tuple(n * 4 % 16 / 16 for n in range(16)), tuple(-n / 16 for n in range(16))


def lazy_loading(explore: Explore, form: str) -> Exploration:
    """The network is loaded by the first who needs it, and once."""

    def check(_: Any, sessions: Sequence[Any]) -> None:
        distinct = len({id(session) for session in sessions})
        if distinct > 1:
            raise Violation("double_init", f"the network was loaded {distinct} times for {len(sessions)} threads")

    def session(classifier: Any) -> Any:
        return classifier.session()

    with tempfile.TemporaryDirectory() as folder:
        module, path = _module(form), _network(folder)
        return explore(lambda: module.OnnxClassifier(path), [session] * 4, check, modules=(module.__name__,))


def result_cache(explore: Explore, form: str) -> Exploration:
    """Whether it was remembered or forgotten meanwhile, a vector gets the class that one thread would compute."""
    with tempfile.TemporaryDirectory() as folder:
        module, path = _module(form), _network(folder)
        alone = module.OnnxClassifier(path)
        expected = {features: alone.classify(features) for features in (FIRST, SECOND)}
        assert expected[FIRST] != expected[SECOND], "a mixed-up cache would not show"
        session = alone.session()

        def warm() -> Any:
            classifier = module.OnnxClassifier(path, cache_size=1)
            classifier._session = session  # its loading is the business of the other scenario
            classifier.classify(FIRST)
            return classifier

        def asking(features: tuple[float, ...]) -> Any:
            return lambda classifier: (features, classifier.classify(features))

        def check(_: Any, results: Sequence[tuple[tuple[float, ...], int]]) -> None:
            for features, got in results:
                if got != expected[features]:
                    raise Violation("check", f"class {got} for a vector of class {expected[features]}")

        threads = [asking(FIRST), asking(SECOND), asking(FIRST)]
        return explore(warm, threads, check, modules=(module.__name__,), preemptions=1)


def a_request_fails(_: Any, form: str) -> Chaos:
    """A request that cannot be read fails alone; those after it get their classes."""
    module = "scenarios.inference_manager.under_chaos"
    locked = form == "onnx_locked"
    pool, plans = ("locked", ["io-error@2", "disk-full@3"]) if locked else ("unreleased", ["io-error@2"])
    return survives(
        f"{module}:{pool}", plans, delivery="exactly-once", body=f"{module}:class_of", where="thread", tasks=5,
        workers=2 if locked else 1,
    )  # fmt: skip


def _network(folder: str) -> Path:
    from fixtures.inference_manager.network import write_network

    return write_network(Path(folder, "classifier.onnx"))


def _module(form: str) -> Any:
    return importlib.import_module(f"fixtures.inference_manager.{form}")


def _form(form: str, scenario: Any, kind: str = "") -> Form:
    title = scenario.__name__.replace("_", " ")
    return Form("inference_manager", form, title, lambda explore: scenario(explore, form), kind)


def _released_and_repaired(script: Any, kind: str) -> tuple[Form, Form]:
    def run(form: str) -> Any:
        return lambda explore: script(explore, _module(form).InferenceManager)

    title = script.__name__.replace("_", " ")
    return (
        Form("inference_manager", "racy", title, run("racy"), kind, tested_in=TESTS),
        Form("inference_manager", "locked", title, run("locked"), tested_in=TESTS),
    )


FORMS = (
    *_released_and_repaired(manager.one_instance, "two_instances"),
    *_released_and_repaired(manager.one_initialisation, "double_init"),
    *_released_and_repaired(manager.hammer, "lost_update"),
    *_released_and_repaired(manager.readers_and_writers, "torn_read"),
    _form("onnx_racy", lazy_loading, "double_init"),
    _form("onnx_locked", lazy_loading),
    _form("onnx_racy", result_cache, "exception"),
    _form("onnx_locked", result_cache),
    _form("onnx_unreleased", a_request_fails, "unresolved"),
    _form("onnx_locked", a_request_fails),
)
