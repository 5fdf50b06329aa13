"""`EmotionModel`: a network with its labels, saved to and loaded from a checkpoint folder.

A checkpoint is config.json, model.safetensors and preprocessor_config.json; nothing in it is ever unpickled or run. What
it says is read and checked by `emozoo.checkpoint.config_file`. `emozoo.inference.files` reads media files, and
`emozoo.training.train` trains.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from emozoo.architecture import Architecture
from emozoo.checkpoint.config import CheckpointConfig, ForeignSource, Origin
from emozoo.checkpoint.device import computes_bf16
from emozoo.checkpoint.embedding import features_of
from emozoo.checkpoint.ensemble import members_of
from emozoo.checkpoint.partial import left_out
from emozoo.checkpoint.preprocessor import PreprocessorConfig
from emozoo.checkpoint.provenance import Provenance
from emozoo.checkpoint.window import window_of
from emozoo.errors import EmozooError
from emozoo.features.batches import to_batch
from emozoo.filenames import CONFIG, PROVENANCE, WEIGHTS
from emozoo.inference.calibration import Calibration
from emozoo.inference.files import PredictsFiles
from emozoo.inference.model import Window
from emozoo.inference.probabilities import read_outputs, to_embeddings
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.paths import atomic, user_path, write_text
from emozoo.registry.entry_points import ARCHITECTURES, find
from emozoo.target import Outputs

PRECISIONS = ("fp32", "bf16")


class EmotionModel(PredictsFiles, nn.Module):
    """An architecture's network and what its outputs mean.

    `model(input_values, pixel_values, lengths)` gives outputs float32 [batch, outputs], as `emozoo.target.Outputs` reads
    them, for waveforms float32 [batch, samples] and, where `model.video`, frames uint8 [batch, count, height, width, 3], of
    the size of `model.window`; `lengths` int64 [batch] are the samples before padding, None: all.
    `model.predict(path)` answers for a file of any length.
    """

    def __init__(
        self,
        architecture: Architecture,
        config: Any,
        outputs: Outputs | Sequence[str],
        origin: Origin | None = None,
        preparation: Preparation = PLAIN,
        provenance: Provenance | None = None,
        calibration: Calibration | None = None,
        synthetic: bool = False,
        source: ForeignSource | None = None,
    ):
        """Builds the network with fresh weights; `outputs` may be the labels alone. `provenance` is what the weights are,
        or will be, trained on, `synthetic` whether that is computed voices only, `source` the checkpoint of another library
        that they come from. Raises EmozooError where the config's values do not fit together."""
        super().__init__()
        self.architecture = architecture
        self.config = config
        self.outputs = outputs if isinstance(outputs, Outputs) else Outputs.of(outputs)
        if origin is None:
            plugin = find(ARCHITECTURES, architecture.name)
            origin = Origin(plugin.distribution, plugin.version)
        self.origin = origin
        self.preparation = preparation
        self.provenance = provenance
        self.calibration = calibration
        self.synthetic = synthetic
        self.source = source
        self.window = window_of(architecture, config)
        self.name = architecture.name  # what errors call the model
        self._half = False
        try:
            self.network = architecture.build(config, len(self.outputs.names))
        except (ValueError, TypeError, RuntimeError) as error:
            raise EmozooError(f"{architecture.name} cannot be built with this config: {error}") from error

    @property
    def labels(self) -> tuple[str, ...]:
        """The words among its outputs."""
        return self.outputs.labels

    @property
    def target(self) -> str:
        return self.outputs.target

    @property
    def video(self) -> bool:
        return self.architecture.video

    @property
    def optional(self) -> tuple[str, ...]:
        """Of `audio` and `video`, what a clip may lack."""
        return tuple(self.architecture.optional_modalities)

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    @property
    def on_cpu(self) -> bool:
        return self.device.type == "cpu"

    def compute_in(self, precision: str) -> EmotionModel:
        """Answers from now on in `fp32`, or in `bf16`: layers that bear it then multiply in bfloat16, which is faster and
        less exact. Raises EmozooError for a device that does not compute in it."""
        if precision not in PRECISIONS:
            raise EmozooError(f"a model computes in {' or '.join(PRECISIONS)}, not in {precision!r}")
        if precision == "bf16" and not computes_bf16(self.device):
            raise EmozooError(
                f"{self.device} does not compute in bf16 (a CPU needs AVX-512 BF16): leave --precision out, or --device"
            )
        self._half = precision == "bf16"
        return self

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Without gradients, and in the precision of `compute_in`, for this thread. Raises EmozooError in train mode, where
        answers are random and change the network, and for weights of another type than float32."""
        if self.training:
            raise EmozooError("this model is in train mode, where it answers at random: call model.eval() first")
        if (kind := next(self.network.parameters()).dtype) != torch.float32:
            raise EmozooError(
                f"this model's weights are {kind}, and it computes with torch.float32: call model.float(); "
                "emozoo.load(..., precision='bf16') is the faster way where the device has it"
            )
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16) if self._half else nullcontext():
            yield

    def forward(
        self, input_values: Tensor, pixel_values: Tensor | None = None, lengths: Tensor | None = None
    ) -> Tensor:
        sound, frames, known = self._taken((input_values, pixel_values, lengths))
        given = (sound, frames) if self.video else (sound,)
        return self.network(*given, **({"lengths": known} if self.architecture.lengths else {}))

    def _taken(self, batch: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
        """Of sound, frames and lengths, what the network takes; None for the others."""
        sound, frames, lengths = batch
        return sound, frames if self.video else None, lengths if self.architecture.lengths else None

    def probabilities(self, windows: Sequence[Window]) -> np.ndarray:
        """float64 [batch, outputs] of windows as `emozoo.media.window.cut_window` gives them: probabilities of the labels,
        then values of the dimensions, 0 to 1."""
        return self.answer(*to_batch(windows, self.device, self.window))

    def answer(
        self, input_values: Tensor, pixel_values: Tensor | None = None, lengths: Tensor | None = None
    ) -> np.ndarray:
        """As `probabilities`, of what `forward` takes. Raises EmozooError for a network that answers with values that are no
        numbers."""
        with self.inference():
            outputs = self(input_values, pixel_values, lengths)
        return self.read(outputs, input_values)

    def read(self, outputs: Tensor, given: Tensor) -> np.ndarray:
        """What the network's outputs for `given` mean: as `answer`."""
        finite = lambda: bool(given.isfinite().all())  # noqa: E731
        return read_outputs(outputs.cpu().double().numpy(), self.outputs, len(given), finite, self.name)

    def embeddings(self, windows: Sequence[Window]) -> np.ndarray:
        """float32 [batch, features] of windows as `probabilities` takes them: what the network makes of each before it
        decides (see `emozoo.checkpoint.embedding`). Raises EmozooError for a network without features, and for values that
        are no numbers."""
        batch = to_batch(windows, self.device, self.window)
        with self.inference():
            features = features_of(self.network, self._taken(batch), self.name).cpu().numpy()
        return to_embeddings(features, len(windows), lambda: bool(batch.input_values.isfinite().all()), self.name)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the checkpoint into `folder`, each file atomically. config.json goes first where it would change and is
        written last: a crash in between leaves a folder that does not load, never a wrong pair of config and weights."""
        target = user_path(folder)
        config = self.to_config().to_json()
        if (target / CONFIG).is_file() and (target / CONFIG).read_text(encoding="utf-8") != config:
            (target / CONFIG).unlink()
        left = left_out(self.network)
        # Copies, for safetensors does not take tensors that share memory, as tied weights do.
        weights = {
            name: tensor.detach().cpu().contiguous().clone()
            for name, tensor in self.network.state_dict().items()
            if name not in left
        }
        with atomic(target / WEIGHTS) as temporary:
            save_file(weights, temporary, metadata={"format": "pt"})
        PreprocessorConfig().write(target)
        if self.provenance:
            self.provenance.write(target)
        else:  # what stands there is of other weights
            (target / PROVENANCE).unlink(missing_ok=True)
        write_text(target / CONFIG, config)

    def to_config(self) -> CheckpointConfig:
        return CheckpointConfig(
            architecture=self.architecture.name,
            architecture_config=dataclasses.asdict(self.config),
            plugin=self.origin,
            modalities=tuple(self.architecture.modalities),
            outputs=self.outputs,
            optional_modalities=self.optional,
            preparation=self.preparation,
            calibration=self.calibration,
            synthetic=self.synthetic,
            window=self.window,
            source=self.source,
            members=members_of(self.network),
        )
