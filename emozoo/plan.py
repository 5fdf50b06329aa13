"""What a training's options come to, before any work: the network, its recipe and its first weights."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch

from emozoo import bundled, hub, registry
from emozoo.architecture import Architecture, Recipe
from emozoo.errors import EmozooError
from emozoo.evaluate import Data, open_data
from emozoo.model import EmotionModel, config_of, load
from emozoo.paths import write_text
from emozoo.preparation import Preparation
from emozoo.provenance import PROVENANCE, Provenance, unrecorded
from emozoo.rehearsal import check_labels
from emozoo.run import PREPARED, RunOptions
from emozoo.settings import apply_settings
from emozoo.trouble import blamed


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the options come to, checked against each other before any work."""

    options: RunOptions
    architecture: Architecture
    asked: Any
    """The network's config with the settings."""
    recipe: Recipe
    start: Start | None
    preparation: Preparation

    @classmethod
    def of(cls, options: RunOptions) -> Plan:
        """Raises EmozooError for options that do not fit each other."""
        architecture = registry.get_architecture(options.architecture)
        asked, recipe = apply_settings(architecture, options.settings)
        preparation = Preparation(options.crop, options.denoise)
        start = Start.of(options) if options.start else None
        if start:
            own = start.model.preparation
            asked = start.config(options)
            preparation = Preparation(options.crop or own.crop, options.denoise or own.denoise)
        if preparation.crop and not architecture.video:
            raise EmozooError(f"{architecture.name} sees no pictures: leave --crop out")
        preparation.require("this training")
        if recipe.patience and not options.dev:
            raise EmozooError("patience watches the dev split: leave it at 0, or --no-dev out")
        if recipe.start_share and not start:
            raise EmozooError("start_share is of a fine-tuning: add --from MODEL, or leave it at 0")
        registry.get_corpus(options.dataset)
        return cls(options, architecture, asked, recipe, start, preparation)

    def prepared(self, folder: Path) -> Any:
        """The config to train with: what the architecture's `prepare` makes of the one asked for, kept for the rest of the
        run, so that later folds, and a run that is resumed, build the very same network."""
        prepare, path = self.architecture.prepare, folder / PREPARED
        if self.start or prepare is None:
            return self.asked
        if not path.is_file():
            with blamed(self.architecture.name, "cannot use these settings"):
                config = prepare(self.asked)
                text = json.dumps(dataclasses.asdict(config), indent=2, ensure_ascii=False) + "\n"
            write_text(path, text)
            return config
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise EmozooError(f"{path} is damaged: delete {folder} to start anew") from error
        return config_of(self.architecture, values, str(path))

    def open_data(self) -> Data:
        """The dataset, decoded. Raises EmozooError for labels that no checkpoint could hold, or a start has not."""
        options, start = self.options, self.start
        data = open_data(
            options.dataset,
            options.data_dir,
            options.labels or (start.model.labels if start else None),
            options.merge,
            video=self.architecture.video,
            optional=self.architecture.optional_modalities,
            preparation=self.preparation,
        )
        check_labels(data.labels)
        if start and self.recipe.start_share and data.labels != start.model.labels:
            raise EmozooError(f"start_share is of weights for the same labels, {start.name} has others: leave it at 0")
        return data

    def base(self, config: Any) -> Provenance:
        """What the first weights were trained on."""
        if self.start:
            return self.start.provenance
        return Provenance(pretrained=_builds_on_others(self.architecture, config))


@dataclasses.dataclass(frozen=True)
class Start:
    """The model that a fine-tuning starts from."""

    name: str
    """With the commit, for a model of the Hub; for a folder, its own name and not its place on this machine."""
    model: EmotionModel

    @classmethod
    def of(cls, options: RunOptions) -> Start:
        """Raises EmozooError for a model that cannot be loaded, or is of another architecture."""
        assert options.start is not None
        folder = hub.resolve(options.start, extra=(PROVENANCE,))
        name = hub.commit_of(options.start, folder)
        if name in bundled.names() and not bundled.folder_of(options.start):
            name = f"./{name}"  # a folder that is called like a model in the box, and is none
        model = load(name if hub.is_reference(options.start) else options.start, "cpu")
        if model.architecture.name != options.architecture:
            raise EmozooError(f"{options.start} is a {model.architecture.name}, not a {options.architecture}")
        return cls(name, model)

    @property
    def provenance(self) -> Provenance:
        """What its weights were trained on, as far as that is recorded."""
        return self.model.provenance or unrecorded(self.name)

    def config(self, options: RunOptions) -> Any:
        """The model's config, with the settings that leave its weights as they are. Raises EmozooError for others."""
        architecture, own = self.model.architecture, self.model.config
        asked, _ = apply_settings(architecture, options.settings)
        names = {field.name for field in dataclasses.fields(own)} & options.settings.keys()
        try:
            config = dataclasses.replace(own, **{name: getattr(asked, name) for name in names})
        except (TypeError, ValueError) as error:
            raise EmozooError(f"--set {', '.join(sorted(names))} does not fit {options.start}: {error}") from error
        if names and _shapes(architecture, config, 2) != _shapes(architecture, own, 2):
            raise EmozooError(
                f"--set {', '.join(sorted(names))} makes another network than that of {options.start}, whose weights do "
                "not fit it: leave it out"
            )
        return config

    def lend(self, model: EmotionModel) -> list[str]:
        """Copies the weights into `model`; returns the names of those that depend on the labels, where these differ."""
        weights = self.model.network.state_dict()
        fresh: list[str] = []
        if model.labels != self.model.labels:
            count = len(model.labels)
            one, other = (_shapes(model.architecture, model.config, count + more) for more in (0, 1))
            fresh = [name for name in weights if one[name] != other[name]]
        model.network.load_state_dict({**weights, **{name: model.network.state_dict()[name] for name in fresh}})
        return fresh


def _shapes(architecture: Architecture, config: Any, labels: int) -> dict[str, torch.Size]:
    """Of a network's weights, without making them where that is possible."""
    return {name: value.shape for name, value in _built(architecture, config, labels).state_dict().items()}


def _built(architecture: Architecture, config: Any, labels: int) -> torch.nn.Module:
    """A network without weights, where that is possible."""
    with blamed(architecture.name, "cannot be built with this config"):
        try:
            with torch.device("meta"):
                return architecture.build(config, labels)
        except (NotImplementedError, RuntimeError):
            return architecture.build(config, labels)


def _builds_on_others(architecture: Architecture, config: Any) -> bool:
    """Whether the network takes weights that others have pretrained."""
    return hasattr(_built(architecture, config, 2), "load_pretrained")
