"""A Whisper with seeded random weights, written with CTranslate2's own model specification.

The real engine loads and runs it (mel, encoder, beam search, segments); its text is meaningless, but depends on the
audio and repeats. It stands in where the package with the trained weights is not installed, and reports say so.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from harness.pools.workload import optional

_ENGLISH = (
    "the of and to in is you that it he was for on are as with his they at be this from have or by one had not but "
    "what all were when we there can an your which their said if do will each about how up out them then she many"
)
_WORDS = _ENGLISH.split()
_SPECIAL = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
]
_TIMES = [f"<|{step * 0.02:.2f}|>" for step in range(1501)]
_WIDTH, _LAYERS, _POSITIONS = 64, 2, 448


def make_random_whisper(tokens: int = 40, folder: Path | None = None) -> Path:
    """The folder of a model that decodes each 30 s window to about ``tokens`` tokens; made once, then reused."""
    folder = folder or Path(tempfile.gettempdir()) / f"harness-models-{os.getuid()}"
    path = folder / f"random-whisper-{tokens}"
    if (path / "tokenizer.json").is_file():
        return path
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder))
    try:
        _write(temporary, tokens)
        os.rename(temporary, path)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        if not (path / "tokenizer.json").is_file():
            raise
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return path


def _text_tokens() -> list[str]:
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]  # GPT-2's byte alphabet
    rest = 256 - len(printable)
    return [chr(c) for c in printable] + [chr(256 + i) for i in range(rest)] + [f"\u0120{word}" for word in _WORDS]


class _Layers:
    """Fills CTranslate2 layer specifications with seeded values."""

    def __init__(self) -> None:
        self.numpy = optional("numpy", "asr")
        self.random = self.numpy.random.RandomState(0)

    def normal(self, *shape: int, scale: float | None = None) -> Any:
        return (self.random.standard_normal(shape) * (scale or shape[-1] ** -0.5)).astype(self.numpy.float32)

    def norm(self, spec: Any) -> None:
        spec.gamma, spec.beta = self.numpy.ones(_WIDTH, "f4"), self.numpy.zeros(_WIDTH, "f4")

    def linear(self, spec: Any, out: int, into: int, gain: float = 1.0) -> None:
        spec.weight, spec.bias = self.normal(out, into) * self.numpy.float32(gain), self.numpy.zeros(out, "f4")

    def attention(self, spec: Any, cross: bool = False) -> None:
        self.norm(spec.layer_norm)
        last = spec.linear[-1]
        for layer, times in zip(spec.linear, (1, 2, 1) if cross else (3, 1), strict=True):
            self.linear(layer, times * _WIDTH, _WIDTH, (0.8 if cross else 0.1) if layer is last else 1.0)

    def feed_forward(self, spec: Any) -> None:
        self.norm(spec.layer_norm)
        self.linear(spec.linear_0, 4 * _WIDTH, _WIDTH)
        self.linear(spec.linear_1, _WIDTH, 4 * _WIDTH, 0.1)


def _write(out: Path, tokens: int) -> None:
    whisper_spec: Any = optional("ctranslate2.specs.whisper_spec", "asr")
    heads = max(1, _WIDTH // 64)
    spec = whisper_spec.WhisperSpec(_LAYERS, heads, _LAYERS, heads)
    text = _text_tokens()
    fill = _Layers()
    _encoder(fill, spec.encoder)
    _decoder(fill, spec.decoder, text, tokens)
    size, end, first_time = len(text) + len(_SPECIAL) + len(_TIMES), len(text), len(text) + len(_SPECIAL)
    spec.config.suppress_ids = [i for i in range(end, size) if i != end and i < first_time]
    spec.config.suppress_ids_begin = [end]
    spec.config.lang_ids = [end + 2]
    spec.config.alignment_heads = [(_LAYERS - 1, 0)]
    spec.register_vocabulary(text + _SPECIAL + _TIMES)
    spec.validate()
    spec.optimize(quantization=None)
    spec.save(str(out))
    _tokenizer(out / "tokenizer.json", text)


def _encoder(fill: _Layers, spec: Any) -> None:
    zeros = fill.numpy.zeros
    spec.conv1.weight, spec.conv1.bias = fill.normal(_WIDTH, 80, 3, scale=0.06), zeros(_WIDTH, "f4")
    spec.conv2.weight, spec.conv2.bias = fill.normal(_WIDTH, _WIDTH, 3, scale=(3 * _WIDTH) ** -0.5), zeros(_WIDTH, "f4")
    spec.position_encodings.encodings = fill.normal(1500, _WIDTH, scale=0.1)
    fill.norm(spec.layer_norm)
    for layer in spec.layer:
        fill.attention(layer.self_attention)
        fill.feed_forward(layer.ffn)


def _decoder(fill: _Layers, spec: Any, text: list[str], tokens: int) -> None:
    """The last two channels steer the search by position: words first, end of text after ``tokens`` positions."""
    end, first_time = len(text), len(text) + len(_SPECIAL)
    size = first_time + len(_TIMES)
    spec.embeddings.weight = fill.normal(size, _WIDTH, scale=0.5)
    spec.embeddings.weight[:, -2:] = 0
    output = fill.normal(size, _WIDTH, scale=0.5)  # not tied to the embeddings: no self-repetition
    output[:, -2:] = 0
    output[end, -2] = 60.0
    output[first_time + 1 :, :] *= 0.3
    output[end - len(_WORDS) : end, -1] = 4.0
    positions = fill.normal(_POSITIONS, _WIDTH, scale=0.5)
    positions[:, -2], positions[:, -1] = -3.0, 3.0
    positions[tokens:, -2], positions[tokens:, -1] = 8.0, -8.0
    spec.embeddings.multiply_by_sqrt_depth = False
    spec.scale_embeddings = False
    spec.position_encodings.encodings = positions
    spec.projection.weight = output
    fill.norm(spec.layer_norm)
    for layer in spec.layer:
        fill.attention(layer.self_attention)
        fill.attention(layer.attention, cross=True)
        fill.feed_forward(layer.ffn)


def _tokenizer(path: Path, text: list[str]) -> None:
    added = [
        {
            "id": len(text) + i,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": i < len(_SPECIAL),
        }
        for i, token in enumerate(_SPECIAL + _TIMES)
    ]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model: dict[str, Any] = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "vocab": {t: i for i, t in enumerate(text)},
        "merges": [],
    }
    whole = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": level,
        "post_processor": None,
        "decoder": level,
        "model": model,
    }
    path.write_text(json.dumps(whole), encoding="utf-8")
