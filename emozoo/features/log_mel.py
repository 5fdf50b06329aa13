"""The front end `LogMel`: a window's mel spectrogram, and its augmentation."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.architecture import Recipe
from emozoo.media.window_shape import DEFAULT_WINDOW, SAMPLING_RATE

COLUMN_SAMPLES = 160  # 10 ms
ROWS = 64
COLUMNS = DEFAULT_WINDOW.samples // (2 * COLUMN_SAMPLES)
"""The size of the spectrogram of 3 s: a row for each mel band, a column for each 20 ms."""


class LogMel(nn.Module):
    """A window's mel spectrogram: float32 [batch, samples] -> float32 [batch, 1, 64, samples // 320], low bands first.

    The waveform is scaled to a peak of 1. The power in 64 mel bands of 50 to 7800 Hz is taken in dB, from -60 (speech
    reaches 20 to 40), and averaged over two columns of 10 ms; then (dB + 20) / 20. So the level of a recording does not
    matter if its peak is above -80 dB of full scale. Any finite waveform gives finite values.

    In train mode, the augmentation of `augment_by` is applied.
    """

    window: Tensor
    mel: Tensor

    FFT = 512
    LENGTH = 400  # 25 ms
    HOP = COLUMN_SAMPLES
    LOWEST = 50.0
    HIGHEST = 7800.0
    FLOOR = 1e-6
    # Round numbers near the mean and the deviation, in dB, of a window of speech.
    MEAN = -20.0
    DEVIATION = 20.0
    QUIETEST_PEAK = 1e-4  # -80 dB of full scale

    def __init__(self, seconds: float = DEFAULT_WINDOW.seconds) -> None:
        """`seconds`: the length of a window, which bounds the masks of a recipe. Any number of samples is taken."""
        super().__init__()
        self.columns = round(seconds * SAMPLING_RATE) // (2 * COLUMN_SAMPLES)
        self.register_buffer("window", hann(self.LENGTH, self.FFT), persistent=False)
        self.register_buffer("mel", mel_bands(self.FFT // 2 + 1, ROWS, self.LOWEST, self.HIGHEST), persistent=False)
        self.recipe: Recipe | None = None

    def augment_by(self, recipe: Recipe) -> None:
        """From now on, augments in train mode by the recipe's `channel`, `stretch`, `formants`, `band` and masks."""
        if recipe.time_mask > 2 * self.columns or recipe.freq_mask > ROWS:
            raise ValueError(
                f"a window has {2 * self.columns} times 10 ms and {ROWS} bands; "
                f"got time_mask {recipe.time_mask}, freq_mask {recipe.freq_mask}"
            )
        self.recipe = recipe

    def forward(self, input_values: Tensor) -> Tensor:
        with torch.autocast(input_values.device.type, enabled=False):  # half precision has no 60 dB of range
            waveform = input_values.float()
            waveform = waveform / waveform.abs().amax(1, keepdim=True).clamp(min=self.QUIETEST_PEAK)
            spectrum = torch.stft(
                waveform, self.FFT, self.HOP, window=self.window, pad_mode="constant", return_complex=True
            )[:, :, :-1]
            power = spectrum.real.square() + spectrum.imag.square()
            decibels = 10 * (self.mel @ power).clamp(min=self.FLOOR).log10()
            decibels = decibels[:, :, : decibels.shape[2] // 2 * 2].unflatten(2, (-1, 2)).mean(3)
            recipe = self.recipe if self.training else None
            if recipe and recipe.channel:
                decibels = decibels + self._curve(decibels, recipe.channel)
            if recipe and (recipe.stretch or recipe.formants):
                decibels = warp(decibels, recipe.stretch, recipe.formants)
            if recipe and recipe.band:
                decibels = narrowed(decibels, recipe.band)
            spectrogram = (decibels - self.MEAN) / self.DEVIATION
            if recipe and (recipe.time_mask or recipe.freq_mask):
                spectrogram = self._mask(spectrogram, recipe)
        return spectrogram[:, None]

    def _curve(self, decibels: Tensor, most: float) -> Tensor:
        """A smooth curve over the bands for each clip: float32 [batch, 64, 1], from -`most` to `most` dB."""
        nodes = torch.empty(len(decibels), 1, 6, device=decibels.device).uniform_(-most, most)
        return F.interpolate(nodes, ROWS, mode="linear", align_corners=True).transpose(1, 2)

    def _mask(self, spectrogram: Tensor, recipe: Recipe) -> Tensor:
        batch, device, size = len(spectrogram), spectrogram.device, spectrogram.shape[2]
        columns = random_masks(batch, size, min(recipe.time_mask // 2, size), recipe.masks, device)
        rows = random_masks(batch, ROWS, min(recipe.freq_mask, ROWS), recipe.masks, device)
        return spectrogram.masked_fill(columns[:, None, :] | rows[:, :, None], 0.0)


def random_masks(batch: int, size: int, longest: int, masks: int, device: torch.device) -> Tensor:
    """Which of `size` places lie in one of `masks` random spans of 0 to `longest`: bool [batch, size]."""
    length = torch.randint(longest + 1, (batch, masks, 1), device=device)
    start = (torch.rand(batch, masks, 1, device=device) * (size - length + 1)).long()
    place = torch.arange(size, device=device)
    return ((place >= start) & (place < start + length)).any(1)


def hann(length: int, size: int) -> Tensor:
    """A periodic Hann window of `length` in the middle of `size` samples: float32 [size]."""
    window = np.zeros(size, np.float32)
    first = (size - length) // 2
    window[first : first + length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return torch.from_numpy(window)


def mel_bands(bins: int, bands: int, lowest: float, highest: float) -> Tensor:
    """Triangular filters that overlap by half, equally wide in mel (O'Shaughnessy 1987): float32 [bands, bins]."""
    first, last = (2595 * math.log10(1 + frequency / 700) for frequency in (lowest, highest))
    edges = 700 * (10 ** (np.linspace(first, last, bands + 2) / 2595) - 1)
    frequency = np.linspace(0, SAMPLING_RATE / 2, bins)
    rise = (frequency - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - frequency) / np.diff(edges)[1:, None]
    return torch.from_numpy(np.minimum(rise, fall).clip(min=0).astype(np.float32))


def warp(decibels: Tensor, stretch: float, formants: float) -> Tensor:
    """Clips float32 [batch, 64, columns] at another tempo and with other formants, which change by these shares at most.

    Formants change by scaling the mel axis: vocal tract length perturbation (Jaitly and Hinton 2013), here on the bands.
    """
    batch, device, columns = len(decibels), decibels.device, decibels.shape[2]

    def uniform(reach: float) -> Tensor:
        return torch.empty(batch, 1, device=device).uniform_(-reach, reach)

    tempo, scale = 1 + uniform(stretch), 1 + uniform(formants)
    place = torch.linspace(-1, 1, columns, device=device) * tempo + uniform(1) * (1 - tempo).clamp(min=0)
    bands = (torch.linspace(0, 1, ROWS, device=device) * scale).clamp(max=1) * 2 - 1
    size = (batch, ROWS, columns)
    grid = torch.stack([place[:, None, :].expand(size), bands[:, :, None].expand(size)], -1)
    return F.grid_sample(decibels[:, None], grid, padding_mode="border", align_corners=True)[:, 0]


def narrowed(decibels: Tensor, chance: float) -> Tensor:
    """Clips float32 [batch, 64, columns], some of which keep only a band, from 50-400 Hz to 2.5-7.8 kHz.

    The rest falls by 20 dB or more, but not below the floor: recorders, codecs and telephones differ in that.
    """
    batch, device = len(decibels), decibels.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(batch, 1, 1, device=device).uniform_(low, high)

    row = torch.arange(ROWS, device=device)[:, None]
    outside = (row < uniform(0, 10)) | (row > uniform(38, ROWS))  # bands 10 and 38 are at 400 Hz and 2.5 kHz
    fall = uniform(20, 80) * outside * (uniform(0, 1) < chance)
    return (decibels - fall).clamp(min=10 * math.log10(LogMel.FLOOR))
