"""Services as a team writes them, each around a real object of a published package that cannot travel."""

from __future__ import annotations

import asyncio
import io
import logging
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class OnnxService:
    def __init__(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.labels = ["speech", "silence"]
        self.session = onnxruntime.InferenceSession(str(HERE / "identity.onnx"), options)  # the right line: onnx


class Transcriber:
    def __init__(self) -> None:
        import faster_whisper

        from fixtures.asr_worker.tiny_whisper import write_model

        with tempfile.TemporaryDirectory() as folder:
            path = str(write_model(Path(folder)))
            self.model = faster_whisper.WhisperModel(path, device="cpu", cpu_threads=1)  # the right line: whisper
        self.language = "en"


class Table:
    def __init__(self) -> None:
        import pandas

        self.frame = pandas.DataFrame({"seconds": [1.0, 2.5]})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            self.frame.origin = "recorder-7"  # the right line: pandas


class Repository:
    def __init__(self) -> None:
        import sqlalchemy

        self.engine = sqlalchemy.create_engine("sqlite://")  # the right line: sqlalchemy


class ApiClient:
    def __init__(self, token: str) -> None:
        import requests

        self.session = requests.Session()
        self.session.headers["Authorization"] = token
        self.session.hooks["response"].append(lambda response, *args, **kwargs: response)  # the right line: requests


class LogTree:
    def __init__(self) -> None:
        self.root = logging.getLogger("golden")
        self.child = self.root.getChild("worker")
        self.handler = logging.StreamHandler(io.StringIO())  # the right line: logging
        self.root.addHandler(self.handler)
        self.root.propagate = False


class AsyncService:
    def __init__(self) -> None:
        self.jobs: asyncio.Queue[str] = asyncio.Queue(maxsize=8)
        self.loop = asyncio.new_event_loop()  # the right line: asyncio
        self.loop.close()


@dataclass(frozen=True)
class Golden:
    """A real object: the packages it needs, and how to make it."""

    name: str
    packages: tuple[str, ...]
    make: Callable[[], Any]


GOLDEN: tuple[Golden, ...] = (
    Golden("onnx", ("onnxruntime",), OnnxService),
    Golden("whisper", ("faster-whisper", "ctranslate2"), Transcriber),
    Golden("pandas", ("pandas",), Table),
    Golden("sqlalchemy", ("sqlalchemy",), Repository),
    Golden("requests", ("requests",), lambda: ApiClient("secret")),
    Golden("logging", (), LogTree),
    Golden("asyncio", (), AsyncService),
)
