"""The first weights of a fine-tuning: those of another checkpoint."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from emozoo.architecture import Architecture
from emozoo.checkpoint import bundled
from emozoo.checkpoint.ensemble import members_of
from emozoo.checkpoint.foreign import check_trainable, checkpoint_config, is_own
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.locate import resolve
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.named import folder_of, leads_to
from emozoo.checkpoint.provenance import Provenance, unrecorded
from emozoo.checkpoint.run import RunOptions
from emozoo.errors import EmozooError, blamed
from emozoo.filenames import PROVENANCE
from emozoo.hub.files import commit_of
from emozoo.hub.reference import is_reference, name_of
from emozoo.registry.settings import apply_settings


@dataclasses.dataclass(frozen=True)
class Start:
    """The model that a fine-tuning starts from."""

    name: str
    """A model of the Hub with its commit; a folder without its place on this machine."""
    model: EmotionModel

    @classmethod
    def of(cls, options: RunOptions) -> Start:
        """Raises EmozooError for a model that cannot be loaded, or is of another architecture."""
        assert options.start is not None
        place = leads_to(options.start)
        folder = resolve(place, extra=(PROVENANCE,))
        named = folder_of(place) is not None
        name = place if named else commit_of(place, folder)
        if name in bundled.names() and not named:
            name = f"./{name}"  # a folder that has a bundled model's name
        model = load(name if is_reference(place) else place, "cpu")
        if model.architecture.name != options.architecture:
            raise EmozooError(f"{options.start} is a {model.architecture.name}, not a {options.architecture}")
        if (members := members_of(model.network)) > 1:
            raise EmozooError(
                f"{options.start} is an ensemble of {members} networks, and a training starts from one: name a single "
                "network, such as a fold of the run that the ensemble was made of"
            )
        return cls(name, model)

    @property
    def provenance(self) -> Provenance:
        """What its weights were trained on, as far as that is recorded."""
        return self.model.provenance or unrecorded(self.name)

    def config(self, options: RunOptions) -> Any:
        """The model's config with the settings that were given. Raises EmozooError where its weights do not fit them."""
        architecture = self.model.architecture
        own = self.model.config
        asked, _ = apply_settings(architecture, options.settings)
        names = {field.name for field in dataclasses.fields(own)} & options.settings.keys()
        try:
            config = dataclasses.replace(own, **{name: getattr(asked, name) for name in names})
        except (TypeError, ValueError) as error:
            raise EmozooError(f"--set {', '.join(sorted(names))} does not fit {options.start}: {error}") from error
        if names and _shapes(architecture, config, 2) != _shapes(architecture, own, 2):
            raise EmozooError(
                f"--set {', '.join(sorted(names))} makes another network, which the weights of {options.start} do not "
                "fit: leave it out"
            )
        return config

    def lend(self, model: EmotionModel) -> list[str]:
        """Copies the weights into `model`; returns the names of those that it does not copy, for they depend on the labels
        and these differ."""
        weights = self.model.network.state_dict()
        fresh: list[str] = []
        if _told_apart(model) != _told_apart(self.model):
            count = len(model.outputs.names)
            one, other = (_shapes(model.architecture, model.config, count + more) for more in (0, 1))
            fresh = [name for name in weights if one[name] != other[name]]
        model.network.load_state_dict({**weights, **{name: model.network.state_dict()[name] for name in fresh}})
        return fresh


def _told_apart(model: EmotionModel) -> tuple[object, ...]:
    """What the weights of the outputs depend on."""
    outputs = model.outputs
    return outputs.names, outputs.dimensions, outputs.multi


@dataclasses.dataclass(frozen=True)
class Adoption:
    """A checkpoint of another library, whose weights a network of a different architecture builds on."""

    name: str
    """With the commit, where it is on the Hub; of a folder, without its place on this machine."""
    config: Any
    """Of the architecture that adopts it."""

    @classmethod
    def of(cls, options: RunOptions, architecture: Architecture, asked: Any) -> Adoption | None:
        """None where emozoo wrote the checkpoint, or its reader translates it to this architecture. Raises EmozooError for
        an architecture that adopts none."""
        assert options.start is not None
        folder, called = resolve(options.start), name_of(options.start)
        if is_own(folder):
            return None
        check_trainable(folder, called)
        own = checkpoint_config(folder, called).architecture
        if own == architecture.name:
            return None
        if architecture.adopt is None:
            raise EmozooError(
                f"{called} is a checkpoint of another library, which {architecture.name} cannot start from: leave the "
                f"architecture out to fine-tune it as {own}"
            )
        with blamed(architecture.name, f"cannot start from {called}"):
            return cls(commit_of(options.start, folder), architecture.adopt(asked, str(options.start)))

    @property
    def provenance(self) -> Provenance:
        """What it was trained on is not recorded."""
        return unrecorded(self.name)


def _shapes(architecture: Architecture, config: Any, labels: int) -> dict[str, torch.Size]:
    """The shape of each of a network's weights, by name."""
    return {name: value.shape for name, value in built(architecture, config, labels).state_dict().items()}


def built(architecture: Architecture, config: Any, labels: int) -> torch.nn.Module:
    """A network, without memory for its weights where that is possible."""
    with blamed(architecture.name, "cannot be built with this config"):
        try:
            with torch.device("meta"):
                return architecture.build(config, labels)
        except (NotImplementedError, RuntimeError):
            return architecture.build(config, labels)
