"""Writes a trained model in a form that runs without torch: model.onnx, which `emozoo.checkpoint.onnx_model` reads.

The front end is part of the graph: a waveform goes in, logits and embeddings come out. What is written is checked before
it takes its place: read as any stranger's file, and its answers compared with those of the network.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from emozoo.checkpoint.config_file import parse, read_config
from emozoo.checkpoint.export_check import differences, rounded_differences
from emozoo.checkpoint.export_graph import graph_of, quiet
from emozoo.checkpoint.foreign import check_network, is_own, translate
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.onnx_model import (
    ANSWER_KEY,
    ARCHITECTURE_KEY,
    INT8,
    LABELS_KEY,
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
from emozoo.paths import atomic, digest, user_path
from emozoo.text import one_line
from emozoo.version import version as emozoo_version

if TYPE_CHECKING:
    from onnx import ModelProto

    from emozoo.inference.model import Model, Window


T = TypeVar("T")


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
    graph = graph_of(model)
    if quantize_by is None:
        _annotate(graph, model, weights, model)
        difference = _write(graph, model, folder / ONNX, weights, differences)
        same_answers = None
    else:
        graph = _in_8_bits(graph, model, quantize_by[::2])
        _annotate(graph, model, weights, OnnxModel(graph.SerializeToString(), model.to_config(), ONNX), INT8)
        compare = functools.partial(rounded_differences, windows=quantize_by[1::2])
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
        with quiet:
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


def _features(graph: ModelProto) -> int | None:
    """Numbers in an embedding of the graph; None where it gives none."""
    return next((each.type.tensor_type.shape.dim[1].dim_value for each in graph.graph.output[1:]), None)


def _answer(model: Model) -> list[float]:
    """The answer for the window that the graph is tried out with, wherever it is loaded."""
    answer = model.probabilities([trial_window(model.window, model.video)])[0]
    return [round(float(value), 6) for value in as_noted(answer, model.outputs)]
