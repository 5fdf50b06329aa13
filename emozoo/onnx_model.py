"""A checkpoint's model.onnx, checked and run by onnxruntime: the answers of `EmotionModel` without importing torch.

`emozoo.export` writes the file. It may come from anyone, as the rest of a checkpoint: so it is bounded here before it is
run. Reading media files is `emozoo.predict`'s business.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo import bundled, hub, media
from emozoo.checkpoint import CONFIG, ONNX, WEIGHTS, read_config
from emozoo.errors import EmozooError
from emozoo.preparation import Preparation
from emozoo.reference import is_reference, name_of

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

    from emozoo.predict import Prediction, Window

DOMAINS = ("", "ai.onnx")
"""Of the operators that ONNX itself defines."""
LARGEST = 2**31 - 1
"""Bytes of a file that protobuf reads."""
SOUND = ("input_values", "FLOAT", (media.WINDOW_SAMPLES,))
FRAMES = ("pixel_values", "UINT8", (media.FRAMES_PER_WINDOW, media.FRAME_HEIGHT, media.FRAME_WIDTH, 3))
"""An input's name, kind of number, and shape behind the batch."""
VERSION_KEY, ARCHITECTURE_KEY, LABELS_KEY, WEIGHTS_KEY = (
    f"emozoo.{what}" for what in ("version", "architecture", "labels", "weights")
)
"""What `emozoo export` notes in the file: texts, a JSON list, and the SHA-256 of model.safetensors."""


class OnnxModel:
    """The network of a model.onnx and the labels of its outputs, in order; answers as an `EmotionModel` does."""

    on_cpu = True

    def __init__(self, session: Any, config: dict[str, Any]) -> None:
        """`session` is an onnxruntime.InferenceSession, `config` the checkpoint's config.json."""
        self._session = session
        self.labels = tuple(config["id2label"][str(number)] for number in range(len(config["id2label"])))
        self.video = "video" in config["modalities"]
        self.optional = tuple(config.get("optional_modalities") or [])
        self.preparation = Preparation.from_config(config)

    def probabilities(self, windows: Sequence[Window]) -> np.ndarray:
        """float64 [batch, labels] of windows as `emozoo.media.cut_window` gives them. Raises EmozooError where the network
        answers with what is no number."""
        sound = np.stack([waveform for waveform, _ in windows])
        feed = {SOUND[0]: sound if sound.dtype == np.float32 else sound.astype(np.float32) / 32768}
        if self.video:
            frames = media.stack_frames([frames for _, frames in windows])
            feed[FRAMES[0]] = np.zeros((len(windows), *FRAMES[2]), np.uint8) if frames is None else frames
        logits = self._session.run(None, feed)[0].astype(np.float64)
        if not np.isfinite(logits).all():
            raise EmozooError(f"{ONNX} gives no numbers: it is damaged, so export it again")
        odds = np.exp(logits - logits.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    def predict(
        self,
        path: str | Path,
        *,
        timeline: bool = False,
        speaker: str | Path | Iterable[str | Path] | None = None,
    ) -> Prediction:
        """Emotion and probabilities of a media file, adapted to the `speaker` of whom other recordings are given (see
        `emozoo.adaptation.hear_speaker`). Raises EmozooError for a file that cannot be read."""
        from emozoo.adaptation import hear_speaker
        from emozoo.predict import predict_file

        lean = None if speaker is None else hear_speaker(self, speaker)
        return predict_file(self, path, timeline=timeline, lean=lean)


def load(reference: str | os.PathLike[str], device: str = "auto") -> OnnxModel:
    """Loads model.onnx of a checkpoint folder, or of `hub:user/name[@revision]`. The architecture need not be installed.

    Raises EmozooError, with the reason, for one that is missing, damaged, refused (see `graph_problem`), or exported from
    other weights than those beside it.
    """
    if device not in ("auto", "cpu"):
        raise EmozooError(f"--backend onnx runs on the CPU: leave --device {device} out, or --backend")
    folder, name = hub.resolve(reference, weights=False, extra=(ONNX,)), name_of(reference)
    config = read_config(folder, name)
    if not (folder / ONNX).is_file():
        way_out = f"emozoo export {name} makes it"
        if is_reference(reference) or bundled.folder_of(reference):
            way_out = f"emozoo export {name} --output FOLDER makes it, and --model FOLDER uses it"
        raise EmozooError(f"{name} has no {ONNX}: {way_out}")
    return read_model(folder / ONNX, config, f"{name}/{ONNX}", folder / WEIGHTS)


def read_model(path: Path, config: dict[str, Any], name: str, weights: Path) -> OnnxModel:
    """The model in a file, checked against the `config` of its checkpoint and, where they are there, its `weights`.

    `name` is what errors call it. Raises EmozooError with the reason.
    """
    try:
        import onnxruntime
        from google.protobuf.message import DecodeError
        from onnx import ModelProto
    except ImportError as error:
        raise EmozooError(f"{name} needs onnx and onnxruntime: pip install 'emozoo[onnx]'") from error
    labels = [config["id2label"][str(number)] for number in range(len(config["id2label"]))]
    video = "video" in config["modalities"]
    try:
        if path.stat().st_size > LARGEST:
            raise EmozooError(f"{name} is larger than 2 GiB, more than such a file can hold")
        data = path.read_bytes()
        model = ModelProto.FromString(data)
    except (OSError, DecodeError) as error:
        raise EmozooError(f"{name} is damaged: it is not a file of ONNX") from error
    if problem := graph_problem(model, len(labels), video):
        raise EmozooError(f"{name} is refused: {problem}")
    notes = {prop.key: prop.value for prop in model.metadata_props}
    if not notes.keys() >= {LABELS_KEY, ARCHITECTURE_KEY, WEIGHTS_KEY}:
        raise EmozooError(f"{name} was not written by emozoo: make it with emozoo export")
    if notes[LABELS_KEY] != json.dumps(labels) or notes[ARCHITECTURE_KEY] != config["architecture"]:
        raise EmozooError(f"{name} does not fit {CONFIG}: export it again with emozoo export")
    if weights.is_file() and notes[WEIGHTS_KEY] != digest(weights):
        raise EmozooError(f"{name} was exported from other weights than {WEIGHTS}: export it again with emozoo export")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # emozoo.predict answers a batch on each core
    options.log_severity_level = 4
    try:
        # From memory: what was checked is what runs, and a path to another file would lead nowhere.
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime has a dozen of its own, without a common one
        raise EmozooError(f"{name} is damaged: {' '.join(str(error).split())[:200]}") from error
    return OnnxModel(session, config)


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def graph_problem(model: ModelProto, labels: int, video: bool) -> str | None:
    """Why a graph is not run, as a sentence; None where it may be.

    A graph is data: it computes from its inputs and nothing else as long as its operators are ONNX's own, none holds a
    graph of its own (so nothing loops), and its numbers stand in the file itself.
    """
    from onnx import AttributeProto, TensorProto

    graph = model.graph
    tensors = list(graph.initializer)
    for node in graph.node:
        if node.domain not in DOMAINS:
            return f"its operator {ascii(node.op_type)[:60]} is not one of ONNX's own"
        for attribute in node.attribute:
            if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) or attribute.ref_attr_name:
                return f"its operator {ascii(node.op_type)[:60]} holds a graph of its own"
            tensors += [attribute.t, *attribute.tensors]
    if model.functions or graph.sparse_initializer or any(each.domain not in DOMAINS for each in model.opset_import):
        return "it holds functions, sparse tensors or operators that emozoo export does not write"
    if any(tensor.external_data or tensor.data_location == TensorProto.EXTERNAL for tensor in tensors):
        return "its weights are in another file"
    wanted = [SOUND, FRAMES] if video else [SOUND]
    if [_signature(value) for value in graph.input] != wanted:
        return f"its inputs are not {' and '.join(name for name, _, _ in wanted)}, as of a window of 3 s"
    if [_signature(value) for value in graph.output] != [("logits", "FLOAT", (labels,))]:
        return f"its output is not logits for {labels} labels"
    return None


def _signature(value: ValueInfoProto) -> tuple[str, str, tuple[int, ...]]:
    """Name, kind of number, and shape behind a first dimension that may have any size; (-1,) for any other shape."""
    from onnx import TensorProto

    kind = value.type.tensor_type
    dimensions = list(kind.shape.dim)
    free = bool(dimensions) and not dimensions[0].HasField("dim_value")
    shape = tuple(each.dim_value if each.HasField("dim_value") else -1 for each in dimensions[1:]) if free else (-1,)
    return value.name, TensorProto.DataType.Name(kind.elem_type), shape
