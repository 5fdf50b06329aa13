"""The second front end: a window's mel spectrogram and its pitch, side by side as two pictures of one size.

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
ROWS, COLUMNS = 64, 150
"""The size of both pictures: rows of a mel band, or a pitch, each; columns of 20 ms."""


class MelPitch(nn.Module):
    """A window's mel spectrogram and pitch map: float32 [batch, 48000] -> float32 [batch, 2, 64, 150], low rows first.

    Channel 0: power in 64 mel bands of 50 to 7800 Hz, of the waveform scaled to a peak of 1, in dB down to -60, where
    speech reaches 20 to 40, the mean of two columns of 10 ms; then (dB + 20) / 20. So the level of a recording does not
    matter, as long as its peak is above -60 dB of full scale.

    Channel 1: the autocorrelation of each column at 64 periods, of 60 to 500 Hz in equal steps of 0.58 semitones, from
    the fourth root of the power below 4 kHz, which flattens the formants (Tolonen and Karjalainen 2000). A voice shows
    as a line at its pitch; a column without one is about 0. `MelPitch(pitch_map=False)` gives channel 0 alone.

    In train mode the augmentation that `augment_by` was told of is applied. Any finite waveform gives finite values.
    """

    window: Tensor
    mel: Tensor
    long_window: Tensor
    periods: Tensor

    FFT, LENGTH, HOP = 512, 400, 160  # 25 ms every 10 ms
    LONG_FFT, LONG_LENGTH, LONG_HOP = 1024, 640, 320  # 40 ms, which hold two periods of 60 Hz, every 20 ms
    LOWEST, HIGHEST = 50.0, 7800.0
    LOWEST_PITCH, HIGHEST_PITCH = 60.0, 500.0
    FLOOR = 1e-6
    # About the mean and deviation in dB, measured over 4,855 clips of RAVDESS, EMO-DB and nEMO.
    MEAN, DEVIATION = -20.0, 20.0
    QUIETEST_PEAK = 1e-3  # -60 dB of full scale
    PITCH_SCALE = 0.05  # about the deviation of voiced columns

    def __init__(self, pitch_map: bool = True) -> None:
        super().__init__()
        self.register_buffer("window", hann(self.LENGTH, self.FFT), persistent=False)
        self.register_buffer("mel", mel_bands(self.FFT // 2 + 1, ROWS, self.LOWEST, self.HIGHEST), persistent=False)
        self.pitch_map = pitch_map
        if pitch_map:
            periods = pitch_periods(self.LONG_FFT // 4, ROWS, self.LOWEST_PITCH, self.HIGHEST_PITCH)
            self.register_buffer("long_window", hann(self.LONG_LENGTH, self.LONG_FFT), persistent=False)
            self.register_buffer("periods", periods, persistent=False)
        self.recipe: Recipe | None = None

    def augment_by(self, recipe: Recipe) -> None:
        """From now on, in train mode, augments as the recipe says: `channel`, `stretch`, `formants`, `pitch`, masks."""
        self.recipe = recipe

    def forward(self, input_values: Tensor) -> Tensor:
        with torch.autocast(input_values.device.type, enabled=False):  # half precision has no 60 dB of range
            waveform = input_values.float()
            waveform = waveform / waveform.abs().amax(1, keepdim=True).clamp(min=self.QUIETEST_PEAK)
            pictures = [self._mel(waveform), self._pitch(waveform)] if self.pitch_map else [self._mel(waveform)]
            recipe = self.recipe if self.training else None
            if recipe and recipe.channel:
                pictures[0] = pictures[0] + self._curve(pictures[0], recipe.channel)
            if recipe and (recipe.stretch or recipe.formants or recipe.pitch):
                pictures = warp(pictures, recipe)
            pictures[0] = (pictures[0] - self.MEAN) / self.DEVIATION
            result = torch.stack(pictures, 1)
            if recipe and (recipe.time_mask or recipe.freq_mask):
                result = self._mask(result, recipe)
        return result

    def _mel(self, waveform: Tensor) -> Tensor:
        """In dB: float32 [batch, 64, 150]."""
        decibels = 10 * (self.mel @ power(waveform, self.window, self.HOP)).clamp(min=self.FLOOR).log10()
        return decibels.unflatten(2, (COLUMNS, 2)).mean(3)

    def _pitch(self, waveform: Tensor) -> Tensor:
        """float32 [batch, 64, 150]."""
        low = power(waveform, self.long_window, self.LONG_HOP)[:, : self.LONG_FFT // 4]
        flat = low.clamp(min=1e-8).sqrt().sqrt()
        return self.periods @ flat / (self.PITCH_SCALE * flat.sum(1, keepdim=True))

    def _curve(self, decibels: Tensor, most: float) -> Tensor:
        """A smooth curve over the bands for each clip: float32 [batch, 64, 1], from -`most` to `most` dB."""
        nodes = torch.empty(len(decibels), 1, 6, device=decibels.device).uniform_(-most, most)
        return F.interpolate(nodes, ROWS, mode="linear", align_corners=True).transpose(1, 2)

    def _mask(self, pictures: Tensor, recipe: Recipe) -> Tensor:
        batch, device = len(pictures), pictures.device
        columns = draw_masks(batch, COLUMNS, recipe.time_mask // 2, recipe.masks, device)
        rows = draw_masks(batch, ROWS, min(recipe.freq_mask, ROWS), recipe.masks, device)
        pictures = pictures.masked_fill(columns[:, None, None, :], 0.0)
        mel = pictures[:, :1].masked_fill(rows[:, None, :, None], 0.0)
        return torch.cat([mel, pictures[:, 1:]], 1)


def power(waveform: Tensor, window: Tensor, hop: int) -> Tensor:
    """Of the spectrum, a column every `hop` samples: float32 [batch, len(window) // 2 + 1, samples // hop]."""
    spectrum = torch.stft(waveform, len(window), hop, window=window, pad_mode="constant", return_complex=True)[:, :, :-1]
    return spectrum.real.square() + spectrum.imag.square()


def draw_masks(batch: int, size: int, longest: int, masks: int, device: torch.device) -> Tensor:
    """Which of `size` places lie in one of `masks` random stretches of 0 to `longest`: bool [batch, size]."""
    length = torch.randint(longest + 1, (batch, masks, 1), device=device)
    start = (torch.rand(batch, masks, 1, device=device) * (size - length + 1)).long()
    place = torch.arange(size, device=device)
    return ((place >= start) & (place < start + length)).any(1)


# The constants are computed by numpy: on torch's meta device, where a checkpoint's network is built first, such sums make
# torch import its compiler, which takes longer than a whole prediction.


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


def pitch_periods(bins: int, rows: int, lowest: float, highest: float) -> Tensor:
    """What gives the autocorrelation at `rows` periods from a spectrum of `bins` up to 4 kHz: float32 [rows, bins].

    A row is a cosine whose maxima lie at the multiples of a pitch; the pitches rise from `lowest` to `highest` Hz in
    equal ratios. The mean is taken away, so that a flat spectrum gives 0.
    """
    pitches = lowest * (highest / lowest) ** (np.arange(rows) / (rows - 1))
    frequency = np.arange(bins) * SAMPLING_RATE / (4 * bins)
    waves = np.cos(2 * np.pi * frequency / pitches[:, None])
    return torch.from_numpy((waves - waves.mean(1, keepdims=True)).astype(np.float32))


def warp(pictures: list[Tensor], recipe: Recipe) -> list[Tensor]:
    """The pictures of each clip at another tempo, with other formants and another pitch, drawn from the recipe's ranges.

    Changing formants scales the mel axis: vocal tract length perturbation (Jaitly and Hinton 2013), here on the bands.
    """
    batch, device = len(pictures[0]), pictures[0].device

    def uniform(reach: float) -> Tensor:
        return torch.empty(batch, 1, device=device).uniform_(-reach, reach)

    tempo, scale = 1 + uniform(recipe.stretch), 1 + uniform(recipe.formants)
    rows_an_octave = (ROWS - 1) / math.log2(MelPitch.HIGHEST_PITCH / MelPitch.LOWEST_PITCH)
    rise = uniform(recipe.pitch) / 12 * rows_an_octave * 2 / (ROWS - 1)
    across = torch.linspace(-1, 1, COLUMNS, device=device)
    place = across * tempo + uniform(1) * (1 - tempo).clamp(min=0)
    bands = (torch.linspace(0, 1, ROWS, device=device) * scale).clamp(max=1) * 2 - 1
    pitches = torch.linspace(-1, 1, ROWS, device=device) + rise

    def sample(picture: Tensor, rows: Tensor) -> Tensor:
        size = (batch, ROWS, COLUMNS)
        grid = torch.stack([place[:, None, :].expand(size), rows[:, :, None].expand(size)], -1)
        return F.grid_sample(picture[:, None], grid, padding_mode="border", align_corners=True)[:, 0]

    return [sample(picture, rows) for picture, rows in zip(pictures, (bands, pitches), strict=False)]
