"""The frozen first part of a network is computed once for each window, and its features are kept for all epochs and folds.

A network whose first part does not learn, such as a pretrained encoder, may offer two methods instead of being asked for the
same again in each epoch: `frozen_features`, with the arguments of `forward`, gives a tensor [batch, ...] for windows of the
network's size, and `forward_features(features, lengths=None)` makes the outputs of them. `frozen_features` is None where all
of it learns.

What is computed once cannot vary from epoch to epoch. So the windows are those of prediction, of which each epoch draws one
for each clip, and waveforms are not augmented.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from emozoo.architecture import Recipe
from emozoo.checkpoint.model import EmotionModel
from emozoo.data.store import ClipStore
from emozoo.errors import EmozooError
from emozoo.features.batches import Batch, to_device
from emozoo.inference.batches import in_batches
from emozoo.media.window import window_starts

VARIED = ("noise", "gain", "shift", "excerpt", "mixup")
"""Fields of a recipe that vary the waveform."""
SPARE = 0.9
"""Of the room on the disk, what the features may take."""

Cut = tuple[int, int]
"""A window: the row of its clip, and its first sample."""


class FeatureFile:
    """Features of windows in a temporary file, which is gone with this object or its process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._places: dict[Cut, int] = {}
        self._origin = b""
        self._lock = threading.Lock()

    def take(self, origin: bytes) -> None:
        """Forgets what another network has computed: `origin` tells networks apart."""
        if origin != self._origin:
            self.close()
            self._origin = origin

    def close(self) -> None:
        if self._file:
            self._file.close()
        self._file, self._places = None, {}

    def lacking(self, cuts: Sequence[Cut]) -> list[Cut]:
        """Those that are not there yet, each once."""
        return [cut for cut in dict.fromkeys(cuts) if cut not in self._places]

    def write(self, cut: Cut, features: bytes) -> None:
        with self._lock:
            self._file = self._file or tempfile.TemporaryFile(dir=self._folder, prefix="features-")  # noqa: SIM115
            self._file.seek(0, 2)
            self._places[cut] = self._file.tell()
            self._file.write(features)

    def read(self, cuts: Sequence[Cut], size: int) -> np.ndarray:
        """uint8 [cuts, size]."""
        found = np.empty((len(cuts), size), np.uint8)
        with self._lock:
            assert self._file is not None
            for row, cut in zip(found, cuts, strict=True):
                self._file.seek(self._places[cut])
                self._file.readinto(row)  # type: ignore[attr-defined]
        return found


class FrozenPart:
    """The frozen part of a model, for the clips of a store."""

    def __init__(
        self,
        model: EmotionModel,
        store: ClipStore,
        file: FeatureFile,
        within: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        """Computes the features of one window, to know their size. `within` is a context for each batch, as of autocast.

        Raises EmozooError for features that are none, or that would learn."""
        self._model = model
        self._store = store
        self._file = file
        self._within = within
        self._network: Any = model.network
        example = self._example()
        self._shape, self._dtype = example.shape[1:], example.dtype
        self.bytes = example.nbytes
        """Of a window's features."""
        file.take(_digest(model) + str((self._shape, self._dtype, id(store))).encode())

    def _example(self) -> Tensor:
        self._network.eval()
        with self._within():
            features = self._features(np.array([0]), np.array([0]))
        if not isinstance(features, Tensor) or features.dim() < 2 or len(features) != 1:
            raise EmozooError(f"{self._model.name} is broken: frozen_features gives no tensor [batch, ...]")
        if features.requires_grad:
            raise EmozooError(f"{self._model.name} is broken: frozen_features depend on parameters that learn")
        return features

    def _features(self, rows: np.ndarray, starts: np.ndarray) -> Tensor:
        model = self._model
        sound, frames, lengths = self._store.batch(rows, starts, model.device, model.window)
        given = (sound, frames) if model.video else (sound,)
        return self._network.frozen_features(*given, **({"lengths": lengths} if model.architecture.lengths else {}))

    def cuts(self, row: int) -> list[Cut]:
        """The windows of a clip, as in prediction."""
        return [(row, start) for start in window_starts(self._store.length(row), self._model.window)]

    def starts(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The first sample of one of each clip's windows, int64 [rows]."""
        found = [self.cuts(int(row)) for row in rows]
        return np.array([cuts[chosen][1] for cuts, chosen in zip(found, rng.integers([*map(len, found)]), strict=True)])

    def fill(self, cuts: Sequence[Cut]) -> None:
        """Computes what is not there yet."""
        wanted = self._file.lacking(cuts)
        if not wanted:
            return
        learning = self._network.training
        self._network.eval()
        for cut, features in zip(wanted, in_batches(self._model, wanted, self._computed, self._within), strict=True):
            self._file.write(cut, features.tobytes())
        self._network.train(learning)

    def _computed(self, cuts: list[Cut]) -> np.ndarray:
        """uint8 [cuts, bytes]."""
        rows, starts = np.array(cuts).T
        with torch.no_grad():
            features = self._features(rows, starts).cpu().contiguous()
        return features.flatten(1).view(torch.uint8).numpy()

    def batch(self, rows: np.ndarray, starts: np.ndarray) -> Batch:
        """Windows on the model's device, with features [batch, ...] in place of the sound."""
        cuts = [(int(row), int(start)) for row, start in zip(rows, starts, strict=True)]
        self.fill(cuts)
        kept = torch.from_numpy(self._file.read(cuts, self.bytes)).view(self._dtype)
        samples = self._model.window.samples
        lengths = np.array([min(self._store.length(row) - start, samples) for row, start in cuts])
        device = self._model.device
        return Batch(kept.view(len(cuts), *self._shape).to(device), None, to_device(lengths, device))

    def answer(self, model: EmotionModel, rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Answers float64 [batch, outputs], by a model with this frozen part."""
        features, _, lengths = self.batch(rows, starts)
        with model.inference():
            outputs = outputs_of(model, features, lengths)
        return model.read(outputs, features)


def outputs_of(model: EmotionModel, features: Tensor, lengths: Tensor) -> Tensor:
    """What the learning part makes of features."""
    network: Any = model.network
    return network.forward_features(features, **({"lengths": lengths} if model.architecture.lengths else {}))


def _digest(model: EmotionModel) -> bytes:
    """Of all weights that do not learn."""
    learning = {name for name, parameter in model.network.named_parameters() if parameter.requires_grad}
    digest = hashlib.sha256()
    for name, value in sorted(model.network.state_dict().items()):
        if name not in learning:
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.digest()


def offers_features(model: EmotionModel) -> bool:
    """Whether a network has a frozen part."""
    return getattr(model.network, "frozen_features", None) is not None


def hindrance(frozen: FrozenPart, rows: Sequence[int], recipe: Recipe, folder: Path, processes: int) -> str | None:
    """Why the features of these clips cannot be kept, in words; None where they can."""
    if recipe.pretrain_epochs:
        return "the frozen part is computed in every epoch: pretraining needs the sound"
    if processes > 1:
        return "the frozen part is computed in every epoch: its features are kept by a single process only"
    size = frozen.bytes * sum(len(frozen.cuts(row)) for row in rows)
    place = next(each for each in (folder, *folder.parents) if each.exists())
    if size <= SPARE * shutil.disk_usage(place).free:
        return None
    return f"the frozen part is computed in every epoch: its features need {size / 1e9:.1f} GB beside the run's folder"


def announcement(frozen: FrozenPart, recipe: Recipe) -> str:
    """What a user must know once."""
    told = f"the frozen part is computed once for each window ({frozen.bytes / 1e6:.1f} MB on the disk)"
    varied = ", ".join(f"{name}={getattr(recipe, name):g}" for name in VARIED if getattr(recipe, name))
    if not varied:
        return told
    return f"{told}, so {varied} of the recipe is left out; --set cache_features=false keeps it, and computes all anew"
