"""What a network learns from, batch by batch: windows of the clips of an epoch, augmented, and what people said of them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from emozoo.architecture import Recipe
from emozoo.features.batches import Batch, to_device
from emozoo.media.window_shape import WindowShape
from emozoo.target import Outputs
from emozoo.training.augmentation import augment_frames, augment_waveform, mix
from emozoo.training.frozen import FrozenPart
from emozoo.training.job import TrainingClips
from emozoo.training.sampling import balanced_epoch, class_weights, random_starts


class Examples:
    """The clips of a training, with their words and ratings as `Objective` takes them."""

    def __init__(self, clips: TrainingClips, outputs: Outputs, recipe: Recipe, window: WindowShape) -> None:
        self.store = clips.store
        self.rows = np.asarray(clips.train)
        self.truth = clips.said
        self.recipe, self.outputs, self.window = recipe, outputs, window
        self.words = self._words()
        labels = len(outputs.labels)
        self.class_weights = class_weights(self.truth.classes[self.rows], labels) if labels else np.ones(0)
        self.batches = math.ceil(len(self.rows_of_epoch(np.random.default_rng(0))) / recipe.batch_size)
        """Of an epoch."""
        self.frozen: FrozenPart | None = None
        """The network's frozen part, where it is computed once: then its features stand for windows."""

    def _words(self) -> np.ndarray:
        """What the words of all clips are compared with."""
        if self.outputs.multi and self.truth.counts is not None:
            return (self.truth.counts > 0).astype(np.float32)
        shares = self.truth.shares(self.recipe.vote_temperature)
        return self.truth.words if shares is None else shares

    def rows_of_epoch(self, rng: np.random.Generator) -> np.ndarray:
        """Of the clips of one epoch, in order."""
        if self.recipe.balance == "sampling":
            corpora = self.store.corpora[self.rows]
            classes = self.truth.classes[self.rows]  # of dimensions alone, all are one
            return self.rows[balanced_epoch(classes, rng, corpora=corpora)]
        return rng.permutation(self.rows)

    def epoch(self, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The rows of each batch, and the first sample of each row's window."""
        rows = self.rows_of_epoch(rng)
        lengths = np.array([self.store.length(int(row)) for row in rows])
        starts = random_starts(lengths, rng, self.window)
        if self.frozen:
            starts = self.frozen.starts(rows, rng)
        # Sizes differ by one clip at most: no batch is so small that its gradient is mostly noise.
        return zip(np.array_split(rows, self.batches), np.array_split(starts, self.batches), strict=True)

    def weights(self, rows: np.ndarray, pretrain: bool) -> np.ndarray:
        """Each clip's weight in the loss of a batch."""
        weighted = self.recipe.balance == "loss" and self.outputs.labels and self.words.ndim == 1
        if not weighted or self.recipe.mixup or pretrain:  # the loss of shares is a plain mean
            return np.ones(len(rows))
        return self.class_weights[self.words[rows]]

    def batch(
        self, rows: np.ndarray, starts: np.ndarray, device: torch.device, pretrain: bool
    ) -> tuple[Batch, Tensor, Tensor]:
        """Windows, words and ratings on the device."""
        recipe = self.recipe
        words = to_device((self.truth.classes if pretrain else self.words)[rows], device)
        ratings = torch.empty((len(rows), 0), device=device)  # costs no copy
        if self.outputs.dimensions:
            ratings = to_device(self.truth.ratings[rows], device)
        if self.frozen:
            return self.frozen.batch(rows, starts), words, ratings
        sound, frames, lengths = self.store.batch(rows, starts, device, self.window)
        sound, lengths = augment_waveform(
            sound, lengths, noise=recipe.noise, gain=recipe.gain, shift=recipe.shift, excerpt=recipe.excerpt
        )
        if frames is not None and recipe.frame_augment:
            frames = augment_frames(frames)
        if recipe.mixup and not pretrain:
            sound, frames, share, partner = mix(sound, frames, recipe.mixup)
            other = 1 - share[:, None]
            if self.outputs.labels:
                whole = words if words.is_floating_point() else F.one_hot(words, len(self.outputs.labels)).float()
                words = whole.lerp(whole[partner], other)
            ratings = ratings.lerp(ratings[partner], other)  # NaN where either is unknown
            lengths = torch.maximum(lengths, lengths[partner])
        return Batch(sound, frames, lengths), words, ratings
