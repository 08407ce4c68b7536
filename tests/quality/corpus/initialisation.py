"""Initialised twice, or used before it was ready.

The twins build under a lock and publish last.
"""

from __future__ import annotations

import threading
from typing import Any, ClassVar

from tests.quality.corpus.case import twins
from tests.quality.corpus.claims import done_once


class ModelManager:
    """A process-wide singleton; ``__init__`` runs at every call and guards with ``hasattr``."""

    _instance: ClassVar[ModelManager | None] = None
    _class_lock = threading.Lock()
    loads: ClassVar[list[str]] = []

    @classmethod
    def forget(cls) -> type[ModelManager]:
        cls._instance = None
        cls.loads = []
        return cls

    def __new__(cls) -> ModelManager:
        with cls._class_lock:
            if cls._instance is None:
                cls._instance = super().__new__(cls)
        return cls._instance

    def __init__(self) -> None:
        if hasattr(self, "model"):
            return
        self.loads.append("tiny.en")
        self.model = "weights of tiny.en"


class LockedModelManager(ModelManager):
    def __init__(self) -> None:
        with self._class_lock:
            if hasattr(self, "model"):
                return
            self.loads.append("tiny.en")
            self.model = "weights of tiny.en"


class Link:
    """A connection that must be opened before it is used."""

    def __init__(self) -> None:
        self.ready = False

    def open(self) -> None:
        self.ready = True

    def query(self) -> str:
        if not self.ready:
            raise ConnectionError("the link is not open yet")
        return "rows"


class Client:
    """Double-checked locking that publishes the link before it is open."""

    def __init__(self) -> None:
        self._link: Link | None = None
        self._lock = threading.Lock()

    def query(self) -> str:
        if self._link is None:
            with self._lock:
                if self._link is None:
                    self._link = Link()
                    self._link.open()
        return self._link.query()


class LatePublishingClient(Client):
    def query(self) -> str:
        if self._link is None:
            with self._lock:
                if self._link is None:
                    link = Link()
                    link.open()
                    self._link = link
        return self._link.query()


class Dictionary:
    """The flag goes up before the table is there."""

    def __init__(self) -> None:
        self._loaded = False
        self._table: dict[str, str] = {}

    def translate(self, word: str) -> str:
        if not self._loaded:
            self._loaded = True
            self._table = {"hund": "dog"}
        return self._table[word]


class LockedDictionary(Dictionary):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def translate(self, word: str) -> str:
        with self._lock:
            if not self._loaded:
                self._table = {"hund": "dog"}
                self._loaded = True
        return self._table[word]


class Corpus:
    """A lazy property."""

    def __init__(self) -> None:
        self._index: dict[str, int] | None = None
        self.builds: list[str] = []

    def _build(self) -> dict[str, int]:
        self.builds.append("index")
        return {"word": 7}

    @property
    def index(self) -> dict[str, int]:
        if self._index is None:
            self._index = self._build()
        return self._index

    def look_up(self) -> int:
        return self.index["word"]


class LockedCorpus(Corpus):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    @property
    def index(self) -> dict[str, int]:
        with self._lock:
            if self._index is None:
                self._index = self._build()
            return self._index


class Uploader:
    """A background thread that is started on first use."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self._thread: threading.Thread | None = None

    def _run(self) -> None:
        """Upload once; the thread ends by itself."""

    def _start(self) -> None:
        thread = self._thread = threading.Thread(target=self._run, daemon=True)
        self.threads.append(thread)
        thread.start()

    def ensure_started(self) -> None:
        if self._thread is None:
            self._start()


class LockedUploader(Uploader):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def ensure_started(self) -> None:
        with self._lock:
            if self._thread is None:
                self._start()


class Plugin:
    """Registers itself before its constructor has finished."""

    def __init__(self, registry: dict[str, Plugin]) -> None:
        registry["resize"] = self
        self.actions = {"run": "resized"}


class LatePlugin(Plugin):
    def __init__(self, registry: dict[str, Plugin]) -> None:
        self.actions = {"run": "resized"}
        registry["resize"] = self


class Host:
    """Loads a plug-in in one thread and calls it in another."""

    plugin: type[Plugin] = Plugin

    def __init__(self) -> None:
        self.registry: dict[str, Plugin] = {}

    def load(self) -> None:
        self.plugin(self.registry)

    def call(self) -> str:
        plugin = self.registry.get("resize")
        return plugin.actions["run"] if plugin is not None else "no such plug-in"


class LateHost(Host):
    plugin = LatePlugin


def _construct(singleton: type[Any]) -> object:
    return singleton()


CASES = (
    twins(
        "double_init_hasattr_guard",
        "double_init",
        ModelManager.forget,
        LockedModelManager.forget,
        [_construct] * 2,
        check=lambda manager: done_once(manager.loads),
    ),
    twins(
        "published_before_open",
        "exception",
        Client,
        LatePublishingClient,
        [lambda client: client.query()] * 2,
        check=lambda client, results: all(rows == "rows" for rows in results),
        says="the link is not open yet",
    ),
    twins(
        "flag_set_before_the_data",
        "exception",
        Dictionary,
        LockedDictionary,
        [lambda dictionary: dictionary.translate("hund")] * 2,
        check=lambda dictionary, results: all(word == "dog" for word in results),
        says="KeyError",
    ),
    twins(
        "double_init_lazy_property",
        "double_init",
        Corpus,
        LockedCorpus,
        [lambda corpus: corpus.look_up()] * 2,
        check=lambda corpus: done_once(corpus.builds),
    ),
    twins(
        "double_init_background_thread",
        "double_init",
        Uploader,
        LockedUploader,
        [lambda uploader: uploader.ensure_started()] * 2,
        check=lambda uploader: done_once(uploader.threads),
    ),
    twins(
        "registered_before_constructed",
        "exception",
        Host,
        LateHost,
        [lambda host: host.load(), lambda host: host.call()],
        check=lambda host, results: results[1] in ("resized", "no such plug-in"),
        says="has no attribute 'actions'",
    ),
)
