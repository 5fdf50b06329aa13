"""`ForeignOnnx`: an ONNX file that another library wrote, checked as emozoo's own and run by onnxruntime.

A reader says which file it is, and which of its inputs and outputs are what (`emozoo.reader.OnnxGraph`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.checkpoint.config import ForeignSource
from emozoo.checkpoint.onnx_graph import MOST_FEATURES, content_problem
from emozoo.checkpoint.onnx_model import trial_window
from emozoo.checkpoint.onnx_session import OnnxSession, read_graph, require_onnx
from emozoo.checkpoint.provenance import Provenance, unrecorded
from emozoo.errors import EmozooError
from emozoo.inference.files import PredictsFiles
from emozoo.inference.model import Window
from emozoo.inference.probabilities import to_embeddings, to_probabilities, to_values
from emozoo.media.preparation import PLAIN
from emozoo.media.window import stack_sound
from emozoo.media.window_shape import LEAST_SECONDS, MOST_SECONDS, SAMPLING_RATE, WindowShape
from emozoo.reader import OnnxGraph
from emozoo.target import DIMENSIONS, Outputs
from emozoo.text import listed, shown

if TYPE_CHECKING:
    import torch
    from onnx import GraphProto, ModelProto, ValueInfoProto

Shape = tuple[int | None, ...]
"""Of an input or output; None: any size."""
LOGITS, MASK = "logits", "attention_mask"
"""What most libraries call the output, and the input that tells sound, 1, from padding, 0."""
UNCHANGED = ("Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten")
"""Operators behind which the numbers are the same."""
SUM_TOLERANCE = 1e-3
"""How far probabilities may be from adding up to 1."""
QUIET = 1e-7
"""What is added to the variance of sound before it is divided by, as in transformers' feature extractors."""


class ForeignOnnx(PredictsFiles):
    """The network of an ONNX file, and the names of its outputs in order; answers as an `EmotionModel` does.

    Each window is given to it as long as it is, so that padding cannot change an answer, unless the graph takes a fixed
    number of samples: then silence follows.
    """

    video = False
    optional = ()
    preparation = PLAIN
    calibration = None
    synthetic = False
    on_cpu = True

    def __init__(self, session: OnnxSession, ports: Ports, outputs: Outputs, name: str) -> None:
        """`session` runs a graph that was checked, whose inputs and outputs are `ports`; errors call the model `name`."""
        self._session = session
        self._ports = ports
        self._name = name
        self.outputs = outputs
        self.labels = outputs.labels
        self.target = outputs.target
        self.window = ports.window
        self.source: ForeignSource | None = None

    def probabilities(self, windows: Sequence[Window]) -> np.ndarray:
        """float64 [batch, outputs] of windows; for dimensions their values. Raises EmozooError where the graph cannot be
        run, or answers with what is no number."""
        return self._answer(windows)

    def embeddings(self, windows: Sequence[Window]) -> np.ndarray:
        """float32 [batch, features] of windows. Raises EmozooError where the file has none."""
        if self._ports.embedding is None:
            raise EmozooError(f"{self._name} gives no embeddings: its graph has no such output")
        features = self._run(self._ports.embedding, windows)
        return to_embeddings(features, len(windows), lambda: _are_finite(windows), self._name)

    def answer(
        self, input_values: torch.Tensor, pixel_values: torch.Tensor | None = None, lengths: torch.Tensor | None = None
    ) -> np.ndarray:
        """As `EmotionModel.answer`: `probabilities` of a batch float32 [batch, samples] with `lengths` int64 [batch]."""
        sounds = input_values.cpu().numpy()
        counts = [sounds.shape[1]] * len(sounds) if lengths is None else lengths.tolist()
        return self.probabilities([(sound[:count], None) for sound, count in zip(sounds, counts, strict=True)])

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        import torch

        return torch.device("cpu")

    @property
    def provenance(self) -> Provenance | None:
        """What it was trained on: not recorded, as for any checkpoint of another library."""
        return None if self.source is None else unrecorded(self.source.reference)

    @property
    def has_embeddings(self) -> bool:
        """Whether the file gives them."""
        return self._ports.embedding is not None

    def try_out(self) -> None:
        """Answers one window. Raises EmozooError for a graph that takes too long or answers with what is no answer."""
        with self._session.limited() as options:
            self._answer([trial_window(self.window, False)], options)

    def _answer(self, windows: Sequence[Window], options: Any = None) -> np.ndarray:
        outputs = self._run(self._ports.output, windows, options)
        shape = (len(windows), len(self.outputs.names))
        if self._ports.softmax:
            return to_probabilities(outputs, shape, lambda: _are_finite(windows), self._name)
        values = to_values(outputs, shape, lambda: _are_finite(windows), self._name)
        if self.target == DIMENSIONS:
            return values
        if (values < 0).any() or (abs(values.sum(1) - 1) > SUM_TOLERANCE).any():
            raise EmozooError(
                f"{self._name} answers with numbers that are no probabilities, for they do not add up to 1"
            )
        return values / values.sum(1, keepdims=True)

    def _run(self, output: str, windows: Sequence[Window], options: Any = None) -> np.ndarray:
        """An output [batch, numbers] for windows, in their order."""
        found: list[Any] = [None] * len(windows)
        for rows in self._groups([len(sound) for sound, _ in windows]):
            answers = self._session.run(output, self._feed([windows[row][0] for row in rows]), options)
            if answers.ndim != 2 or len(answers) != len(rows):
                raise EmozooError(
                    f"{self._name} answers {len(rows)} windows with numbers of shape {list(answers.shape)}: it is damaged"
                )
            for row, answer in zip(rows, answers, strict=True):
                found[row] = answer
        return np.stack(found)

    def _feed(self, sounds: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """The graph's inputs for sounds of one length, int16 or float32 [samples]."""
        given = np.stack(sounds)
        given = given if given.dtype == np.float32 else given.astype(np.float32) / 32768
        if self._ports.normalize:
            given = (given - given.mean(1, keepdims=True)) / np.sqrt(given.var(1, keepdims=True) + QUIET)
        mask = np.ones(given.shape, np.int64)
        if self._ports.fixed:
            given, mask = (stack_sound(list(rows), self.window)[0] for rows in (given, mask))
        return {self._ports.sound: given} | ({MASK: mask} if self._ports.mask else {})

    def _groups(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """The windows, by position, that can be answered together: those of one length."""
        if not self._ports.batches:
            yield from ([row] for row in range(len(lengths)))
            return
        by_length: dict[int, list[int]] = {}
        for row, length in enumerate(lengths):
            by_length.setdefault(length, []).append(row)
        yield from by_length.values()


@dataclass(frozen=True)
class Ports:
    """The inputs and outputs of a graph, and how they are used."""

    sound: str
    output: str
    embedding: str | None
    window: WindowShape
    fixed: bool
    """Whether it takes a fixed number of samples, those of `window`."""
    batches: bool
    """Whether it takes several windows at a time."""
    mask: bool
    """Whether it asks for `MASK`."""
    normalize: bool
    softmax: bool


def load_foreign_onnx(folder: Path, graph: OnnxGraph, outputs: Outputs, name: str) -> ForeignOnnx:
    """The model in a folder's ONNX file, checked before it is run.

    `name` is what errors call the folder. Raises EmozooError, with the reason, for a file that is missing, damaged or
    refused (`content_problem`), and for one whose inputs and outputs are not those of a network for sound.
    """
    where = f"{name}/{graph.file}"
    require_onnx(where)
    data, model = read_graph(folder / graph.file, where)
    if problem := content_problem(model):
        raise EmozooError(f"{where} is refused: {problem}")
    ports = _ports(model, graph, len(outputs.names), outputs.target, where)
    loaded = ForeignOnnx(OnnxSession(data, where), ports, outputs, where)
    loaded.try_out()
    return loaded


def _ports(model: ModelProto, graph: OnnxGraph, labels: int, target: str, where: str) -> Ports:
    """Finds the inputs and outputs. Raises EmozooError, about the file `where`."""
    held = {tensor.name for tensor in model.graph.initializer}  # older files list weights as inputs, too
    inputs = [value for value in model.graph.input if value.name not in held]
    shapes, masks, outputs = _shapes(inputs), _shapes(inputs, "INT64"), _shapes(model.graph.output)
    sound = _only(graph.sound, {name: shape for name, shape in shapes.items() if name != MASK}, "input", where)
    if MASK in masks and masks[MASK] != shapes[sound]:
        raise EmozooError(f"{where} is refused: its {MASK} is no int64 [batch, samples] as its sound is")
    if others := [shown(name) for name in shapes if name not in (sound, MASK)]:
        raise EmozooError(f"{where} is refused: beside sound it takes {listed(others)}, which emozoo does not give")
    output = _only(graph.output or (LOGITS if LOGITS in outputs else None), outputs, "output", where)
    shape = shapes[sound]
    if shape is None or len(shape) != 2 or shape[0] not in (1, None):
        raise EmozooError(
            f"{where} is refused: its input {shown(sound)} does not take sound as float32 [batch, samples]"
        )
    found = outputs[output]
    if found is None or len(found) != 2 or found[1] not in (labels, None):
        numbers = "no [batch, numbers]" if found is None or len(found) != 2 else f"{found[1]} numbers"
        raise EmozooError(f"{where} does not fit its {labels} labels: its output {shown(output)} gives {numbers}")
    return Ports(
        sound=sound,
        output=output,
        embedding=graph.embedding if _is_embedding(outputs.get(graph.embedding or "")) else None,
        window=_window(shape[1], graph, where),
        fixed=shape[1] is not None,
        batches=shape[0] is None,
        mask=MASK in masks,
        normalize=graph.normalize,
        softmax=target != DIMENSIONS and _asks_for_softmax(model.graph, graph.softmax, output, where),
    )


def _shapes(values: Sequence[ValueInfoProto], wanted: str = "FLOAT") -> dict[str, Shape | None]:
    """Each one's shape by name; None for what holds other numbers than those wanted."""
    from onnx import TensorProto

    found: dict[str, Shape | None] = {}
    for value in values:
        kind = value.type.tensor_type
        sizes = tuple(each.dim_value if each.HasField("dim_value") else None for each in kind.shape.dim)
        found[value.name] = sizes if kind.elem_type == TensorProto.DataType.Value(wanted) else None
    return found


def _only(wanted: str | None, there: dict[str, Shape | None], what: str, where: str) -> str:
    """The name of an input or output that is wanted or, else, the only one."""
    if wanted in there:
        return str(wanted)
    names = listed([shown(name) for name in there]) or "none"
    if wanted is not None:
        raise EmozooError(f"{where} is refused: it has no {what} {shown(wanted)}, but {names}")
    if len(there) != 1:
        raise EmozooError(f"{where} is refused: which of its {what}s is meant is not known: {names}")
    return next(iter(there))


def _is_embedding(shape: Shape | None) -> bool:
    return shape is not None and len(shape) == 2 and (shape[1] is None or 1 <= shape[1] <= MOST_FEATURES)


def _window(samples: int | None, graph: OnnxGraph, where: str) -> WindowShape:
    if samples is None:
        return WindowShape(graph.window, min(graph.hop, graph.window))
    seconds = samples / SAMPLING_RATE
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise EmozooError(
            f"{where} is refused: it takes {samples:,} samples at once, which is not a window of {LEAST_SECONDS:g} to "
            f"{MOST_SECONDS:g} s of {SAMPLING_RATE:,} Hz"
        )
    return WindowShape(seconds, min(graph.hop, seconds))


def _asks_for_softmax(graph: GraphProto, wanted: bool | None, output: str, where: str) -> bool:
    """Whether outputs are still to become probabilities. Raises EmozooError for a graph that judges each label by itself."""
    if wanted is not None:
        return wanted
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(output)
    while node is not None and node.op_type in UNCHANGED and node.input:
        node = makers.get(node.input[0])
    if node is not None and node.op_type == "Sigmoid":
        raise EmozooError(
            f"{where} is refused: it ends in a sigmoid, so it judges each label by itself, and its answers are no "
            "probabilities of one emotion among them"
        )
    return node is None or node.op_type != "Softmax"


def _are_finite(windows: Sequence[Window]) -> bool:
    return all(bool(np.isfinite(sound).all()) for sound, _ in windows)
