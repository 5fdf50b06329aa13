"""The second front end: a window's mel spectrogram, and its augmentation.

`emozoo.features` hands it on to plugins.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.architecture import Recipe

SAMPLING_RATE = 16_000
ROWS = 64
COLUMNS = 150
"""The size of the spectrogram: rows of a mel band each, columns of 20 ms."""


class LogMel(nn.Module):
    """A window's mel spectrogram: float32 [batch, 48000] -> float32 [batch, 1, 64, 150], low bands first.

    Power in 64 mel bands of 50 to 7800 Hz, of the waveform scaled to a peak of 1, in dB down to -60, where speech
    reaches 20 to 40, the mean of two columns of 10 ms; then (dB + 20) / 20. So the level of a recording does not matter,
    as long as its peak is above -80 dB of full scale. Any finite waveform gives finite values.

    In train mode the augmentation that `augment_by` was told of is applied.
    """

    window: Tensor
    mel: Tensor

    FFT, LENGTH, HOP = 512, 400, 160  # 25 ms every 10 ms
    LOWEST, HIGHEST = 50.0, 7800.0
    FLOOR = 1e-6
    # Round numbers about the mean and deviation in dB of a window of speech.
    MEAN, DEVIATION = -20.0, 20.0
    QUIETEST_PEAK = 1e-4  # -80 dB of full scale

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", hann(self.LENGTH, self.FFT), persistent=False)
        self.register_buffer("mel", mel_bands(self.FFT // 2 + 1, ROWS, self.LOWEST, self.HIGHEST), persistent=False)
        self.recipe: Recipe | None = None

    def augment_by(self, recipe: Recipe) -> None:
        """From now on, in train mode, augments as the recipe says: `channel`, `stretch`, `formants`, `band`, masks."""
        if recipe.time_mask > 2 * COLUMNS or recipe.freq_mask > ROWS:
            raise ValueError(
                f"a window has {2 * COLUMNS} times 10 ms and {ROWS} bands; "
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
            decibels = decibels.unflatten(2, (COLUMNS, 2)).mean(3)
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
        batch, device = len(spectrogram), spectrogram.device
        columns = draw_masks(batch, COLUMNS, recipe.time_mask // 2, recipe.masks, device)
        rows = draw_masks(batch, ROWS, min(recipe.freq_mask, ROWS), recipe.masks, device)
        return spectrogram.masked_fill(columns[:, None, :] | rows[:, :, None], 0.0)


def draw_masks(batch: int, size: int, longest: int, masks: int, device: torch.device) -> Tensor:
    """Which of `size` places lie in one of `masks` random stretches of 0 to `longest`: bool [batch, size]."""
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
    """Triangles that overlap by half, equally wide in mel (O'Shaughnessy 1987): float32 [bands, bins] of 0 to 8 kHz."""
    first, last = (2595 * math.log10(1 + frequency / 700) for frequency in (lowest, highest))
    edges = 700 * (10 ** (np.linspace(first, last, bands + 2) / 2595) - 1)
    frequency = np.linspace(0, SAMPLING_RATE / 2, bins)
    rise = (frequency - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - frequency) / np.diff(edges)[1:, None]
    return torch.from_numpy(np.minimum(rise, fall).clip(min=0).astype(np.float32))


def warp(decibels: Tensor, stretch: float, formants: float) -> Tensor:
    """Each clip's float32 [batch, 64, 150] at another tempo and with other formants, which change by these shares at most.

    Changing formants scales the mel axis: vocal tract length perturbation (Jaitly and Hinton 2013), here on the bands.
    """
    batch, device = len(decibels), decibels.device

    def uniform(reach: float) -> Tensor:
        return torch.empty(batch, 1, device=device).uniform_(-reach, reach)

    tempo, scale = 1 + uniform(stretch), 1 + uniform(formants)
    place = torch.linspace(-1, 1, COLUMNS, device=device) * tempo + uniform(1) * (1 - tempo).clamp(min=0)
    bands = (torch.linspace(0, 1, ROWS, device=device) * scale).clamp(max=1) * 2 - 1
    size = (batch, ROWS, COLUMNS)
    grid = torch.stack([place[:, None, :].expand(size), bands[:, :, None].expand(size)], -1)
    return F.grid_sample(decibels[:, None], grid, padding_mode="border", align_corners=True)[:, 0]


def narrowed(decibels: Tensor, chance: float) -> Tensor:
    """Clips float32 [batch, 64, 150] of which some keep a band only, from 50 to 400 Hz up to 2.5 to 7.8 kHz.

    What lies outside falls by 20 dB or more, to the floor at most: recorders, codecs and telephones differ in that.
    """
    batch, device = len(decibels), decibels.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(batch, 1, 1, device=device).uniform_(low, high)

    row = torch.arange(ROWS, device=device)[:, None]
    outside = (row < uniform(0, 10)) | (row > uniform(38, ROWS))  # bands 10 and 38 are at 400 Hz and 2.5 kHz
    fall = uniform(20, 80) * outside * (uniform(0, 1) < chance)
    return (decibels - fall).clamp(min=10 * math.log10(LogMel.FLOOR))
