"""The training loop: one fold, from fresh or resumed weights to the best epoch's checkpoint.

The loop is plain: each epoch draws its clips, cuts one random window from each, moves them to the device, augments them
there and takes a step; then the dev split is answered as `emozoo predict` would, and the best epoch kept; where there is no
such split, the last. Devices, mixed precision and several processes are `accelerate`'s.

Every epoch starts from seeds of its own, made from the run's seed and the epoch's number. So a run that was interrupted
needs no random state to go on to the very same result: only weights, optimizer and history, in one file that is replaced
after every epoch.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import logging
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.architecture import Architecture, Recipe
from emozoo.checkpoint.device import computes_bf16, pick_device
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.provenance import Provenance
from emozoo.checkpoint.run import WRITER, unreadable
from emozoo.data.store import ClipStore
from emozoo.errors import EmozooError, blamed
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.metrics import evaluate_predictions
from emozoo.features.batches import to_device
from emozoo.filenames import RESUME
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.paths import atomic
from emozoo.registry.entry_points import ARCHITECTURES, find
from emozoo.training.augmentation import augment_frames, augment_waveform, mix
from emozoo.training.averaging import average_weights
from emozoo.training.progress import Progress
from emozoo.training.sampling import balanced_epoch, class_weights, random_starts
from emozoo.version import version as emozoo_version

PRECISIONS = ("auto", "fp32", "bf16")


class Objective(nn.Module):
    """The loss as one module, so that a step of any kind goes through its forward, also where several processes share it."""

    def __init__(self, model: EmotionModel, weights: Tensor | None, label_smoothing: float):
        super().__init__()
        self.model = model
        self.plugin = f"{model.architecture.name} ({model.origin.distribution} {model.origin.version})"
        self.criterion = nn.CrossEntropyLoss(weights, label_smoothing=label_smoothing)

    def forward(self, sound: Tensor, frames: Tensor | None, labels: Tensor, pretrain: bool) -> Tensor:
        """`labels` are int64 [batch], or, of mixed windows, shares float32 [batch, labels]."""
        if pretrain:
            try:
                return self.model.network.pretrain_loss(sound, frames, labels)  # type: ignore[operator]
            except ValueError as error:
                raise EmozooError(f"{self.plugin} cannot be pretrained so: {error}") from error
        logits = self.model(sound, frames)
        if problem := _wrong_logits(logits, len(sound), len(self.model.labels)):
            raise EmozooError(f"{self.plugin} is broken: {problem}")
        return self.criterion(logits.float(), labels)


def _wrong_logits(logits: Any, batch: int, labels: int) -> str | None:
    """How what a network returned differs from what the contract asks for, as words; None where it does not."""
    if not isinstance(logits, Tensor):
        return f"forward returns a {type(logits).__name__}, not logits float32 [batch, labels]"
    if tuple(logits.shape) != (batch, labels):
        return (
            f"forward returns logits {list(logits.shape)} for {batch} clips and {labels} labels, not {[batch, labels]}"
        )
    if not logits.is_floating_point():
        return f"forward returns logits of {str(logits.dtype).removeprefix('torch.')}, not float32"
    if torch.is_grad_enabled() and not logits.requires_grad:
        return "the logits do not depend on any parameter that learns: look for detach(), no_grad() and frozen layers"
    return None


class Trainer:
    """One fold's training: its network, optimizer and history, and the file that they are resumed from."""

    def __init__(
        self,
        architecture: Architecture,
        config: Any,
        recipe: Recipe,
        store: ClipStore,
        labels: tuple[str, ...],
        train_rows: tuple[int, ...],
        dev_rows: tuple[int, ...],
        folder: Path,
        *,
        seed: str,
        device: str = "auto",
        precision: str = "auto",
        preparation: Preparation = PLAIN,
        provenance: Provenance | None = None,
        progress: Progress,
    ):
        """Builds the network from `seed`, any text: two trainers with one seed and the same data end with the same
        weights on a CPU. Raises EmozooError for a device or a recipe that cannot be used."""
        from accelerate import Accelerator, DistributedDataParallelKwargs
        from accelerate.state import AcceleratorState
        from accelerate.tracking import get_available_trackers

        self.recipe, self.store, self.folder, self.seed, self.progress = recipe, store, folder, seed, progress
        self.train_rows, self.dev_rows = np.asarray(train_rows), dev_rows
        self.targets = np.asarray(store.labels)
        chosen = pick_device(device)
        if chosen.type == "cuda" and chosen.index is not None:
            torch.cuda.set_device(chosen)  # accelerate takes the current one
        if precision == "auto":
            precision = "bf16" if computes_bf16(chosen) else "fp32"
        trackers = [name for name in map(str, get_available_trackers()) if name in ("tensorboard", "trackio")]
        # Pretraining leaves the classifier without gradients, a batch without pictures what would read them.
        unused = recipe.pretrain_epochs > 0 or bool(architecture.optional_modalities)
        AcceleratorState._reset_state()  # else a process could not train a second time in another precision
        self.accelerator = Accelerator(
            mixed_precision="no" if precision == "fp32" else precision,
            cpu=chosen.type == "cpu",
            log_with=trackers or None,
            project_dir=folder / "logs",
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=unused)],
        )
        if trackers:
            for noisy in trackers:
                logging.getLogger(noisy).setLevel(logging.ERROR)
            self.accelerator.init_trackers("emozoo", dataclasses.asdict(recipe))
        self.reseed("weights")
        origin = find(ARCHITECTURES, architecture.name).origin
        self.plugin = f"{architecture.name} ({origin})"
        with blamed(self.plugin, "cannot be built with this config"):
            self.model = EmotionModel(architecture, config, labels, preparation=preparation, provenance=provenance)
        if not any(parameter.requires_grad for parameter in self.model.parameters()):
            raise EmozooError(f"{self.plugin} has nothing to learn: none of its parameters requires a gradient")
        if recipe.pretrain_epochs and not hasattr(self.model.network, "pretrain_loss"):
            raise EmozooError(f"{architecture.name} has no pretraining of its own: leave pretrain_epochs at 0")
        for module in self.model.modules():
            if augment_by := getattr(module, "augment_by", None):
                with blamed(self.plugin, "cannot be trained with this recipe"):
                    augment_by(recipe)
        weights = None
        if recipe.balance == "loss":
            weights = torch.as_tensor(class_weights(self.targets[self.train_rows], len(labels)), dtype=torch.float32)
        kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
        optimizer = kind(self._parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        self.shares = [group["lr"] / recipe.learning_rate for group in optimizer.param_groups]
        objective = Objective(self.model, weights, recipe.label_smoothing)
        self.objective, self.optimizer = self.accelerator.prepare(objective, optimizer)
        self.average = copy.deepcopy(self.model) if recipe.ema_decay else None
        self.batches = math.ceil(len(self.draw(np.random.default_rng(0))) / recipe.batch_size)
        self.start: dict[str, Tensor] = {}
        self.epoch = 0
        self.unproven = False
        """Whether the loss of the next batch is looked at, as at the beginning: that waits for the device."""
        self.history: list[dict[str, Any]] = []

    def _parameters(self) -> list[Any]:
        """The network's own groups of parameters, as torch's optimizers take them; all in one where it has none.

        Raises EmozooError for a network that leaves a parameter out which would then never learn."""
        network: Any = self.model.network
        if not hasattr(network, "parameter_groups"):
            return list(network.parameters())
        groups = [{**group, "params": list(group["params"])} for group in network.parameter_groups(self.recipe)]
        grouped = {id(parameter) for group in groups for parameter in group["params"]}
        for name, parameter in network.named_parameters():
            if parameter.requires_grad and id(parameter) not in grouped:
                raise EmozooError(f"{self.model.architecture.name} is broken: parameter_groups leaves out {name!r}")
        return groups

    def reseed(self, stage: str | int) -> np.random.Generator:
        """Seeds torch for a stage of the run; returns a numpy generator that every process of several has alike."""
        number = int.from_bytes(hashlib.sha256(f"{self.seed} {stage}".encode()).digest()[:4], "little")
        # Each process draws its own augmentation, but starts from the same weights and draws the same clips.
        torch.manual_seed(number + (0 if stage == "weights" else self.accelerator.process_index))
        return np.random.default_rng(number)

    @property
    def measured(self) -> EmotionModel:
        """The model that the dev split is measured with, and that is kept: the averaged one where there is one; of a
        fine-tuning, on its way back to the weights that it started from by the recipe's share."""
        trained = self.average or self.model
        if not self.start:
            return trained
        between = copy.deepcopy(trained)
        for name, value in between.network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(self.start[name], self.recipe.start_share)
        return between

    @property
    def total_epochs(self) -> int:
        return self.recipe.pretrain_epochs + self.recipe.epochs

    @property
    def trained(self) -> list[dict[str, Any]]:
        """The history's epochs after pretraining."""
        return [record for record in self.history if not record["pretraining"]]

    @property
    def best(self) -> dict[str, Any]:
        """The epoch with the highest UA on the dev split, of equals the one with the lowest loss there; without such a split
        the last."""
        if not self.dev_rows:
            return self.trained[-1]
        return max(self.trained, key=lambda record: (record["dev_ua"], -record["dev_loss"]))

    def run(self) -> None:
        """Trains from where the folder left off until the last epoch, or until the recipe's patience is over."""
        if self.recipe.start_share:
            self.start = {name: value.clone() for name, value in self.model.network.state_dict().items()}
        self.load_state()
        self.unproven = True
        patience = self.recipe.patience
        while self.epoch < self.total_epochs:
            if patience and self.trained and self.epoch - self.best["epoch"] >= patience:
                break
            self.run_epoch()
        for tracker in self.accelerator.trackers:  # not end_training(), after which several processes cannot meet again
            tracker.finish()

    def run_epoch(self) -> None:
        """Trains one epoch, measures the dev split, keeps the weights where they are the best so far, saves the state."""
        started = time.perf_counter()
        pretrain = self.epoch < self.recipe.pretrain_epochs
        if self.epoch == self.recipe.pretrain_epochs:
            self.optimizer.state.clear()  # the moments of another loss
        rng = self.reseed(self.epoch)
        rows = self.draw(rng)
        starts = random_starts(np.array([self.store.length(int(row)) for row in rows]), rng)
        # Batches of equal size to within one clip: none is so small that its gradient is mostly noise.
        plan = zip(np.array_split(rows, self.batches), np.array_split(starts, self.batches), strict=True)
        self.objective.train()
        total = torch.zeros((), device=self.accelerator.device)
        for number, (batch, begins) in enumerate(plan):
            rate = self.learning_rate(number)
            for group, share in zip(self.optimizer.param_groups, self.shares, strict=True):
                group["lr"] = rate * share
            total += self.step(batch, begins, pretrain)
            if self.average:
                average_weights(self.average, self.model, self.recipe.ema_decay, self.epoch * self.batches + number)
            self.progress.step(self.epoch + 1, number + 1, self.batches)
        self.epoch += 1
        loss = self.accelerator.reduce(total, "mean").item() / self.batches
        record: dict[str, Any] = {"epoch": self.epoch, "pretraining": pretrain, "loss": loss}
        record |= {"learning_rate": rate}
        if math.isfinite(loss) and self.dev_rows and not pretrain:
            record |= self.measure_dev()
        if not math.isfinite(loss + record.get("dev_loss", 0.0)) or not self._is_finite():
            kept = f"epoch {self.best['epoch']}, the best so far, is kept; " if self.trained else ""
            raise EmozooError(
                f"training diverged in epoch {self.epoch}: the loss or the weights are no numbers any more; {kept}start "
                f"anew with a lower --set learning_rate, now {self.recipe.learning_rate}"
            )
        record["seconds"] = round(time.perf_counter() - started, 3)
        self.history.append(record)
        is_best = not pretrain and self.best is record
        self.accelerator.log(
            {name: value for name, value in record.items() if isinstance(value, float)}, step=self.epoch
        )
        if self.accelerator.is_main_process:
            if is_best:
                self.measured.save(self.folder)
            self.save_state()
        self.accelerator.wait_for_everyone()
        self.progress.epoch(record, self.total_epochs, is_best)

    def _is_finite(self) -> bool:
        tensors = [each for each in self.measured.network.state_dict().values() if each.is_floating_point()]
        return bool(torch.stack([each.isfinite().all() for each in tensors]).all())

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """The rows of one epoch, in order."""
        if self.recipe.balance == "sampling":
            corpora = self.store.corpora[self.train_rows]
            return self.train_rows[balanced_epoch(self.targets[self.train_rows], rng, corpora=corpora)]
        return rng.permutation(self.train_rows)

    def step(self, rows: np.ndarray, starts: np.ndarray, pretrain: bool) -> Tensor:
        """One batch forward, backward and applied; returns the loss of this process' share, still on the device."""
        own = slice(self.accelerator.process_index, None, self.accelerator.num_processes)
        weight = len(rows[own]) * self.accelerator.num_processes / len(rows)  # gradients are averaged over processes
        rows, starts = rows[own], starts[own]
        sound, frames = self.store.batch(rows, starts, self.accelerator.device)
        recipe = self.recipe
        sound = augment_waveform(
            sound, noise=recipe.noise, gain=recipe.gain, shift=recipe.shift, excerpt=recipe.excerpt
        )
        if frames is not None and recipe.frame_augment:
            frames = augment_frames(frames)
        labels = to_device(self.targets[rows], self.accelerator.device)
        if recipe.mixup and not pretrain:
            sound, frames, share, partner = mix(sound, frames, recipe.mixup)
            whole = F.one_hot(labels, len(self.model.labels)).float()
            labels = whole.lerp(whole[partner], 1 - share[:, None])
        with blamed(self.plugin, "failed in training"):
            loss = self.objective(sound, frames, labels, pretrain) * weight
            if self.unproven and not math.isfinite(loss.item()):
                raise EmozooError(
                    f"{self.plugin} is broken: the loss of its first batch is {loss.item()}, before any step was taken"
                )
            self.optimizer.zero_grad()
            self.accelerator.backward(loss)
        self.unproven = False
        if recipe.clip_norm:
            self.accelerator.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        self.optimizer.step()
        return loss.detach()

    def learning_rate(self, batch: int) -> float:
        """Of a batch of this epoch: rises from zero over the warm-up, then stays or follows a cosine to zero."""
        recipe = self.recipe
        pretrain = self.epoch < recipe.pretrain_epochs
        first = 0 if pretrain else recipe.pretrain_epochs
        steps = (recipe.pretrain_epochs if pretrain else recipe.epochs) * self.batches
        step, warmup = (self.epoch - first) * self.batches + batch, recipe.warmup * steps
        if step < warmup:
            return recipe.learning_rate * (step + 1) / (warmup + 1)
        if recipe.schedule == "cosine":
            return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
        return recipe.learning_rate

    def measure_dev(self) -> dict[str, float]:
        """Loss, WA and UA on the dev split, answered window by window as in prediction."""
        probabilities = clip_probabilities(self.measured.eval(), self.store, self.dev_rows, self.accelerator.autocast)
        truth = self.targets[np.asarray(self.dev_rows)]
        loss = float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean())
        metrics = evaluate_predictions(self.model.labels, truth, probabilities.argmax(1))
        return {"dev_loss": loss, "dev_wa": metrics.wa, "dev_ua": metrics.ua}

    def save_state(self) -> None:
        """Replaces the file that training is resumed from: weights, optimizer moments, history."""
        tensors = {f"network.{name}": tensor for name, tensor in self.model.network.state_dict().items()}
        if self.average:
            tensors |= {f"average.{name}": tensor for name, tensor in self.average.network.state_dict().items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        with atomic(self.folder / RESUME) as temporary:
            state = json.dumps({"epoch": self.epoch, "history": self.history})
            save_file(tensors, temporary, metadata={"state": state, WRITER: emozoo_version()})

    def load_state(self) -> None:
        """Goes back to the last whole epoch of the folder, where there is one. Raises EmozooError for a damaged file."""
        path = self.folder / RESUME
        if not path.exists():
            return
        written: Any = None
        try:
            with safe_open(path, framework="pt") as file:
                written = file.metadata()
                state = json.loads(written["state"])
                epoch, history = state["epoch"], state["history"]
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            self.model.network.load_state_dict(_below("network.", tensors))
            if self.average:
                self.average.network.load_state_dict(_below("average.", tensors))
            moments: dict[int, dict[str, Tensor]] = {}
            for name, tensor in _below("optimizer.", tensors).items():
                number, key = name.split(".")
                moments.setdefault(int(number), {})[key] = tensor
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            why = f"training cannot go on from it: delete {self.folder} to start anew"
            raise unreadable(path, written, why) from error
        self.epoch, self.history = epoch, history
        self.progress.message(f"going on after epoch {self.epoch} of {self.total_epochs}")


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
