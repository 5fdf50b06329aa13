"""A checkpoint's model.onnx, checked and run by onnxruntime: the answers of `EmotionModel` without importing torch.

`emozoo.checkpoint.export` writes the file. It may come from anyone, so it is checked and bounded before it is run.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.checkpoint.config import CheckpointConfig
from emozoo.checkpoint.config_file import read_config
from emozoo.checkpoint.locate import resolve
from emozoo.checkpoint.named import folder_of, leads_to
from emozoo.checkpoint.onnx_graph import EMBEDDINGS, FRAMES, LOGITS, SOUND, graph_problem, takes_one
from emozoo.checkpoint.onnx_session import OnnxSession, read_graph, require_onnx
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, ONNX, WEIGHTS
from emozoo.hub.reference import is_reference, name_of
from emozoo.inference.files import PredictsFiles
from emozoo.inference.model import Window
from emozoo.inference.probabilities import read_outputs, to_embeddings
from emozoo.media.window import stack_frames, stack_sound
from emozoo.media.window_shape import SAMPLING_RATE, WindowShape
from emozoo.paths import digest
from emozoo.target import Outputs

if TYPE_CHECKING:
    from onnx import ModelProto


LEAST_SAMPLES = SAMPLING_RATE // 10
"""Of a clip that is fed alone: silence makes up for less, in which there is no voice."""
Feed = dict[str, np.ndarray]
"""A graph's inputs, by name."""

# What `emozoo export` notes in the file.
VERSION_KEY = "emozoo.version"
ARCHITECTURE_KEY = "emozoo.architecture"
LABELS_KEY = "emozoo.labels"
"""A JSON list."""
WEIGHTS_KEY = "emozoo.weights"
"""The SHA-256 of model.safetensors."""
ANSWER_KEY = "emozoo.answer"
"""A JSON list: the logarithms of the network's own probabilities for `trial_window`, or its values of dimensions; for a
graph in 8 bits, its own."""
PRECISION_KEY = "emozoo.precision"
"""`INT8` for a graph in 8 bits; others lack it."""
INT8 = "int8"


class OnnxModel(PredictsFiles):
    """The network of a model.onnx and the labels of its outputs, in order; answers as an `EmotionModel` does."""

    on_cpu = True

    def __init__(self, data: bytes, config: CheckpointConfig, name: str) -> None:
        """`data` is the file, which was checked; errors call the model `name`."""
        self._session = OnnxSession(data, name)
        self._name = name
        self.outputs = config.outputs
        self.labels = config.labels
        self.video = config.video
        self.optional = config.optional_modalities
        self.preparation = config.preparation
        self.calibration = config.calibration
        self.synthetic = config.synthetic
        self.window = config.window
        self.target = config.target

    def probabilities(self, windows: Sequence[Window]) -> np.ndarray:
        """float64 [batch, outputs] of windows as `emozoo.media.window.cut_window` gives them. Raises EmozooError where it
        cannot be run, or answers with what is no number."""
        return self._answer(self.feeds(windows))

    def embeddings(self, windows: Sequence[Window]) -> np.ndarray:
        """float32 [batch, features], as of `EmotionModel`. Raises EmozooError where the file has none."""
        if not self.has_embeddings:
            raise EmozooError(
                f"{self._name} gives no embeddings: emozoo export, run again, adds those that the network has"
            )
        feeds = self.feeds(windows)
        features = self._run(EMBEDDINGS, feeds)
        return to_embeddings(features, len(windows), lambda: _is_finite(feeds), self._name)

    @property
    def has_embeddings(self) -> bool:
        """Whether the file gives them: an older one does not."""
        return EMBEDDINGS in self._session.outputs

    def feeds(self, windows: Sequence[Window]) -> list[Feed]:
        """Windows as the graph's inputs: all in one batch or, where it takes one clip at a time, each for itself, without
        the silence behind its end."""
        if not takes_one(self._session.first_shape):
            return [self._feed(windows)] if windows else []
        feeds = [self._feed([window]) for window in windows]
        for feed, (sound, _) in zip(feeds, windows, strict=True):
            feed[SOUND] = feed[SOUND][:, : max(len(sound), LEAST_SAMPLES)]
        return feeds

    def _feed(self, windows: Sequence[Window]) -> Feed:
        sound, _ = stack_sound([waveform for waveform, _ in windows], self.window)
        feed = {SOUND: sound if sound.dtype == np.float32 else sound.astype(np.float32) / 32768}
        if self.video:
            frames = stack_frames([frames for _, frames in windows], self.window)
            feed[FRAMES] = np.zeros((len(windows), *self.window.frames, 3), np.uint8) if frames is None else frames
        return feed

    def _answer(self, feeds: Sequence[Feed], options: Any = None) -> np.ndarray:
        outputs = self._run(LOGITS, feeds, options)
        windows = sum(len(feed[SOUND]) for feed in feeds)
        return read_outputs(outputs, self.outputs, windows, lambda: _is_finite(feeds), self._name)

    def _run(self, output: str, feeds: Sequence[Feed], options: Any = None) -> np.ndarray:
        return np.concatenate([self._session.run(output, feed, options) for feed in feeds])

    def try_out(self, wanted: Sequence[float], rounded: bool) -> None:
        """Answers one window, and compares with what was answered when the graph was written: less exactly where its numbers
        are `rounded` to 8 bits. Raises EmozooError for another answer, and for a graph that takes too long."""
        with self._session.limited() as options:
            found = self._answer(self.feeds([trial_window(self.window, self.video)]), options)[0]
        if not agree(as_noted(found, self.outputs), wanted, rounded):
            raise EmozooError(
                f"{self._name} is refused: it does not answer as the network that it was made from; export it again with "
                "emozoo export"
            )


def load(reference: str | os.PathLike[str], device: str = "auto") -> OnnxModel:
    """Loads model.onnx of a checkpoint folder, or of `hub:user/name[@revision]`. The architecture need not be installed.

    Raises EmozooError, with the reason, for one that is missing, damaged, refused (see `graph_problem`), or exported from
    other weights than those beside it.
    """
    if device not in ("auto", "cpu"):
        raise EmozooError(f"--backend onnx runs on the CPU: leave --device {device} out, or --backend")
    folder = resolve(reference, weights=False, extra=(ONNX,))
    name = name_of(reference)
    config = read_config(folder, name)
    if not (folder / ONNX).is_file():
        way_out = f"emozoo export {name} makes it"
        if is_reference(leads_to(reference)) or folder_of(reference):
            way_out = f"emozoo export {name} --output FOLDER makes it, and --model FOLDER uses it"
        raise EmozooError(f"{name} has no {ONNX}: {way_out}")
    return read_model(folder / ONNX, config, f"{name}/{ONNX}", folder / WEIGHTS)


def read_model(path: Path, config: CheckpointConfig, name: str, weights: Path) -> OnnxModel:
    """The model in a file, checked against the `config` of its checkpoint and, where they are there, its `weights`.

    `name` is what errors call it. Raises EmozooError with the reason.
    """
    require_onnx(name)
    data, model = read_graph(path, name)
    if problem := graph_problem(model, len(config.outputs.names), config.window, config.video):
        raise EmozooError(f"{name} is refused: {problem}")
    wanted = _noted_answer(model, config, name, weights)
    rounded = any(prop.key == PRECISION_KEY and prop.value == INT8 for prop in model.metadata_props)
    loaded = OnnxModel(data, config, name)
    loaded.try_out(wanted, rounded)
    return loaded


def _noted_answer(model: ModelProto, config: CheckpointConfig, name: str, weights: Path) -> list[float]:
    """What the file says that its network answers. Raises EmozooError where it was not made from these weights."""
    notes = {prop.key: prop.value for prop in model.metadata_props}
    if not notes.keys() >= {LABELS_KEY, ARCHITECTURE_KEY, WEIGHTS_KEY}:
        raise EmozooError(f"{name} was not written by emozoo: make it with emozoo export")
    if notes[LABELS_KEY] != json.dumps(config.outputs.names) or notes[ARCHITECTURE_KEY] != config.architecture:
        raise EmozooError(f"{name} does not fit {CONFIG}: export it again with emozoo export")
    if weights.is_file() and notes[WEIGHTS_KEY] != digest(weights):
        raise EmozooError(f"{name} was exported from other weights than {WEIGHTS}: export it again with emozoo export")
    try:
        answer = [float(share) for share in json.loads(notes.get(ANSWER_KEY, "null"))]
    except (ValueError, TypeError, RecursionError, OverflowError):
        answer = []
    if len(answer) != len(config.outputs.names):
        raise EmozooError(f"{name} does not note how its network answers: export it again with emozoo export")
    return answer


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Of probabilities, among which small ones differ as well."""
    return np.log(np.maximum(probabilities, 1e-300))


def as_noted(answer: np.ndarray, outputs: Outputs) -> np.ndarray:
    """An answer as it is noted in the file, and compared: logarithms of probabilities, then values of dimensions."""
    return np.concatenate([logarithms(answer[outputs.of_labels]), answer[outputs.of_dimensions]])


def agree(one: np.ndarray | Sequence[float], other: np.ndarray | Sequence[float], rounded: bool = False) -> bool:
    """Whether logarithms of probabilities differ by no more than two machines' rounding, which is coarser where numbers are
    `rounded` to 8 bits."""
    rtol, atol = (0.02, 0.2) if rounded else (0.002, 0.02)
    return bool(np.allclose(one, other, rtol=rtol, atol=atol))


def trial_window(window: WindowShape, video: bool) -> Window:
    """The `window` that a graph is tried out with: something like a voice, and noise for frames; the same
    on every machine."""
    seconds = np.arange(window.samples) / SAMPLING_RATE
    voice = sum(np.sin(2 * np.pi * 130 * part * seconds) / part for part in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 1.7 * seconds), 0, 1)
    sound = (0.1 * voice * syllables + 0.01 * (_noise(window.samples) / 2**31 - 1)).astype(np.float32)
    if not video:
        return sound, None
    size = (*window.frames, 3)
    return sound, (_noise(math.prod(size)) >> np.uint32(24)).astype(np.uint8).reshape(size)


def _noise(count: int) -> np.ndarray:
    """uint32 [count] without a pattern, by Wang's hash."""
    numbers = np.arange(count, dtype=np.uint32)
    numbers = (numbers ^ np.uint32(61)) ^ (numbers >> np.uint32(16))
    numbers *= np.uint32(9)
    numbers ^= numbers >> np.uint32(4)
    numbers *= np.uint32(0x27D4EB2D)
    return numbers ^ (numbers >> np.uint32(15))


def _is_finite(feeds: Sequence[Feed]) -> bool:
    return all(bool(np.isfinite(feed[SOUND]).all()) for feed in feeds)
