"""Generated perceptrons of chosen cost: one orthogonal weight used by every layer, so files stay small.

Deterministic; activations neither explode nor vanish because the weight is a reflection followed by a shift.
Cost: layers * 2 * rows * width^2 floating-point operations an inference.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from harness.pools.workload import optional


def make_mlp(width: int, layers: int, folder: Path | None = None) -> Path:
    """The path of the model ``[n, width] -> [n, width]``; written once, then reused."""
    folder = folder or Path(tempfile.gettempdir()) / f"harness-models-{os.getuid()}"
    path = folder / f"mlp-{width}x{layers}.onnx"
    if path.is_file():
        return path
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Several workers may make it at once: each writes its own file and renames it into place.
    handle, temporary = tempfile.mkstemp(suffix=".onnx", dir=folder)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(_mlp(width, layers))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def _mlp(width: int, layers: int) -> bytes:
    numpy, onnx = optional("numpy", "ml"), optional("onnx", "ml")
    direction = numpy.random.RandomState(0).standard_normal(width)
    reflection = numpy.eye(width) - 2 * numpy.outer(direction, direction) / (direction @ direction)
    weight = numpy.roll(reflection, 1, axis=0).astype(numpy.float32)
    node, value = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    nodes, current = [], "x"
    for layer in range(layers):
        nodes.append(node("MatMul", [current, "w"], [f"m{layer}"]))
        nodes.append(node("Clip", [f"m{layer}", "low", "high"], [f"c{layer}"]))
        current = f"c{layer}"
    constants = {"w": weight, "low": numpy.float32(-3), "high": numpy.float32(3)}
    graph = onnx.helper.make_graph(
        nodes,
        "mlp",
        [value("x", onnx.TensorProto.FLOAT, ["n", width])],
        [value(current, onnx.TensorProto.FLOAT, ["n", width])],
        [onnx.numpy_helper.from_array(numpy.asarray(array), name) for name, array in constants.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised
