"""A real CTranslate2 Whisper model with seeded random weights: it loads and runs, only its text means nothing.

Written with CTranslate2's own specification classes, so faster-whisper takes it for a converted checkpoint.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WIDTH = 64
SPECIAL = (
    "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>",
    "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>",
)  # fmt: skip


def write_model(folder: Path) -> Path:
    """Write the model and its tokenizer into a folder and return it."""
    import numpy
    from ctranslate2.specs import whisper_spec

    text = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256))]
    text += [chr(256 + index) for index in range(256 - len(text))]
    times = [f"<|{index * 0.02:.2f}|>" for index in range(1501)]
    vocabulary = [*text, *SPECIAL, *times]
    spec = whisper_spec.WhisperSpec(1, 1, 1, 1)
    _Filler(numpy, 7).fill(spec, len(vocabulary))
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [len(text)]
    spec.config.lang_ids = [len(text) + 2]
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(vocabulary)
    spec.validate()
    spec.optimize(quantization=None)
    spec.save(str(folder))
    _write_tokenizer(folder / "tokenizer.json", text, times)
    return folder


class _Filler:
    """Gives every weight of a specification a random array of its shape."""

    def __init__(self, numpy: Any, seed: int) -> None:
        self.np = numpy
        self.random = numpy.random.RandomState(seed)

    def array(self, *shape: int) -> Any:
        return (self.random.standard_normal(shape) * 0.05).astype(self.np.float32)

    def fill(self, spec: Any, tokens: int) -> None:
        encoder, decoder = spec.encoder, spec.decoder
        encoder.conv1.weight, encoder.conv1.bias = self.array(WIDTH, 80, 3), self.array(WIDTH)
        encoder.conv2.weight, encoder.conv2.bias = self.array(WIDTH, WIDTH, 3), self.array(WIDTH)
        encoder.position_encodings.encodings = self.array(1500, WIDTH)
        self.norm(encoder.layer_norm)
        for layer in encoder.layer:
            self.attention(layer.self_attention)
            self.feed_forward(layer.ffn)
        decoder.embeddings.weight = self.array(tokens, WIDTH)
        decoder.embeddings.multiply_by_sqrt_depth = False
        decoder.position_encodings.encodings = self.array(448, WIDTH)
        decoder.scale_embeddings = False
        decoder.projection.weight = self.array(tokens, WIDTH)
        self.norm(decoder.layer_norm)
        for layer in decoder.layer:
            self.attention(layer.self_attention)
            self.attention(layer.attention, cross=True)
            self.feed_forward(layer.ffn)

    def norm(self, part: Any) -> None:
        part.gamma, part.beta = self.np.ones(WIDTH, self.np.float32), self.np.zeros(WIDTH, self.np.float32)

    def linear(self, part: Any, rows: int, columns: int) -> None:
        part.weight, part.bias = self.array(rows, columns), self.np.zeros(rows, self.np.float32)

    def attention(self, part: Any, *, cross: bool = False) -> None:
        self.norm(part.layer_norm)
        for linear, parts in zip(part.linear, (1, 2, 1) if cross else (3, 1), strict=True):
            self.linear(linear, parts * WIDTH, WIDTH)

    def feed_forward(self, part: Any) -> None:
        self.norm(part.layer_norm)
        self.linear(part.linear_0, 4 * WIDTH, WIDTH)
        self.linear(part.linear_1, WIDTH, 4 * WIDTH)


def _write_tokenizer(file: Path, text: list[str], times: list[str]) -> None:
    added = [
        {"id": len(text) + index, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": index < len(SPECIAL)}
        for index, token in enumerate([*SPECIAL, *times])
    ]  # fmt: skip
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model: dict[str, Any] = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
             "vocab": {token: index for index, token in enumerate(text)}, "merges": []}  # fmt: skip
    tokenizer = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
                 "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
                 "model": model}  # fmt: skip
    file.write_text(json.dumps(tokenizer), encoding="utf-8")
