"""One fold to train: all that its training and its report need to know."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emozoo.checkpoint.provenance import Leak, Provenance
from emozoo.data.splits.fold import Fold
from emozoo.errors import blamed
from emozoo.evaluation.data import Data
from emozoo.filenames import RESUME
from emozoo.training.frozen import FeatureFile
from emozoo.training.job import Compute, ModelSpec, TrainingClips
from emozoo.training.loop import Trainer
from emozoo.training.plan import Plan
from emozoo.training.processes import from_main
from emozoo.training.progress import Progress
from emozoo.training.rehearsal import rehearse
from emozoo.training.trackers import RunLog


@dataclass(frozen=True)
class FoldTask:
    """A fold, and what it shares with the run's other folds."""

    plan: Plan
    config: Any
    """The network's, as `Plan.prepared` gives it."""
    data: Data
    base: Provenance
    """What the first weights were trained on."""
    fold: Fold
    leak: Leak
    """What of the fold's test clips the first weights were trained on."""
    folds: int
    """How many the protocol makes."""
    features: FeatureFile | None = None
    """Keeps what a network's frozen part computes, for all folds."""

    def heading(self, *, every: bool = False) -> tuple[str, str]:
        """What pictures are headed: the network and the dataset, then the split; of `every` fold, or of this one."""
        options = self.plan.options
        corpus = self.data.corpus
        words = [options.split_by(corpus.protocol)]
        words += [] if every else [f"fold {self.fold.number} of {self.folds}"]
        words += [f"seed {options.seed}"]
        words += [] if self.fold.speaker_disjoint and self.leak.disjoint else ["speaker-dependent"]
        return f"{options.architecture} on {corpus.name}", ", ".join(words)

    def facts(self) -> dict[str, Any]:
        """What the training is, for those who follow it; nothing of this machine."""
        options = self.plan.options
        start = self.plan.start or self.plan.adopted
        return {
            "architecture": options.architecture,
            "dataset": self.data.corpus.name,
            "protocol": options.split_by(self.data.corpus.protocol),
            "fold": self.fold.number,
            "seed": options.seed,
            "split_seed": options.folds_seed,
            "target": options.target,
            "labels": ", ".join(self.data.labels),
            "start": start.name if start else None,
            **{f"network.{name}": value for name, value in dataclasses.asdict(self.config).items()},
        }

    def trainer(self, folder: Path, device: str, progress: Progress, run_log: RunLog | None = None) -> Trainer:
        """A trainer that holds the fold's first weights.

        Raises EmozooError for a network that cannot be built, or not be saved and loaded again."""
        options = self.plan.options
        trainer = Trainer(
            ModelSpec(
                self.plan.architecture,
                self.config,
                self.data.outputs,
                self.plan.preparation,
                self.base | self.data.clips.provenance(self.fold.train, self.fold.dev),
                self.data.corpus.synthetic,
            ),
            self.plan.recipe,
            TrainingClips(self.data.store, self.fold.train, self.fold.dev, self.data.truth),
            folder,
            seed=f"{options.seed} fold {self.fold.number}",
            compute=Compute(device, options.precision),
            progress=progress,
            features=self.features,
            run_log=run_log,
        )
        resumes = from_main(lambda: (folder / RESUME).exists())
        self._load_first_weights(trainer, resumes)
        if not resumes:
            from_main(lambda: rehearse(trainer.model, folder))
        return trainer

    def _load_first_weights(self, trainer: Trainer, resumes: bool) -> None:
        """Those of the model that is fine-tuned, or those that the plugin has pretrained.

        A run that resumes replaces them, but may keep a share of the first."""
        network: Any = trainer.model.network
        if start := self.plan.start:
            if fresh := start.lend(trainer.model):
                names = ", ".join(fresh)
                trainer.progress.message(f"{start.name} has other labels, so these weights start at random: {names}")
        elif not resumes and hasattr(network, "load_pretrained"):
            with blamed(trainer.plugin, "cannot load its pretrained weights"):
                network.load_pretrained(self.plan.asked)
