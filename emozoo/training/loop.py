"""The training loop: one fold, from fresh or resumed weights to the best epoch's checkpoint.

Each epoch takes a step for each batch of its examples. Then it measures the dev split as `emozoo predict` would, and the
best epoch is kept; without a dev split, the last.

Each epoch seeds itself, from the run's seed and the epoch's number. So an interrupted run resumes to the very same result
without any random state.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import math
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from emozoo.architecture import Recipe
from emozoo.checkpoint.model import EmotionModel
from emozoo.errors import EmozooError, blamed
from emozoo.evaluation.clips import clip_probabilities
from emozoo.training.accelerator import new_accelerator
from emozoo.training.accumulation import parts, sharing
from emozoo.training.averaging import average_weights
from emozoo.training.dev import dev_scores
from emozoo.training.examples import Examples
from emozoo.training.frozen import FeatureFile, FrozenPart, announcement, hindrance, offers_features, outputs_of
from emozoo.training.history import DevScores, EpochRecord
from emozoo.training.job import Compute, ModelSpec, TrainingClips
from emozoo.training.objective import Objective
from emozoo.training.optimization import learning_rate, new_optimizer
from emozoo.training.processes import from_main, several
from emozoo.training.progress import Progress
from emozoo.training.resume import State, restore
from emozoo.training.shards import Shards, cut_moments, wants_shards, whole_moments, within
from emozoo.training.trackers import RunLog


class Trainer:
    """One fold's training: its network, optimizer and history, and the file that it resumes from."""

    def __init__(
        self,
        spec: ModelSpec,
        recipe: Recipe,
        clips: TrainingClips,
        folder: Path,
        *,
        seed: str,
        compute: Compute | None = None,
        progress: Progress | None = None,
        features: FeatureFile | None = None,
        run_log: RunLog | None = None,
    ):
        """Builds the network from `seed`, any text: two trainers with one seed and the same data end with the same
        weights on a CPU. `features` keeps what the network's frozen part computes, `run_log` is told of every
        epoch. Raises EmozooError for a device or a recipe that cannot be used."""
        self.recipe = recipe
        self.clips = clips
        self.folder = folder
        self.seed = seed
        self.progress = progress or Progress()
        self.run_log = run_log
        self.plugin = spec.plugin
        self.history: list[EpochRecord] = []
        self.start_weights: dict[str, Tensor] = {}
        """What a fine-tuning started from, where its recipe keeps a share of it."""
        self.feature_file = features
        self.checks_loss = False
        """Whether the next batch's loss is checked, as the first one's: that waits for the device."""
        self.accelerator = new_accelerator(compute or Compute(), spec.architecture, recipe)
        self.reseed("weights")
        self.model = spec.build()
        self.examples = Examples(clips, self.model.outputs, recipe, self.model.window)
        self._check_network()
        self._configure_augmentation()
        self.average = copy.deepcopy(self.model) if recipe.ema_decay else None
        self.shards: list[Shards] = []
        """Of the model, and of the average of its weights where there is one; empty where each process has all weights."""
        self.learner, self.learner_average = self.model, self.average
        """The model that is trained, and the average of its weights, of which a process may have shards."""
        objective = self._new_objective()
        if wants_shards(spec.architecture):
            objective = self._shared_out()
        optimizer = new_optimizer(self.learner.network, recipe, spec.architecture.name)
        self.rate_factors = [group["lr"] / recipe.learning_rate for group in optimizer.param_groups]
        self.objective, self.optimizer = objective, optimizer
        if not self.shards:
            self.objective, self.optimizer = self.accelerator.prepare(objective, optimizer)
            if self.average:
                self.average.to(self.accelerator.device)

    def _shared_out(self) -> Objective:
        """The objective of a model of which each process trains its shards."""
        device = self.accelerator.device
        self.shards = [Shards(each, device) for each in (self.model, self.average) if each]
        self.learner = self.shards[0].part
        objective = self._new_objective()
        with blamed(self.plugin, "cannot be trained with --use_fsdp"):
            self.shards[0].cut(objective)
            if self.average:
                self.learner_average = self.shards[1].part
                self.shards[1].cut(self.learner_average)
        within(objective, self.accelerator.autocast)
        return objective

    def _check_network(self) -> None:
        """Raises EmozooError for a network that cannot be trained with this recipe."""
        if not any(parameter.requires_grad for parameter in self.model.parameters()):
            raise EmozooError(f"{self.plugin} has nothing to learn: none of its parameters requires a gradient")
        if self.recipe.pretrain_epochs and not hasattr(self.model.network, "pretrain_loss"):
            name = self.model.architecture.name
            raise EmozooError(f"{name} has no pretraining of its own: leave pretrain_epochs at 0")

    def _configure_augmentation(self) -> None:
        """Gives the recipe to the modules that augment inside the network, such as front ends."""
        for module in self.model.modules():
            if augment_by := getattr(module, "augment_by", None):
                with blamed(self.plugin, "cannot be trained with this recipe"):
                    augment_by(self.recipe)

    def _new_objective(self) -> Objective:
        recipe, outputs = self.recipe, self.model.outputs
        weighted = recipe.balance == "loss" and outputs.labels and not outputs.multi
        weights = torch.as_tensor(self.examples.class_weights) if weighted else None
        return Objective(self.learner, weights, recipe.label_smoothing, recipe.dimension_weight)

    def reseed(self, stage: str | int) -> np.random.Generator:
        """Seeds torch for a stage of the run; returns a numpy generator, the same in each of several processes."""
        number = int.from_bytes(hashlib.sha256(f"{self.seed} {stage}".encode()).digest()[:4], "little")
        # Processes differ in their augmentation, but share the first weights and the sampled clips.
        torch.manual_seed(number + (0 if stage == "weights" else self.accelerator.process_index))
        return np.random.default_rng(number)

    @property
    def measured(self) -> EmotionModel:
        """The model that is measured on the dev split and kept: the averaged one where there is one. A fine-tuning's is
        `start_share` x original weights + the rest x fine-tuned weights."""
        trained = self.average or self.model
        if not self.start_weights:
            return trained
        between = copy.deepcopy(trained)
        for name, value in between.network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(self.start_weights[name], self.recipe.start_share)
        return between

    @property
    def epochs_done(self) -> int:
        return len(self.history)

    @property
    def total_epochs(self) -> int:
        return self.recipe.pretrain_epochs + self.recipe.epochs

    @property
    def trained(self) -> list[EpochRecord]:
        """The epochs after pretraining."""
        return [record for record in self.history if not record.pretraining]

    @property
    def best(self) -> EpochRecord:
        """The best epoch so far, by `EpochRecord.rank`; of equals the first."""
        return max(self.trained, key=lambda record: record.rank)

    def run(self) -> None:
        """Trains from where the folder left off until the last epoch, or until the recipe's patience ends."""
        if self.recipe.start_share:
            self.start_weights = {name: value.clone() for name, value in self.model.network.state_dict().items()}
        if self._restore():
            self.progress.message(f"going on after epoch {self.epochs_done} of {self.total_epochs}")
        for shards in self.shards:
            shards.spread()
        if self.shards:
            self.progress.message(f"each of {self.accelerator.num_processes} processes trains a part of the weights")
        if self.run_log:
            self.run_log.start(self.epochs_done, dataclasses.asdict(self.recipe))
        self._freeze_features()
        self.checks_loss = True
        patience = self.recipe.patience
        while self.epochs_done < self.total_epochs:
            if patience and self.trained and self.epochs_done - self.best.epoch >= patience:
                break
            self.run_epoch()

    def _restore(self) -> bool:
        """Goes back to the last whole epoch, by what the main process finds in the folder; False where there is nothing."""
        states: list[State] = []

        def take(state: State) -> None:
            self._take(state)
            states.append(state)

        found = from_main(lambda: restore(self.folder, take))
        if found and several():
            state = (states[0] if states else State()).of_main(self.accelerator.device)
            if not states:
                self._take(state)
        return found

    def _freeze_features(self) -> None:
        """Has the network's frozen part computed once, where it has one and its features have room on the disk."""
        if (
            self.feature_file is None
            or self.shards
            or not offers_features(self.model)
            or not self.recipe.cache_features
        ):
            return
        with blamed(self.plugin, "failed in training"):
            frozen = FrozenPart(self.model, self.clips.store, self.feature_file, self.accelerator.autocast)
        rows = [*self.clips.train, *self.clips.dev]
        if why := hindrance(frozen, rows, self.recipe, self.folder, self.accelerator.num_processes):
            self.progress.message(why)
            return
        self.progress.message(announcement(frozen, self.recipe))
        self.examples.frozen = frozen
        self.accelerator.unwrap_model(self.objective).head = partial(outputs_of, self.model)

    def run_epoch(self) -> None:
        """Trains one epoch, measures the dev split, keeps the weights where they are the best so far, saves the state."""
        started = time.perf_counter()
        pretrain = self.epochs_done < self.recipe.pretrain_epochs
        if self.epochs_done == self.recipe.pretrain_epochs:
            self.optimizer.state.clear()  # the moments of another loss
        loss = self._train_epoch(pretrain)
        dev = self.measure_dev() if self.clips.dev and not pretrain and math.isfinite(loss) else None
        dev = from_main(lambda: dev)  # another machine may round in another way
        self._check_finite(loss + (dev.loss if dev else 0.0))
        record = EpochRecord(
            epoch=self.epochs_done + 1,
            pretraining=pretrain,
            loss=loss,
            learning_rate=self._learning_rate(self.examples.batches - 1),
            seconds=round(time.perf_counter() - started, 3),
            dev=dev,
        )
        self.history.append(record)
        self._keep(record)

    def _train_epoch(self, pretrain: bool) -> float:
        """One pass over the epoch's clips; returns the mean loss over batches and processes."""
        self.objective.train()
        self.accelerator.unwrap_model(self.objective).concordance.forget()
        total = torch.zeros((), device=self.accelerator.device)
        for number, (rows, starts) in enumerate(self.examples.epoch(self.reseed(self.epochs_done))):
            rate = self._learning_rate(number)
            for group, factor in zip(self.optimizer.param_groups, self.rate_factors, strict=True):
                group["lr"] = rate * factor
            total += self.step(rows, starts, pretrain)
            if self.learner_average:
                steps = self.epochs_done * self.examples.batches + number
                average_weights(self.learner_average, self.learner, self.recipe.ema_decay, steps)
            self.progress.step(self.epochs_done + 1, number + 1, self.examples.batches)
        for shards in self.shards:
            shards.gather()
        return self.accelerator.reduce(total, "mean").item() / self.examples.batches

    def _check_finite(self, loss: float) -> None:
        """Raises EmozooError where the epoch's loss or the weights are no numbers any more."""
        tensors = [each for each in self.measured.network.state_dict().values() if each.is_floating_point()]
        if math.isfinite(loss) and torch.stack([each.isfinite().all() for each in tensors]).all():
            return
        kept = f"epoch {self.best.epoch}, the best so far, is kept; " if self.trained else ""
        raise EmozooError(
            f"training diverged in epoch {self.epochs_done + 1}: the loss or the weights are no numbers any more; {kept}"
            f"start anew with a lower --set learning_rate, now {self.recipe.learning_rate}"
        )

    def _keep(self, record: EpochRecord) -> None:
        """Logs the epoch that has just ended, and saves the state and, where it is the best so far, the model."""
        is_best = not record.pretraining and self.best is record
        if self.run_log:
            self.run_log.numbers(record.to_dict(), record.epoch)
        state = self._state()  # all processes give what they have of it
        if self.accelerator.is_main_process:
            if is_best:
                self.measured.save(self.folder)
            state.write(self.folder)
        self.accelerator.wait_for_everyone()
        self.progress.epoch(record, self.total_epochs, is_best)

    def step(self, rows: np.ndarray, starts: np.ndarray, pretrain: bool) -> Tensor:
        """One batch forward, backward and applied; returns the loss of this process's part, still on the device."""
        processes = self.accelerator.num_processes
        own = slice(self.accelerator.process_index, None, processes)
        weight = len(rows[own]) * processes / len(rows)  # gradients are averaged over processes
        rows, starts = rows[own], starts[own]
        total = torch.zeros((), device=self.accelerator.device)
        self.optimizer.zero_grad()
        for part in parts(self.examples.weights(rows, pretrain), self.recipe.accumulation):
            places = rows[part.places], starts[part.places]
            batch, words, ratings = self.examples.batch(*places, self.accelerator.device, pretrain)
            with blamed(self.plugin, "failed in training"), sharing(self.accelerator, self.objective, part):
                loss = self.objective(*batch, words, ratings, pretrain) * (weight * part.share)
                if self.checks_loss and not math.isfinite(loss.item()):
                    raise EmozooError(
                        f"{self.plugin} is broken: the loss of its first batch is {loss.item()}, before any step was taken"
                    )
                self.accelerator.backward(loss)
            total += loss.detach()
        self.checks_loss = False
        if self.recipe.clip_norm:
            self.accelerator.clip_grad_norm_(self.learner.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        return total

    def _learning_rate(self, batch: int) -> float:
        """Of a batch of this epoch."""
        return learning_rate(self.recipe, self.epochs_done, self.examples.batches, batch)

    def measure_dev(self) -> DevScores:
        """Loss and scores on the dev split, window by window as in prediction."""
        model = self.measured.eval().to(self.accelerator.device)
        answered = None
        rows = self.clips.dev
        if frozen := self.examples.frozen:
            frozen.fill([cut for row in rows for cut in frozen.cuts(row)])
            answered = partial(frozen.answer, model)
        answers = clip_probabilities(model, self.clips.store, rows, self.accelerator.autocast, answered=answered)
        if self.shards:
            model.cpu()
        known = np.isfinite(answers).all(1)
        found, examples = np.asarray(rows)[known], self.examples
        return dev_scores(
            self.model.outputs, examples.truth.rows(found), examples.words[found], answers[known], self.recipe
        )

    def _state(self) -> State:
        return State(
            history=tuple(self.history),
            network=self.model.network.state_dict(),
            average=self.average.network.state_dict() if self.average else {},
            moments=whole_moments(self.optimizer, self.accelerator.is_main_process)
            if self.shards
            else self.optimizer.state_dict()["state"],
        )

    def _take(self, state: State) -> None:
        """Goes back to the epoch after which `state` was saved."""
        self.model.network.load_state_dict(state.network)
        if self.average:
            self.average.network.load_state_dict(state.average)
        moments = cut_moments(self.optimizer, state.moments) if self.shards else state.moments
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.history = list(state.history)
