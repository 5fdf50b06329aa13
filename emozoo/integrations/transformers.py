"""emozoo's audio models in transformers. Importing this module registers them with the Auto classes.

    import emozoo.integrations.transformers
    from transformers import AutoModelForAudioClassification, pipeline

    model = AutoModelForAudioClassification.from_pretrained("runs/cnn_rnn-toy")
    classify = pipeline("audio-classification", model="runs/cnn_rnn-toy", top_k=None)

This reads a folder that `emozoo train` wrote, or a repository that `emozoo push` published. Neither brings code. The answers
are those of `emozoo predict`. The input may be a whole recording; the model cuts it into windows.

A pipeline that is given a file's name decodes it with the program ffmpeg, which may resample differently. `emozoo predict`
takes the waveform of `emozoo.media.read_audio(file)`.

Clips of different length in one batch get the same answers as alone, because the attention mask says where each ends.

What the outputs mean stands in `config.problem_type`. `single_label_classification`: logits of labels. `regression`: values
of dimensions, 0 to 1; of a model of words and dimensions, first the labels' probabilities, and such a model answers, also in
a pipeline, but is not fine-tuned here. `multi_label_classification`: a logit of each label alone.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import cached_file, logging

from emozoo.architecture import Architecture
from emozoo.checkpoint.ensemble import together
from emozoo.checkpoint.loading import config_of, load
from emozoo.checkpoint.partial import left_out
from emozoo.checkpoint.window import window_of
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, WEIGHTS
from emozoo.inference.batches import BATCH_WINDOWS
from emozoo.inference.voice import SHORTEST
from emozoo.media.window import SILENT, window_starts
from emozoo.media.window_shape import DEFAULT_WINDOW, SAMPLING_RATE, WindowShape
from emozoo.registry.loading import get_architecture
from emozoo.target import Outputs

log = logging.get_logger(__name__)

ABSENT = frozenset(
    (
        "optional_modalities",
        "calibration",
        "hop",
        "frames",
        "target",
        "dimensions",
        "scale",
        "multi",
        "source",
        "members",
    )
)
"""What a config.json leaves out where it is the default."""


class EmozooConfig(PreTrainedConfig):
    """config.json of a checkpoint; the fields are those of `CheckpointConfig.to_dict`."""

    model_type = "emozoo"

    architecture: str = ""
    architecture_config: dict | None = None
    plugin: dict | None = None
    modalities: list | None = None
    optional_modalities: list | None = None
    crop: str | None = None
    denoise: bool = False
    synthetic: bool = False
    calibration: dict | None = None
    sampling_rate: int = SAMPLING_RATE
    window: float = DEFAULT_WINDOW.seconds
    hop: float | None = None
    frames: list | None = None
    target: str | None = None
    dimensions: list | None = None
    scale: list | None = None
    multi: bool | None = None
    source: dict | None = None
    members: int | None = None

    def to_diff_dict(self) -> dict[str, Any]:
        """What save_pretrained writes. It includes the labels even if they are transformers' defaults, and leaves out
        what emozoo leaves out."""
        written = {**super().to_diff_dict(), "id2label": self.id2label, "label2id": self.label2id}
        return {name: value for name, value in written.items() if name not in ABSENT or value is not None}


class EmozooForAudioClassification(PreTrainedModel):
    """A network with transformers' conventions. It takes audio alone; a network with optional video gets none.

    Raises EmozooError for a model that needs video, one whose plugin is not installed, and a config or weights that
    do not fit.
    """

    config_class = EmozooConfig
    base_model_prefix = "network"  # the weights of a checkpoint are named without it
    main_input_name = "input_values"
    # transformers' only way to keep a module in float32: a tanh RNN collapses in half precision.
    _keep_in_fp32_modules_strict = ["network"]

    def __init__(self, config: EmozooConfig) -> None:
        super().__init__(config)
        # from_pretrained builds on the meta device, where a network's constants would have no values.
        with torch.device("cpu"), _float32():
            outputs = Outputs.read([config.id2label[number] for number in range(config.num_labels)], vars(config))
            self.network, self._window, self._takes_lengths = _build(config, outputs)
        self._outputs = outputs
        config.problem_type = _problem_type(self._outputs)
        self._constants = {
            name: buffer.clone() for name, buffer in self.named_buffers() if name not in self.state_dict()
        }
        self.post_init()

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str] | None, *args: Any, **kwargs: Any):  # type: ignore[no-untyped-def]
        """As in transformers, after emozoo's own checks: safetensors only, and weights that fit their config."""
        if pretrained_model_name_or_path is not None:
            model = load(_local_folder(pretrained_model_name_or_path, kwargs), "cpu")
            _refuse_video(model.architecture)
            if left_out(model.network):
                raise EmozooError(
                    f"{pretrained_model_name_or_path} leaves its pretrained encoder out, which transformers cannot fill "
                    "in: emozoo export --merge writes it whole"
                )
            if model.preparation.denoise:
                raise EmozooError(
                    "noise must be taken out of this model's audio, which transformers' audio classification does not "
                    "do: use emozoo predict, or emozoo.load(...).predict(file)"
                )
        kwargs["use_safetensors"] = True
        # As it would be in any case, see above; but transformers would make another type that of all threads meanwhile.
        kwargs.pop("torch_dtype", None)
        kwargs["dtype"] = torch.float32
        loaded = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        # Buffers outside of the checkpoint, such as the spectrogram's window, come out of transformers without values.
        for name, buffer in model.named_buffers():
            if name in model._constants:
                buffer.data = model._constants[name].to(buffer.device)
        return loaded

    def save_pretrained(self, save_directory: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """As in transformers. `emozoo.load` reads the folder too. The feature extractor saves preprocessor_config.json."""
        if kwargs.get("state_dict") is None:
            kwargs["state_dict"] = self.state_dict()
        prefix = f"{self.base_model_prefix}."
        kwargs["state_dict"] = {name.removeprefix(prefix): tensor for name, tensor in kwargs["state_dict"].items()}
        super().save_pretrained(save_directory, *args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """As in torch. Names may also be those of a checkpoint, as when transformers' Trainer loads its best weights."""
        known, prefix = self.state_dict().keys(), f"{self.base_model_prefix}."
        named = {name if name in known else prefix + name: tensor for name, tensor in state_dict.items()}
        return super().load_state_dict(named, *args, **kwargs)

    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        return_dict: bool | None = None,
        **_: Any,
    ) -> SequenceClassifierOutput | tuple[Tensor, ...]:
        """Sound float32 [batch, samples], 16 kHz, any length -> `logits` [batch, outputs]; with labels, `loss`.

        Each clip is cut into the windows of `emozoo predict`, as long as the model's. Its logits are the logarithms of the
        mean probabilities of the windows that are not silent, divided by the temperature where the model is calibrated; or
        what else `config.problem_type` says. The labels are int64 [batch] for one label a clip (cross-entropy), float32
        [batch, outputs] for several (binary cross-entropy) and for dimensions, 0 to 1 (mean squared error).
        In train mode the temperature is left out and the calibration is dropped, for it was fitted to other weights.
        `attention_mask` [batch, samples] is 0 where a clip is padded. For several clips without a mask, exact zeros at the
        end of a clip count as padding. Raises EmozooError for a silent clip, which has no answer, unless there are labels to
        learn; and for labels of a model of words and dimensions.
        """
        shape = self._window
        spans = _spans(input_values, attention_mask, shape)
        cuts = [_loud_starts(input_values[row], first, last, shape) for row, (first, last) in enumerate(spans)]
        if labels is None and not (self.training or torch.compiler.is_compiling()):
            _refuse_silence(cuts)
        cuts = [starts or [first] for starts, (first, _) in zip(cuts, spans, strict=True)]
        plan = [(row, start, spans[row][1]) for row, starts in enumerate(cuts) for start in starts]
        answers = [
            self.network(windows, **({"lengths": lengths} if self._takes_lengths else {})).float()
            for windows, lengths in _batches(input_values.float(), plan, shape)
        ]
        if not (self.training or torch.compiler.is_compiling() or all(answer.isfinite().all() for answer in answers)):
            why = "its weights are damaged" if input_values.isfinite().all() else "so are some of the sound"
            name = self.config.name_or_path or "the model"
            raise EmozooError(f"{name} answers with values that are no numbers: {why}")
        counts = [len(starts) for starts in cuts]
        if self.training and self.config.calibration:
            self.config.calibration = None
        temperature = self.config.calibration["temperature"] if self.config.calibration else 1.0
        logits = torch.stack(
            [_together(own, self._outputs, temperature, self.training) for own in torch.cat(answers).split(counts)]
        )
        loss = None if labels is None else _loss(logits, labels, self._outputs)
        if return_dict is False:
            return (logits,) if loss is None else (loss, logits)
        return SequenceClassifierOutput(loss=loss, logits=logits)


def _problem_type(outputs: Outputs) -> str:
    """As transformers names it. Its pipelines leave the numbers of a regression as they are."""
    if outputs.dimensions:
        return "regression"
    return "multi_label_classification" if outputs.multi else "single_label_classification"


def _together(windows: Tensor, outputs: Outputs, temperature: float, training: bool) -> Tensor:
    """The logits [outputs] of a clip, from the network's outputs for its windows [windows, outputs]."""
    words, values = windows[:, outputs.of_labels], windows[:, outputs.of_dimensions]
    if outputs.multi:
        return F.logsigmoid(words).logsumexp(0) - F.logsigmoid(-words).logsumexp(0)
    logs = (words.log_softmax(-1).logsumexp(0) - math.log(len(words))) / temperature
    if not outputs.dimensions:
        return logs
    limited = values if training or outputs.scale is None else values.clamp(0, 1)
    return torch.cat([logs.softmax(-1), limited.mean(0)])


def _loss(logits: Tensor, labels: Tensor, outputs: Outputs) -> Tensor:
    if outputs.labels and outputs.dimensions:
        raise EmozooError(
            "transformers' loss is of words or of dimensions, and this model answers with both: emozoo train --from "
            "trains it"
        )
    if outputs.dimensions:
        return F.mse_loss(logits, labels.to(logits))
    if outputs.multi:
        return F.binary_cross_entropy_with_logits(logits, labels.to(logits))
    return F.cross_entropy(logits, labels)


def _spans(input_values: Tensor, attention_mask: Tensor | None, shape: WindowShape) -> list[tuple[int, int]]:
    """The first sample of each clip, and the sample after its last."""
    batch, samples = input_values.shape
    if attention_mask is None and batch == 1:  # nothing to pad it for
        return [(0, samples)]
    inside = input_values != 0 if attention_mask is None else attention_mask != 0
    there, first = inside.any(1), inside.int().argmax(1)
    last = (samples - inside.int().flip(1).argmax(1)) * there
    if attention_mask is None:
        first = torch.zeros_like(first)
        if any(window_starts(length, shape) != window_starts(samples, shape) for length in last.tolist()):
            log.warning_once(
                "no attention_mask came with a batch of sounds: exact zeros at the end of one count as padding. Feature "
                "extractors give the mask with return_attention_mask=True"
            )
    return list(zip((first * there).tolist(), last.tolist(), strict=True))


def _loud_starts(sound: Tensor, first: int, last: int, shape: WindowShape) -> list[int]:
    """The first sample of each window that is not silent, of a clip between two samples; none for one that is too short."""
    starts = [first + start for start in window_starts(last - first, shape)]
    if torch.compiler.is_compiling():  # which windows there are must not depend on the sound
        return starts
    if last - first < SHORTEST * SAMPLING_RATE:
        return []
    return [start for start in starts if sound[start : min(start + shape.samples, last)].abs().max() > SILENT]


def _refuse_silence(cuts: Sequence[Sequence[int]]) -> None:
    silent = [row + 1 for row, starts in enumerate(cuts) if not starts]
    if silent:
        which = "the clip" if len(cuts) == 1 else f"clip {silent[0]} of the batch"
        raise EmozooError(
            f"{which} is silent, or shorter than {SHORTEST:g} s: there is no voice in it to answer for, so leave it out"
        )


def _batches(
    waveforms: Tensor, plan: list[tuple[int, int, int]], shape: WindowShape
) -> Iterator[tuple[Tensor, Tensor]]:
    """The planned windows, float32 [windows, samples], a few at a time, padded with silence after a clip's end; and the
    samples of each before that, int64 [windows]. The plan has the row and the first sample of each window, and where its
    clip ends."""
    for first in range(0, len(plan), BATCH_WINDOWS):
        windows = []
        for row, start, last in plan[first : first + BATCH_WINDOWS]:
            piece = waveforms[row, start : min(start + shape.samples, last)]
            windows.append(F.pad(piece, (0, shape.samples - len(piece))))
        lengths = [min(shape.samples, last - start) for _, start, last in plan[first : first + BATCH_WINDOWS]]
        yield torch.stack(windows), torch.tensor(lengths, device=waveforms.device).clamp(min=1)


def _local_folder(name: str | os.PathLike[str], asked: dict[str, Any]) -> Path:
    """The folder of a checkpoint; of a repository on the Hub, that in transformers' cache with its config and weights."""
    if os.path.isdir(name):
        return Path(name, asked.get("subfolder") or "")
    # transformers hands its own `_commit_hash` on, without which weights and config could be of two commits.
    known = ("cache_dir", "force_download", "local_files_only", "revision", "subfolder", "token", "_commit_hash")
    options = {key: asked[key] for key in known if asked.get(key) is not None}
    return [Path(cached_file(name, file, **options)).parent for file in (WEIGHTS, CONFIG)][-1]


@contextmanager
def _float32() -> Iterator[None]:
    """Makes float32 torch's default type. The default is one for all threads, so it is changed only if it differs."""
    default = torch.get_default_dtype()
    if default == torch.float32:
        yield
        return
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(default)


def _refuse_video(architecture: Architecture) -> None:
    if architecture.video and "video" not in architecture.optional_modalities:
        raise EmozooError(
            f"{architecture.name} needs sound and video, and transformers' audio classification has sound only: "
            "use emozoo predict, or emozoo.load(...).predict(file)"
        )


def _build(config: EmozooConfig, outputs: Outputs) -> tuple[nn.Module, WindowShape, bool]:
    """The network that a config describes, with fresh weights; its windows, and whether it takes their lengths."""
    architecture = get_architecture(config.architecture)
    _refuse_video(architecture)
    settings = config_of(architecture, config.architecture_config or {}, config.name_or_path or "the model's config")
    try:
        network = together(architecture, config.members or 1, outputs).build(settings, config.num_labels)
    except (TypeError, ValueError) as error:
        raise EmozooError(f"{architecture.name} cannot be built with this config: {error}") from error
    return network, window_of(architecture, settings), architecture.lengths


def _with_masks(load: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps transformers' loading of feature extractors, so that all checkpoints of emozoo get an attention mask.

    The preprocessor_config.json of older checkpoints asks for none, and only a class of transformers reads that file.
    Without a mask, padding could not be told from a clip's own silence.
    """

    @functools.wraps(load)
    def from_pretrained(name: str | os.PathLike[str], **asked: Any) -> Any:
        extractor = load(name, **asked)
        without = "return_attention_mask" not in asked and getattr(extractor, "return_attention_mask", None) is False
        if without and not getattr(extractor, "do_normalize", True) and _is_emozoo(name, asked):
            extractor.return_attention_mask = True
        return extractor

    return from_pretrained


def _is_emozoo(name: str | os.PathLike[str], asked: dict[str, Any]) -> bool:
    try:
        return PreTrainedConfig.get_config_dict(name, **asked)[0].get("model_type") == EmozooConfig.model_type
    except (OSError, ValueError):
        return False


AutoConfig.register(EmozooConfig.model_type, EmozooConfig, exist_ok=True)
AutoModelForAudioClassification.register(EmozooConfig, EmozooForAudioClassification, exist_ok=True)
if not hasattr(AutoFeatureExtractor.from_pretrained, "__wrapped__"):
    AutoFeatureExtractor.from_pretrained = staticmethod(_with_masks(AutoFeatureExtractor.from_pretrained))
