"""What a training's options mean, before any work: the network, its recipe and its first weights."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from emozoo.architecture import Architecture, Recipe
from emozoo.checkpoint.loading import config_of
from emozoo.checkpoint.provenance import Provenance
from emozoo.checkpoint.run import RunOptions
from emozoo.checkpoint.window import window_of
from emozoo.data.loading import get_corpus
from emozoo.errors import EmozooError, blamed
from emozoo.evaluation.data import Data, open_data
from emozoo.filenames import PREPARED
from emozoo.media.preparation import Preparation
from emozoo.paths import write_text
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings
from emozoo.target import DIMENSIONS
from emozoo.training.rehearsal import check_labels
from emozoo.training.start import Adoption, Start, built


@dataclasses.dataclass(frozen=True)
class Plan:
    """Options that were checked against each other, and what they mean."""

    options: RunOptions
    architecture: Architecture
    asked: Any
    """The network's config with the settings."""
    recipe: Recipe
    start: Start | None
    adopted: Adoption | None
    preparation: Preparation

    @classmethod
    def of(cls, options: RunOptions) -> Plan:
        """Raises EmozooError for options that do not fit each other."""
        architecture = get_architecture(options.architecture)
        asked, recipe = apply_settings(architecture, options.settings)
        preparation = Preparation(options.crop, options.denoise)
        adopted = Adoption.of(options, architecture, asked) if options.start else None
        start = Start.of(options) if options.start and not adopted else None
        if adopted:
            asked = adopted.config
        if start:
            own = start.model.preparation
            asked = start.config(options)
            preparation = Preparation(options.crop or own.crop, options.denoise or own.denoise)
        if preparation.crop and not architecture.video:
            raise EmozooError(f"{architecture.name} takes no video: leave --crop out")
        preparation.require("this training")
        if recipe.patience and not options.dev:
            raise EmozooError("patience needs the dev split: leave it at 0, or leave --no-dev out")
        if recipe.pretrain_epochs and (options.target == DIMENSIONS or options.multi):
            raise EmozooError("pretraining needs one label a clip: leave pretrain_epochs at 0")
        if recipe.start_share and not start:
            raise EmozooError("start_share is for fine-tuning only: add --from MODEL, or leave it at 0")
        get_corpus(options.dataset)
        return cls(options, architecture, asked, recipe, start, adopted, preparation)

    def prepared(self, folder: Path) -> Any:
        """The config to train with: what the architecture's `prepare` makes of the one asked for.

        It is kept in `folder`, so that later folds and a resumed run build the very same network."""
        prepare = self.architecture.prepare
        path = folder / PREPARED
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
        """The dataset, decoded. Raises EmozooError for labels that no checkpoint can hold, or that do not fit `start`."""
        options = self.options
        start = self.start
        data = open_data(
            options.dataset,
            options.data_dir,
            options.labels or (start.model.labels or None if start else None),
            options.merge,
            video=self.architecture.video,
            optional=self.architecture.optional_modalities,
            preparation=self.preparation,
            window=window_of(self.architecture, self.asked),
            target=options.target,
            multi=options.multi,
            dimensions=(start.model.outputs.dimensions or None) if start else None,
            scale=options.scale,
            columns=options.columns,
            labels_as_is=options.labels_as_is,
        )
        check_labels(data.labels)
        if start and self.recipe.start_share and data.outputs != start.model.outputs:
            raise EmozooError(f"start_share needs the same labels, and {start.name} has others: leave it at 0")
        return data

    def base(self, config: Any) -> Provenance:
        """What the first weights were trained on."""
        if self.start:
            return self.start.provenance
        if self.adopted:
            return self.adopted.provenance
        return Provenance(pretrained=_builds_on_others(self.architecture, config))


def _builds_on_others(architecture: Architecture, config: Any) -> bool:
    """Whether the network uses weights that others have pretrained."""
    return hasattr(built(architecture, config, 2), "load_pretrained")
