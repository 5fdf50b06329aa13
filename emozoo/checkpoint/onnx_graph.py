"""Whether the graph of a model.onnx may be run: it may be a stranger's, and ask for more than arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emozoo.media.window_shape import WindowShape

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

DOMAINS = ("", "ai.onnx")
"""Of the operators that ONNX itself defines."""
MOST_NODES = 100_000
"""Of a graph; the largest that emozoo's own networks become has a thousand."""
MOST_TAKEN = 4 * 2**30
"""Bytes of weights that all operators together take in, for each lays them out anew when the graph is loaded."""
SOUND, FRAMES = "input_values", "pixel_values"
"""The inputs' names."""
ANY = -1
"""A size that the graph leaves open."""
LOGITS, EMBEDDINGS = "logits", "embeddings"
"""The outputs' names. Graphs that were written before there were embeddings lack the second."""
MOST_FEATURES = 2**16
"""Of an embedding; the largest of emozoo's own networks has a few thousand."""
OPERATORS = frozenset(
    # each number by itself, or two by two
    "Abs Acos Acosh Add And Asin Asinh Atan Atanh Cast CastLike Ceil Clip Cos Cosh Div Equal Erf Exp Floor Greater "
    "GreaterOrEqual Identity IsInf IsNaN Less LessOrEqual Log Max Mean Min Mod Mul Neg Not Or Pow Reciprocal Round Sign Sin "
    "Sinh Sqrt Sub Sum Tan Tanh Where Xor "
    # activations
    "Celu Elu Gelu HardSigmoid HardSwish Hardmax LeakyRelu LogSoftmax Mish PRelu Relu Selu Shrink Sigmoid Softmax Softplus "
    "Softsign Swish ThresholdedRelu "
    # shapes and places
    "Concat Constant ConstantOfShape DepthToSpace Expand EyeLike Flatten Gather GatherElements GatherND OneHot Pad Range "
    "Reshape Resize ReverseSequence ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile Transpose "
    "Trilu Unsqueeze "
    # many numbers to few
    "ArgMax ArgMin CumSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
    "ReduceSum ReduceSumSquare TopK "
    # layers
    "Attention AveragePool BatchNormalization Conv ConvTranspose Einsum GRU Gemm GlobalAveragePool GlobalLpPool "
    "GlobalMaxPool GroupNormalization InstanceNormalization LRN LSTM LayerNormalization LpNormalization LpPool MatMul "
    "MaxPool MeanVarianceNormalization RMSNormalization RNN RotaryEmbedding "
    # spectra
    "BlackmanWindow DFT HammingWindow HannWindow MelWeightMatrix STFT "
    # whole numbers in the place of floats
    "ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul QuantizeLinear".split()
)
"""Arithmetic on arrays. Not here: what branches, repeats, is random, reads images or text, or holds anything but arrays."""


Signature = tuple[str, str, tuple[int, ...]]
"""Name, kind of number and shape of an input or output."""


def inputs(window: WindowShape, video: bool, alone: bool = False) -> list[Signature]:
    """The inputs of a graph: batches of whole windows or, of a network that takes lengths, one clip `alone`, unpadded."""
    sound: Signature = (SOUND, "FLOAT", (1, ANY) if alone else (ANY, window.samples))
    frames: Signature = (FRAMES, "UINT8", (1 if alone else ANY, *window.frames, 3))
    return [sound, frames] if video else [sound]


def graph_problem(model: ModelProto, labels: int, window: WindowShape, video: bool) -> str | None:
    """Why a graph that `emozoo export` is said to have written is not run for such windows, as a sentence; None where it may
    be."""
    if problem := content_problem(model):
        return problem
    taken = [_signature(value) for value in model.graph.input]
    alone = taken == inputs(window, video, alone=True)
    if not alone and taken != inputs(window, video):
        names = " and ".join((SOUND, FRAMES) if video else (SOUND,))
        return f"its inputs are not {names}, as of a window of {window.seconds:g} s"
    batches = (1, ANY) if alone else (ANY,)
    outputs = [_signature(value) for value in model.graph.output]
    if [each[:2] for each in outputs[:1]] != [(LOGITS, "FLOAT")] or not _has_rows(outputs[0], batches, labels):
        return f"its output is not logits for {labels} labels"
    if len(outputs) > 2 or not all(_is_embedding(output, batches) for output in outputs[1:]):
        return f"beside its logits, its output is not embeddings of 1 to {MOST_FEATURES:,} features"
    return None


def content_problem(model: ModelProto) -> str | None:
    """Why a graph, whatever its inputs and outputs are, is not run, as a sentence; None where it may be.

    A graph is data: it computes from its inputs and nothing else as long as its operators are arithmetic, none holds a
    graph of its own (so nothing loops), and its numbers stand in the file itself.
    """
    graph = model.graph
    if len(graph.node) > MOST_NODES:
        return f"it has {len(graph.node):,} operators, more than the {MOST_NODES:,} that are run"
    if model.functions or model.training_info or graph.sparse_initializer:
        return "it holds functions, training or sparse tensors, which emozoo export does not write"
    if any(each.domain not in DOMAINS for each in model.opset_import):
        return "it names operators that are not ONNX's own"
    sizes = {tensor.name: tensor.ByteSize() for tensor in graph.initializer}
    if sum(sizes.get(name, 0) for node in graph.node for name in node.input) > MOST_TAKEN:
        return f"its operators take in more than {MOST_TAKEN // 2**30} GiB of weights"
    return _node_problem(model)


def takes_one(window_input: Sequence[object]) -> bool:
    """Whether a graph takes one clip at a time, by the shape of its input of sound as onnxruntime tells it."""
    return len(window_input) == 2 and window_input[0] == 1


def _has_rows(output: Signature, batches: Sequence[int], columns: int) -> bool:
    shape = output[2]
    return len(shape) == 2 and shape[0] in batches and shape[1] == columns


def _is_embedding(output: Signature, batches: Sequence[int]) -> bool:
    name, kind, shape = output
    named = (name, kind) == (EMBEDDINGS, "FLOAT")
    return named and len(shape) == 2 and 1 <= shape[1] <= MOST_FEATURES and _has_rows(output, batches, shape[1])


def _node_problem(model: ModelProto) -> str | None:
    """What is wrong with the operators or the tensors."""
    from onnx import AttributeProto, TensorProto

    plain = {
        getattr(AttributeProto, kind)
        for kind in ("FLOAT", "INT", "STRING", "TENSOR", "FLOATS", "INTS", "STRINGS", "TENSORS")
    }
    tensors = list(model.graph.initializer)
    for node in model.graph.node:
        called = ascii(node.op_type)[:60]
        if node.domain not in DOMAINS:
            return f"its operator {called} is not one of ONNX's own"
        for attribute in node.attribute:
            if attribute.type not in plain or attribute.ref_attr_name or attribute.HasField("g") or attribute.graphs:
                return f"its operator {called} holds a graph of its own, or what is no array"
            tensors += [attribute.t, *attribute.tensors]
        if node.op_type not in OPERATORS:
            return f"its operator {called} is none of those that emozoo runs"
    if any(tensor.external_data or tensor.data_location == TensorProto.EXTERNAL for tensor in tensors):
        return "its weights are in another file"
    return None


def _signature(value: ValueInfoProto) -> Signature:
    """Name, kind of number, and shape, with ANY for each size that the graph leaves open."""
    from onnx import TensorProto

    kind = value.type.tensor_type
    shape = tuple(each.dim_value if each.HasField("dim_value") else ANY for each in kind.shape.dim)
    known = kind.elem_type in TensorProto.DataType.values()
    return value.name, TensorProto.DataType.Name(kind.elem_type) if known else "", shape
