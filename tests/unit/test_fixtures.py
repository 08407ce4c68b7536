"""The reference manager, used by one thread: both variants keep every promise that their docstrings make."""

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from fixtures.inference_manager.model import sentiment

ZERO = {
    "total_inferences": 0,
    "successful_inferences": 0,
    "failed_inferences": 0,
    "cache_hits": 0,
    "cache_misses": 0,
    "success_rate": 0.0,
    "cache_hit_rate": 0.0,
}


class CountingModel:
    """A model that remembers what it was asked."""

    def __init__(self) -> None:
        self.served: list[str] = []

    def __call__(self, payload: str) -> str:
        self.served.append(payload)
        return "label"


@pytest.fixture(params=["racy", "locked"])
def manager_class(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One variant, as a new process would find it: nobody has made the manager yet."""
    module = import_module(f"fixtures.inference_manager.{request.param}")
    monkeypatch.setattr(module.InferenceManager, "_instance", None)
    return module.InferenceManager


@pytest.mark.parametrize(
    ("payload", "label"),
    [
        ("great and reliable", "positive"),
        ("the answer was LOST", "negative"),
        ("good but slow", "neutral"),
        ("nothing known here", "neutral"),
        ("good good bad broken", "negative"),
    ],
)
def test_sentiment_labels_by_distinct_words(payload: str, label: str) -> None:
    assert sentiment(payload) == label


@pytest.mark.parametrize(
    ("payload", "error"), [("", ValueError), (" \n", ValueError), (None, TypeError), (7, TypeError)]
)
def test_sentiment_refuses_what_it_cannot_read(payload: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="payload"):
        sentiment(payload)


def test_every_construction_gives_the_same_manager(manager_class: Any) -> None:
    first = manager_class()
    first.infer("good")
    assert manager_class() is first
    assert first.get_stats()["total_inferences"] == 1, "a second construction must not initialise again"


def test_the_first_construction_chooses_model_and_cache_size(manager_class: Any) -> None:
    manager_class(model=lambda payload: "first")
    assert manager_class(model=lambda payload: "second").infer("good") == "first"


def test_a_new_manager_has_counted_nothing(manager_class: Any) -> None:
    assert manager_class().get_stats() == ZERO


def test_counts_and_rates_after_hits_misses_and_failures(manager_class: Any) -> None:
    manager = manager_class()
    labels = [manager.infer(payload) for payload in ("good", "bad", "good", "good")]
    assert labels == ["positive", "negative", "positive", "positive"]
    with pytest.raises(ValueError, match="no word"):
        manager.infer("")
    assert manager.get_stats() == {
        "total_inferences": 5,
        "successful_inferences": 4,
        "failed_inferences": 1,
        "cache_hits": 2,
        "cache_misses": 3,
        "success_rate": 0.8,
        "cache_hit_rate": 0.4,
    }


def test_a_failure_is_not_remembered(manager_class: Any) -> None:
    manager = manager_class()
    for _ in range(2):
        with pytest.raises(ValueError, match="no word"):
            manager.infer("")
    stats = manager.get_stats()
    assert (stats["cache_misses"], stats["failed_inferences"]) == (2, 2)


def test_a_payload_that_cannot_be_a_cache_key_is_a_failed_inference(manager_class: Any) -> None:
    manager = manager_class()
    with pytest.raises(TypeError):
        manager.infer(["good"])
    stats = manager.get_stats()
    assert (stats["total_inferences"], stats["failed_inferences"], stats["cache_misses"]) == (1, 1, 0)


def test_a_repeated_payload_reaches_the_model_once(manager_class: Any) -> None:
    model = CountingModel()
    manager = manager_class(model)
    manager.infer("a")
    manager.infer("a")
    assert model.served == ["a"]


def test_a_full_cache_forgets_the_oldest_label(manager_class: Any) -> None:
    model = CountingModel()
    manager = manager_class(model, cache_size=2)
    for payload in ("a", "b", "c", "b", "c", "a"):
        manager.infer(payload)
    assert model.served == ["a", "b", "c", "a"]


def test_a_cache_of_size_zero_remembers_nothing(manager_class: Any) -> None:
    manager = manager_class(cache_size=0)
    manager.infer("good")
    manager.infer("good")
    assert manager.get_stats()["cache_hits"] == 0


def test_a_negative_cache_size_is_refused_and_can_be_corrected(manager_class: Any) -> None:
    with pytest.raises(ValueError, match="cache_size must not be negative, got -1"):
        manager_class(cache_size=-1)
    assert manager_class(cache_size=1).get_stats() == ZERO


def test_stats_are_a_copy(manager_class: Any) -> None:
    manager = manager_class()
    manager.get_stats()["total_inferences"] = 99
    assert manager.get_stats() == ZERO


def test_fixtures_import_nothing_of_the_harness() -> None:
    root = Path(import_module("fixtures").__path__[0])
    imported = {
        name
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in _names(node)
    }
    assert "threading" in imported, "the walk must see imports at all"
    assert not {name for name in imported if name.partition(".")[0] == "harness"}


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []
