"""The tensors of a checkpoint's files: checked against the network that its config describes, and loaded into it.

Every tensor of the network is filled from the files, and every tensor of the files is used. What a checkpoint leaves out
(`emozoo.checkpoint.partial`) is filled before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from emozoo.architecture import Architecture
from emozoo.checkpoint.building import TooLarge
from emozoo.checkpoint.foreign import Translation
from emozoo.checkpoint.partial import described, fill_pretrained, left_out
from emozoo.checkpoint.weights import Shapes, read_shapes
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, WEIGHTS
from emozoo.text import shown


@dataclass(frozen=True)
class Tensors:
    """By the names that they have in the network."""

    name: str
    """What errors call the checkpoint."""
    shapes: Shapes
    places: Mapping[str, tuple[Path, str]]
    """The file of each, and its name there."""

    @classmethod
    def own(cls, folder: Path, name: str) -> Tensors:
        """Those of emozoo's own checkpoint. Raises EmozooError for weights that are missing or damaged."""
        return cls._plain(folder / WEIGHTS, name)

    @classmethod
    def of_file(cls, path: Path) -> Tensors:
        """Those of a network's state dict in a safetensors file. Raises EmozooError for one that is damaged."""
        return cls._plain(path, str(path.parent))

    @classmethod
    def _plain(cls, path: Path, name: str) -> Tensors:
        shapes = read_shapes(path.parent, name, path.name)
        return cls(name, shapes, {key: (path, key) for key in shapes})

    @classmethod
    def foreign(cls, translation: Translation, folder: Path, name: str) -> Tensors:
        """Those of another library's checkpoint. Raises EmozooError for weights that are missing or damaged, and where its
        reader leaves some out."""
        shapes: Shapes = {}
        places: dict[str, tuple[Path, str]] = {}
        names = translation.tensors
        for file in translation.files:
            for key, shape in read_shapes(folder, name, file).items():
                if key not in names:
                    raise EmozooError(
                        f"{name} is refused: its tensor {shown(key)} has no place in the network that "
                        f"{translation.config.architecture} builds for it, so its answers would not be that network's"
                    )
                shapes[names[key]], places[names[key]] = shape, (folder / file, key)
        if missing := [key for key, own in names.items() if own not in places]:
            raise EmozooError(
                f"{name} is refused: it lacks the tensor {shown(min(missing))}, which random numbers would fill"
            )
        return cls(name, shapes, places)

    def check(self, architecture: Architecture, config: Any, outputs: int) -> None:
        """Compares the network that a config describes with the headers of the files, before memory is taken for either.

        The network is built on torch's meta device, whose tensors have shapes only; building stops where it has grown far
        beyond the weights at hand. A plugin's network that cannot be built there is built as usual, under the same limit.
        Raises EmozooError.
        """
        network = self._described(architecture, config, outputs)
        left = left_out(network)
        expected = {key: (tuple(value.shape), value.is_floating_point()) for key, value in network.state_dict().items()}
        wanted = expected.keys() - left
        where = f"{self._file} does not fit its config"
        for what, names in (
            ("lacks", wanted - self.shapes.keys()),
            ("has a stray", self.shapes.keys() - wanted),
        ):
            if names:
                raise EmozooError(f"{where}: it {what} tensor {self._called(min(names))!r}")
        for key, (shape, floats) in self.shapes.items():
            if shape != expected[key][0]:
                raise EmozooError(f"{where}: {self._called(key)!r} is {list(shape)}, not {list(expected[key][0])}")
            if floats != expected[key][1]:
                raise EmozooError(f"{where}: {self._called(key)!r} holds another kind of number")
        fill_pretrained(network, config, architecture.name, self.name)

    def _described(self, architecture: Architecture, config: Any, outputs: int) -> nn.Module:
        """The network that a config describes, as shapes."""
        try:
            return described(architecture, config, outputs, [shape for shape, _ in self.shapes.values()])
        except TooLarge:
            raise EmozooError(
                f"{self.name}/{CONFIG} does not fit {WEIGHTS}: its network is far larger than the weights"
            ) from None
        except Exception as error:  # noqa: BLE001 - whatever a plugin's network makes of a value that it did not expect
            raise EmozooError(
                f"{self.name}/{CONFIG}: {architecture.name} cannot be built with this config: {error}"
            ) from error

    def fill(self, network: nn.Module) -> None:
        """Loads them. Raises EmozooError for values that are damaged."""
        by_file: dict[Path, list[str]] = defaultdict(list)
        for key, (path, _) in self.places.items():
            by_file[path].append(key)
        weights: dict[str, Tensor] = {}
        for path, keys in by_file.items():
            damaged = f"{self.name}/{path.name} is damaged"
            try:
                with safe_open(path, framework="pt") as file:
                    weights |= {key: file.get_tensor(self._called(key)) for key in keys}
            except (SafetensorError, OSError, ValueError) as error:
                raise EmozooError(f"{damaged}: {error}") from error
            for key in keys:
                if weights[key].is_floating_point() and not torch.isfinite(weights[key]).all():
                    raise EmozooError(f"{damaged}: {self._called(key)!r} holds values that are not finite")
        network.load_state_dict(weights, strict=not left_out(network))

    @property
    def _file(self) -> str:
        files = {path.name for path, _ in self.places.values()}
        return f"{self.name}/{min(files, default=WEIGHTS)}"

    def _called(self, key: str) -> str:
        """The name in its file; of one that no file has, the network's."""
        return self.places[key][1] if key in self.places else key
