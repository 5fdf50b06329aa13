"""The labelled clips that a model is measured or calibrated on: those of its own run, or others that are named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.run import RunOptions
from emozoo.errors import EmozooError
from emozoo.evaluation.data import Data, open_data


@dataclass(frozen=True)
class Selection:
    """The data that were asked for. Without a dataset, they are those of the model's own run."""

    dataset: str | None = None
    data_dir: str | None = None
    merge: Mapping[str, str] = field(default_factory=dict)
    protocol: str | None = None
    fold: int | None = None
    scale: tuple[float, float] | None = None
    seed: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    labels_as_is: bool = False
    folds: str | None = None
    """A file or folder of folds that others made, instead of a protocol."""

    def of_run(self, run: RunOptions) -> Selection:
        """The data of a run: what is not asked for otherwise is as its training had it."""
        return replace(
            self,
            dataset=run.dataset,
            data_dir=self.data_dir or run.data_dir,
            merge={**run.merge, **self.merge},
            scale=self.scale or run.scale,
            columns=self.columns or run.columns,
            labels_as_is=self.labels_as_is or run.labels_as_is,
        )

    def open_for(self, model: EmotionModel, name: str, *, video: bool) -> Data:
        """The clips, prepared as the model takes them; without their frames unless `video`. Errors call the model `name`.

        Raises EmozooError for data that are not there, that have none of the model's labels or dimensions, and where the
        model's preparation needs a package that is missing."""
        if self.dataset is None:
            raise EmozooError(f"{name} has no record of its training here: name the data with --dataset and --data-dir")
        model.preparation.require(name)
        outputs = model.outputs
        return open_data(
            self.dataset,
            self.data_dir,
            model.labels or None,
            self.merge,
            video=video,
            optional=model.optional,
            preparation=model.preparation,
            window=model.window,
            may_lack=True,
            target=outputs.target,
            multi=outputs.multi,
            dimensions=outputs.dimensions,
            scale=self.scale,
            columns=self.columns,
            labels_as_is=self.labels_as_is,
        )
