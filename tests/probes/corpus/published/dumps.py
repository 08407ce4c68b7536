"""Published failures at dump: a resource held by something that is sent."""

from __future__ import annotations

import collections
import pathlib
import sqlite3
import ssl
import string
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from tests.probes.corpus.case import Case, Expected, Fails


class BenchmarkManager:
    def __init__(self, cfg: dict[str, Any]) -> None:
        self.cfg = cfg
        self._lock = threading.Lock()  # culprit: gpustack


class Worker:
    def __init__(self, cfg: dict[str, Any]) -> None:
        self.cfg = cfg
        self.benchmarks = BenchmarkManager(cfg)

    def start(self) -> None: ...


class Fuzzer:
    def __init__(self, seeds: list[int]) -> None:
        self.seeds = seeds
        self.lock = threading.Lock()  # culprit: t_reqs

    def run_individual(self, seed: int) -> None: ...


class BaseWorker:
    def __init__(self) -> None:
        self.keep_running = True
        self.lock = threading.RLock()  # culprit: moggie


class SearchWorker(BaseWorker):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class Dataset:
    """hustvl/YOLOP: ``self.mask_list = self.mask_root.iterdir()``."""

    def __init__(self, root: pathlib.Path) -> None:
        self.mask_root = root
        self.mask_list = (path for path in [root])  # culprit: yolop


class EpisodicDataset:
    def __init__(self, sources: list[str]) -> None:
        self.class_datasets = [self._episodes(source) for source in sources]  # culprit: meta_dataset

    @staticmethod
    def _episodes(source: str) -> Iterator[str]:
        yield source


class TrackingClient:
    def __init__(self, verify: bool = True) -> None:
        self.verify = verify
        self.context = ssl.create_default_context()  # culprit: verl


class Trainer:
    def __init__(self) -> None:
        self.config = {"epochs": 3, "client": TrackingClient()}


class LmdbReader:
    def __init__(self, path: str) -> None:
        self.path = path
        self.local = threading.local()  # culprit: thread_local


class CaptionDataset:
    def __init__(self) -> None:
        self.readers = {"train": LmdbReader("train.lmdb")}


class VideoDataset:
    """The odict_keys failure that the pytorchvideo thread links to."""

    def __init__(self) -> None:
        self.labels = collections.OrderedDict(cat=0, dog=1)
        self.names = self.labels.keys()  # culprit: odict_keys


class MediaWikiParser:
    def __init__(self) -> None:
        self.wikicode = string  # culprit: datatrove


class Pipeline:
    def __init__(self, steps: list[object]) -> None:
        self.pipeline = steps


class Pusher:
    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:", check_same_thread=False)  # culprit: solidwebpush

    def notify(self) -> None: ...


class Step:
    def __init__(self, name: str) -> None:
        self.name = name
        self.parent: weakref.ref[Step] | None = None

    def set_parent(self, parent: Step) -> None:
        self.parent = weakref.ref(parent)  # culprit: weakref


class TruncatedPipeline:
    """Kept alive on purpose: a dead weak reference would be another case."""

    def __init__(self) -> None:
        self.steps = [Step("fit"), Step("transform")]
        self.steps[1].set_parent(self.steps[0])


class ObjectProxy:
    """wrapt's proxy refuses in ``__reduce_ex__``."""

    def __init__(self, wrapped: Any) -> None:
        self._self_wrapped = wrapped

    def __reduce_ex__(self, protocol: object) -> Any:
        raise NotImplementedError("object proxy must define __reduce_ex__()")


def decorated(value: int) -> int:
    return value


PROXY = ObjectProxy(decorated)  # culprit: wrapt


def _case(name: str, make: Any, expected: Expected, source: str) -> Case:
    return Case(name, Fails.DUMP, make, (expected,), source)


CASES: tuple[Case, ...] = (
    _case(
        "gpustack_worker_start",
        lambda: Worker({"port": 80}).start,
        Expected("obj.__self__.benchmarks._lock", "lock", "gpustack"),
        "gpustack/gpustack#5232",
    ),
    _case(
        "t_reqs_fuzzer",
        lambda: Fuzzer([505]).run_individual,
        Expected("obj.__self__.lock", "lock", "t_reqs"),
        "bahruzjabiyev/t-reqs#1",
    ),
    _case(
        "moggie_rlock", lambda: SearchWorker("search"), Expected("obj.lock", "RLock", "moggie"), "mailpile/moggie#14"
    ),
    _case(
        "yolop_generator",
        lambda: Dataset(pathlib.Path("masks")),
        Expected("obj.mask_list", "generator", "yolop"),
        "hustvl/YOLOP#131",
    ),
    Case(
        "meta_dataset_generators",
        Fails.DUMP,
        lambda: EpisodicDataset(["omniglot", "birds"]),
        (
            Expected("obj.class_datasets[0]", "generator", "meta_dataset"),
            Expected("obj.class_datasets[1]", "generator", "meta_dataset"),
        ),
        "mboudiaf/pytorch-meta-dataset#5",
    ),
    _case(
        "verl_ssl_context",
        Trainer,
        Expected("obj.config['client'].context", "SSLContext", "verl"),
        "verl-project/verl#4894",
    ),
    _case(
        "captioning_thread_local",
        CaptionDataset,
        Expected("obj.readers['train'].local", "_local", "thread_local"),
        "sgrvinod/a-PyTorch-Tutorial-to-Image-Captioning#143",
    ),
    _case(
        "odict_keys",
        VideoDataset,
        Expected("obj.names", "odict_keys", "odict_keys"),
        "facebookresearch/pytorchvideo#21",
    ),
    _case(
        "datatrove_module",
        lambda: Pipeline([MediaWikiParser()]),
        Expected("obj.pipeline[0].wikicode", "module", "datatrove"),
        "huggingface/datatrove#236",
    ),
    _case(
        "solidwebpush_sqlite",
        lambda: (Pusher(), {"title": "Testing"}),
        Expected("obj[0].db", "Connection", "solidwebpush"),
        "sergioburdisso/solidwebpush#3",
    ),
    _case(
        "neuraxle_weakref",
        TruncatedPipeline,
        Expected("obj.steps[1].parent", "ReferenceType", "weakref"),
        "Neuraxio/Neuraxle#510",
    ),
    _case(
        "wrapt_proxy",
        lambda: {"task": PROXY},
        Expected("obj['task']", "ObjectProxy", "wrapt"),
        "GrahamDumpleton/wrapt#158",
    ),
)
