"""Writes a trained model in a form that runs without torch: model.onnx, which `emozoo.checkpoint.onnx_model` reads.

The front end is part of the graph: a waveform goes in, logits and embeddings come out. What is written is checked before
it takes its place: read as any stranger's file, and its answers compared with those of the network.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from emozoo.checkpoint.config import parse, read_config
from emozoo.checkpoint.embedding import WithFeatures, features_of
from emozoo.checkpoint.foreign import check_network, is_own, translate
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.onnx_graph import EMBEDDINGS, LOGITS, MOST_FEATURES, inputs
from emozoo.checkpoint.onnx_model import (
    ANSWER_KEY,
    ARCHITECTURE_KEY,
    INT8,
    LABELS_KEY,
    LEAST_SAMPLES,
    PRECISION_KEY,
    VERSION_KEY,
    WEIGHTS_KEY,
    OnnxModel,
    as_noted,
    read_model,
    trial_window,
)
from emozoo.checkpoint.quantization import quantize
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, ONNX, WEIGHTS
from emozoo.hub.reference import is_reference, name_of
from emozoo.media.window_shape import SAMPLING_RATE
from emozoo.paths import atomic, digest, user_path
from emozoo.shared_context import SharedContext
from emozoo.target import PRESENT, Outputs
from emozoo.text import one_line
from emozoo.version import version as emozoo_version

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch.onnx import ONNXProgram

    from emozoo.inference.model import Model, Window


T = TypeVar("T")
LARGEST_DIFFERENCE = 1e-3
"""Of a probability, between the network and what was written, on sounds and frames that try it out."""
LARGEST_SHARE = 1e-2
"""The same of an embedding's number, as a share of its largest. Most of a pure tone's spectrum is rounding."""
MOST_BYTES = 2**31 - 2**24
"""Of weights, in a file: protobuf's 2 GiB, less what the operators take."""
SHORT_CLIPS, SHORT_STEP = 9, 160
"""Of a network that takes lengths: how many short clips are tried, and by how many samples each is longer than the last."""
LEAST_SAME = 0.9
"""Share of windows that a graph in 8 bits must answer as the network does."""
NEAR = 0.05
"""Within which two values of a dimension, which are from 0 to 1, are alike."""
LARGEST_REPEAT = 2**20
"""Numbers in a constant that is looked for among the others."""


@dataclass(frozen=True)
class Export:
    """What was written."""

    file: str
    bytes: int
    opset: int
    difference: float
    """The largest of a probability that was found between the file and the network."""
    features: int | None
    """Numbers in an embedding; None for a network that gives none."""
    precision: str = "fp32"
    """`int8`: of the convolutions."""
    same_answers: float | None = None
    """Of `int8`: the share of windows that file and network answer alike (`alike`)."""


def export_onnx(
    reference: str | os.PathLike[str], output: str | Path | None = None, quantize_by: Sequence[Window] | None = None
) -> Export:
    """Writes model.onnx into the run's folder, or into `output`, which then gets the run's config.json too: so either is a
    folder that `emozoo predict --backend onnx --model` takes.

    With the windows `quantize_by`, the file's convolutions are in 8 bits: every other window decides the ranges of their
    numbers, and the rest tell how far the file is from the network.

    Raises EmozooError for a network that cannot be exported, or that answers otherwise once it is; the folder then holds
    what it held before.
    """
    source = _source(reference, output)
    model = load(reference, "cpu")
    config, weights = _original(source, model)
    folder = source if output is None else user_path(output)
    if folder.is_file():
        raise EmozooError(f"{folder} is a file: --output names a folder, which gets {ONNX}")
    own = folder / CONFIG
    same = own.is_file() and own.read_bytes() == config
    if own.is_file() and not same and not _differ_in_calibration(folder, config):
        raise EmozooError(f"{folder} holds another model: name an empty folder with --output")
    graph = _graph(model)
    if quantize_by is None:
        _annotate(graph, model, weights, model)
        difference = _write(graph, model, folder / ONNX, weights, _differences)
        same_answers = None
    else:
        graph = _in_8_bits(graph, model, quantize_by[::2])
        _annotate(graph, model, weights, OnnxModel(graph.SerializeToString(), model.to_config(), ONNX), INT8)
        compare = functools.partial(_rounded_differences, windows=quantize_by[1::2])
        difference, same_answers = _write(graph, model, folder / ONNX, weights, compare)
    if not same:
        with atomic(own) as temporary:
            temporary.write_bytes(config)
    opset = max(each.version for each in graph.opset_import)
    return Export(
        file=str(Path(reference if output is None else output, ONNX)),
        bytes=(folder / ONNX).stat().st_size,
        opset=opset,
        difference=difference,
        features=_features(graph),
        precision="fp32" if quantize_by is None else INT8,
        same_answers=same_answers,
    )


def _source(reference: str | os.PathLike[str], output: str | Path | None) -> Path:
    """The folder of the model. Raises EmozooError, if possible before anything is fetched, where the file has no place."""
    from emozoo.checkpoint.locate import resolve
    from emozoo.checkpoint.named import folder_of, leads_to

    unnamed = EmozooError(f"name a folder for {ONNX} of {reference} with --output")
    if output is None and (is_reference(leads_to(reference)) or folder_of(reference)):
        raise unnamed
    folder = resolve(reference)
    check_network(folder, name_of(reference), "it is exported already, for emozoo predict --model takes it as it is")
    if output is None and not is_own(folder):
        raise unnamed
    return folder


def _original(source: Path, model: EmotionModel) -> tuple[bytes, Path]:
    """config.json for the folder of the export, and the file of weights by which the graph is known."""
    if is_own(source):
        return (source / CONFIG).read_bytes(), source / WEIGHTS
    return model.to_config().to_json().encode(), source / translate(source, str(source)).files[0]


def _differ_in_calibration(folder: Path, config: bytes) -> bool:
    """Whether a folder's config.json is the same but for the calibration, which may have been fitted in between."""
    try:
        found = read_config(folder), parse(json.loads(config), CONFIG)
    except EmozooError:  # no checkpoint at all
        return False
    one, another = (dataclasses.replace(each, calibration=None) for each in found)
    return one == another


def _annotate(
    graph: ModelProto, model: EmotionModel, weights: Path, asked: Model, precision: str | None = None
) -> None:
    """Adds what a reader checks the graph by, such as the answer of the model that is `asked`."""
    notes = {
        VERSION_KEY: emozoo_version(),
        ARCHITECTURE_KEY: model.architecture.name,
        LABELS_KEY: json.dumps(model.outputs.names),
        WEIGHTS_KEY: digest(weights),
        ANSWER_KEY: json.dumps(_answer(asked)),
        **({} if precision is None else {PRECISION_KEY: precision}),
    }
    for key, value in notes.items():
        graph.metadata_props.add(key=key, value=value)


def _in_8_bits(graph: ModelProto, model: EmotionModel, windows: Sequence[Window]) -> ModelProto:
    if all(node.op_type != "Conv" for node in graph.graph.node):
        raise EmozooError(f"{model.architecture.name} has no convolutions, which is what --quantize puts in 8 bits")
    exact = OnnxModel(graph.SerializeToString(), model.to_config(), ONNX)
    try:
        with _quiet:
            return quantize(graph, windows, exact.feeds)
    except Exception as error:  # noqa: BLE001 - whatever onnxruntime makes of a plugin's graph
        raise EmozooError(f"{model.architecture.name} cannot be put in 8 bits ({one_line(error)})") from error


def _write(
    graph: ModelProto,
    model: EmotionModel,
    path: Path,
    weights: Path,
    compare: Callable[[EmotionModel, OnnxModel], T],
) -> T:
    """Writes the graph once it may be run and `compare` raises no EmozooError; what `compare` gives."""
    with atomic(path) as temporary:
        temporary.write_bytes(graph.SerializeToString())
        try:
            written = read_model(temporary, model.to_config(), ONNX, weights)
            return compare(model, written)
        except EmozooError as error:
            raise EmozooError(f"{model.architecture.name} cannot be exported: {error}") from error


def _differences(model: EmotionModel, written: OnnxModel) -> float:
    """The largest of a probability. Raises EmozooError where file and network differ by more than rounding."""
    difference = _difference(model, written)
    features_off = _features_difference(model, written) if written.has_embeddings else 0.0
    for what, off, most in (
        ("probabilities", difference, LARGEST_DIFFERENCE),
        ("embeddings", features_off, LARGEST_SHARE),
    ):
        if not off <= most:  # also where it is NaN
            raise EmozooError(f"as ONNX, its {what} are off by {off:.1g}")
    return difference


def _rounded_differences(model: EmotionModel, written: OnnxModel, windows: Sequence[Window]) -> tuple[float, float]:
    """The largest of an output, and the share of windows with the same answer. Raises EmozooError where it is small."""
    ours, theirs = (each.probabilities(windows) for each in (model, written))
    same = float(alike(model.outputs, ours, theirs).mean())
    if same < LEAST_SAME:
        raise EmozooError(
            f"in 8 bits, it answers {1 - same:.0%} of the recordings otherwise: leave --quantize out, or name recordings "
            "like those that you will ask about with --calibration"
        )
    return float(np.abs(ours - theirs).max()), same


def alike(outputs: Outputs, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Which of two models' answers, float64 [windows, outputs], have the same label, or labels, and dimensions that are
    `NEAR`: bool [windows]."""
    alike = (np.abs(ours - theirs)[:, outputs.of_dimensions] <= NEAR).all(1)
    words = [each[:, outputs.of_labels] for each in (ours, theirs)]
    if outputs.multi:
        return alike & ((words[0] >= PRESENT) == (words[1] >= PRESENT)).all(1)
    return alike & (words[0].argmax(1) == words[1].argmax(1)) if outputs.labels else alike


def _features(graph: ModelProto) -> int | None:
    """Numbers in an embedding of the graph; None where it gives none."""
    return next((each.type.tensor_type.shape.dim[1].dim_value for each in graph.graph.output[1:]), None)


def _answer(model: Model) -> list[float]:
    """The answer for the window that the graph is tried out with, wherever it is loaded."""
    answer = model.probabilities([trial_window(model.window, model.video)])[0]
    return [round(float(value), 6) for value in as_noted(answer, model.outputs)]


def _graph(model: EmotionModel) -> ModelProto:
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
        with _quiet, sdpa_kernel(SDPBackend.MATH):
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


_quiet = SharedContext(_silent)
"""Keeps back what torch's exporter prints, warns of and logs: its failure is told in one line."""


def _difference(model: EmotionModel, written: OnnxModel) -> float:
    """The largest difference of a probability, over several batches; of a dimension's value a quarter, for a probability
    changes by no more than that share of its logit."""
    shares = np.where(np.arange(len(model.outputs.names)) < len(model.labels), 1.0, 0.25)
    gaps = [model.probabilities(each) - written.probabilities(each) for each in _batches(model)]
    return max(float((np.abs(gap) * shares).max()) for gap in gaps)


def _features_difference(model: EmotionModel, written: OnnxModel) -> float:
    """The largest difference of an embedding's number, as a share of its largest, over several batches."""
    pairs = [(model.embeddings(each), written.embeddings(each)) for each in _batches(model)]
    return max(float(np.abs(ours - theirs).max() / max(np.abs(ours).max(), 1e-6)) for ours, theirs in pairs)


def _batches(model: EmotionModel) -> list[list[Window]]:
    """Of several sizes: noise, loud and soft, tones and silence. For a network that takes lengths, and may standardise each
    band, tones swell and have the noise of a recording: in a pure and steady one, most of a band is rounding."""
    rng = np.random.default_rng(0)
    seconds = np.arange(model.window.samples) / SAMPLING_RATE
    natural = float(model.architecture.lengths)
    swell = 1 - 0.5 * natural * np.cos(2 * np.pi * 1.7 * seconds)
    sounds = [rng.normal(0, level, len(seconds)) for level in (0.3, 0.1, 0.01, 0.001)]
    sounds += [
        0.5 * np.sin(2 * np.pi * pitch * seconds) * swell * (seconds < 2 * model.window.seconds / 3)
        + rng.normal(0, 0.001 * natural, len(seconds))
        for pitch in (110, 440, 1760)
    ]
    sounds += [np.zeros(len(seconds))]
    windows: list[Window] = []
    for number, sound in enumerate(sounds):
        lacking = "video" in model.optional and number % 2
        frames = rng.integers(0, 256, (*model.window.frames, 3), np.uint8) if model.video and not lacking else None
        whole = len(sound) if number % 2 or not model.architecture.lengths else len(sound) // (number + 1)
        windows.append((sound[:whole].clip(-1, 1).astype(np.float32), frames))
    # A graph may be right for its example's length only, and for those that leave the same remainder.
    shortest = windows[0][0][: LEAST_SAMPLES + SHORT_STEP * SHORT_CLIPS]
    clips = range(SHORT_CLIPS if model.architecture.lengths else 0)
    short: list[Window] = [(shortest[: LEAST_SAMPLES + SHORT_STEP * clip], windows[0][1]) for clip in clips]
    return [windows[:1], windows[1:4], windows + short]
