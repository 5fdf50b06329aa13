"""Turns a network, with its front end, into an ONNX graph by torch's exporter."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from emozoo.checkpoint.embedding import WithFeatures, features_of
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.onnx_graph import EMBEDDINGS, LOGITS, MOST_FEATURES, inputs
from emozoo.checkpoint.onnx_model import LEAST_SAMPLES
from emozoo.errors import EmozooError
from emozoo.shared_context import SharedContext
from emozoo.text import one_line

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch.onnx import ONNXProgram

MOST_BYTES = 2**31 - 2**24
"""Of weights, in a file: protobuf's 2 GiB, less what the operators take."""
LARGEST_REPEAT = 2**20
"""Numbers in a constant that is looked for among the others."""


def graph_of(model: EmotionModel) -> ModelProto:
    """The network, with its front end, as an ONNX graph: of batches of any size or, where the network takes lengths, of one
    clip of any length, so that there is no padding to be told of. With its embeddings, where it has some."""
    if sum(each.nbytes for each in model.network.state_dict().values()) > MOST_BYTES:
        raise EmozooError(
            f"{model.architecture.name} cannot be exported: its weights are more than the {MOST_BYTES / 2**30:.0f} GiB of "
            "an ONNX file"
        )
    alone = model.architecture.lengths
    rows = 1 if alone else 2
    noise = torch.randn(rows, model.window.samples, generator=torch.Generator().manual_seed(0)) / 10
    example: tuple[Tensor, ...] = (noise,)
    if model.video:
        example = (*example, torch.full((rows, *model.window.frames, 3), 128, dtype=torch.uint8))
    sizes: tuple[dict[int, Any], ...] = tuple({0: torch.export.Dim("batch")} for _ in example)
    if alone:
        samples = torch.export.Dim("samples", min=LEAST_SAMPLES, max=model.window.samples)
        sizes = ({1: samples}, *({} for _ in example[1:]))
    network, outputs = _with_features(model, example)
    try:
        # Other kernels lay their output out otherwise than what the graph computes instead, so that a view of it fails.
        with quiet, sdpa_kernel(SDPBackend.MATH):
            program = torch.onnx.export(
                network,
                example,
                dynamo=True,
                input_names=[name for name, _, _ in inputs(model.window, model.video)],
                output_names=outputs,
                dynamic_shapes=sizes,
                verbose=False,
            )
            assert program is not None
            graph = _without_repeats(program).model_proto
    except ImportError as error:
        raise EmozooError(
            f"exporting needs onnx, onnxruntime and onnxscript: pip install 'emozoo[onnx]' ({error})"
        ) from error
    except Exception as error:  # noqa: BLE001 - whatever torch's exporter makes of a plugin's network
        reason = one_line(error.__cause__ or error)
        raise EmozooError(
            f"{model.architecture.name} cannot be exported: torch finds no ONNX for it ({reason})"
        ) from error
    # Where each part came from in the source, with this machine's folders.
    for part in (graph, graph.graph, *graph.graph.node, *graph.graph.initializer, *graph.graph.value_info):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return graph


def _with_features(model: EmotionModel, example: tuple[Tensor, ...]) -> tuple[nn.Module, list[str]]:
    """The network, and the names of its outputs."""
    sound, *frames = example
    try:
        with torch.inference_mode():
            features = features_of(model.network, (sound, *frames), model.name)
    except EmozooError:
        return model.network, [LOGITS]
    if not 1 <= features.shape[1] <= MOST_FEATURES:
        return model.network, [LOGITS]
    return WithFeatures(model.network, model.name).eval(), [LOGITS, EMBEDDINGS]


def _without_repeats(program: ONNXProgram) -> ONNXProgram:
    """What a network's own `embed` repeats of its forward is computed once."""
    from onnx_ir.passes import common

    common.DeduplicateInitializersPass(size_limit=LARGEST_REPEAT)(program.model)
    common.CommonSubexpressionEliminationPass()(program.model)
    return program


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


quiet = SharedContext(_silent)
"""Keeps back what torch's exporter prints, warns of and logs: its failure is told in one line."""
