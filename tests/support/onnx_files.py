"""Small ONNX files as other libraries write them: a network for sound with random weights. Not a test itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS, KERNEL, STRIDE = 5, 40, 20


def sound_graph(
    outputs: int,
    *,
    batch: int | str = "batch",
    samples: int | str = "samples",
    sound: str = "input_values",
    logits: str = "logits",
    hidden: str | None = None,
    last: str | None = None,
    mask: bool = False,
    seed: int = 0,
) -> onnx.ModelProto:
    """A convolution over the waveform, its mean over time, and a linear layer: `sound` float32 [batch, samples] -> `logits`
    [batch, outputs], through an operator `last`, and `hidden` [batch, 5] where it is named. With `mask`, sound counts
    where `attention_mask` is 1."""
    generator = np.random.default_rng(seed)
    weights = {
        "conv.weight": generator.normal(size=(CHANNELS, 1, KERNEL)),
        "linear.weight": 3 * generator.normal(size=(outputs, CHANNELS)),
        "linear.bias": generator.normal(size=outputs),
    }
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    tensors += [numpy_helper.from_array(np.array([axis], np.int64), f"axis{axis}") for axis in (1, 2)]
    pooled, linear = hidden or "pooled", logits if last is None else "linear"
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["kept"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [sound, "kept"], ["masked"]),
    ][: 2 * mask]
    nodes += [
        helper.make_node("Unsqueeze", ["masked" if mask else sound, "axis1"], ["channel"]),
        helper.make_node("Conv", ["channel", "conv.weight"], ["convolved"], strides=[STRIDE], name="conv"),
        helper.make_node("Relu", ["convolved"], ["active"]),
        helper.make_node("ReduceMean", ["active", "axis2"], [pooled], keepdims=0),
        helper.make_node("Gemm", [pooled, "linear.weight", "linear.bias"], [linear], transB=1),
    ]
    if last is not None:
        nodes.append(helper.make_node(last, ["linear"], [logits]))
    shapes = [(logits, [batch, outputs])] + ([(hidden, [batch, CHANNELS])] if hidden else [])
    graph = helper.make_graph(
        nodes,
        "sound",
        [
            helper.make_tensor_value_info(sound, TensorProto.FLOAT, [batch, samples]),
            *([helper.make_tensor_value_info("attention_mask", TensorProto.INT64, [batch, samples])] if mask else []),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def answered(path: Path, sound: np.ndarray, output: str = "logits") -> np.ndarray:
    """What onnxruntime itself makes of one sound float32 [samples]: [numbers]."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return session.run([output], {given.name: sound[None]})[0][0]


def voice(samples: int, seed: int = 0) -> np.ndarray:
    """Noise with a tone, float32 [samples]."""
    generator = np.random.default_rng(seed)
    tone = np.sin(2 * np.pi * (150 + 40 * seed) * np.arange(samples) / 16_000)
    return (0.2 * tone + 0.05 * generator.normal(size=samples)).astype(np.float32)


def softmax(logits: Sequence[float] | np.ndarray) -> np.ndarray:
    shares = np.exp(np.asarray(logits, np.float64))
    return shares / shares.sum()
