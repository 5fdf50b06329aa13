"""The front end `LogSpectrogram`: a window's spectrogram, and its masking in training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from emozoo.architecture import Recipe
from emozoo.features.log_mel import COLUMN_SAMPLES, random_masks
from emozoo.media.window_shape import DEFAULT_WINDOW, SAMPLING_RATE

ROWS = 200
COLUMNS = DEFAULT_WINDOW.samples // COLUMN_SAMPLES
"""The size of the spectrogram of 3 s: a row for each 40 Hz from 0 to 7960 Hz, a column for each 10 ms."""


def columns_of(seconds: float) -> int:
    """Columns of a spectrogram of so much sound."""
    return round(seconds * SAMPLING_RATE) // COLUMN_SAMPLES


class LogSpectrogram(nn.Module):
    """A window's spectrogram: float32 [batch, samples] -> float32 [batch, 1, 200, samples // 160], row 0 the lowest.

    Power in dB below the window's own maximum, down to -80 dB, is mapped to [0, 1] and standardised with fixed constants.
    So the level of a recording does not matter if its peak is above -60 dB of full scale; quieter ones fade, and silence
    is 0 before standardisation. Any finite waveform gives finite values.

    In train mode, the masks of `augment_by` are applied to the result.
    """

    window: Tensor

    WINDOW_LENGTH = 400  # 25 ms
    HOP = COLUMN_SAMPLES
    RANGE = 80.0  # dB
    QUIETEST_PEAK = 1e-3  # -60 dB of full scale
    # Near the mean and the deviation of the values in [0, 1], measured on 406 clips of RAVDESS, EMO-DB and nEMO (0.18 to
    # 0.22 and 0.20 to 0.22). Fixed, not each window's own, so that the share of silence in a window still shows.
    MEAN = 0.2
    DEVIATION = 0.21

    def __init__(self, seconds: float = DEFAULT_WINDOW.seconds) -> None:
        """`seconds`: the length of a window, which bounds the masks of a recipe. Any number of samples is taken."""
        super().__init__()
        self.columns = columns_of(seconds)
        self.register_buffer("window", torch.hann_window(self.WINDOW_LENGTH), persistent=False)
        self.masking: nn.Module | None = None

    def augment_by(self, recipe: Recipe) -> None:
        """From now on, masks in train mode by the recipe's `time_mask`, `freq_mask` and `masks`."""
        if recipe.time_mask or recipe.freq_mask:
            self.masking = SpectrogramMasking(recipe.time_mask, recipe.freq_mask, recipe.masks, self.columns)

    def forward(self, input_values: Tensor) -> Tensor:
        with torch.autocast(input_values.device.type, enabled=False):  # half precision has no 80 dB of range
            waveform = input_values.float()
            # With a peak of 1, the power below can neither overflow nor fall below its floor.
            waveform = waveform / waveform.abs().amax(1, keepdim=True).clamp(min=self.QUIETEST_PEAK)
            spectrum = torch.stft(
                waveform, self.WINDOW_LENGTH, self.HOP, window=self.window, pad_mode="constant", return_complex=True
            )[:, :-1, :-1]  # the row at 8 kHz and the last column go
            power = spectrum.real.square() + spectrum.imag.square()
            decibels = 10 * power.clamp(min=1e-10).log10()
            # A single click of full scale has about 0 dB, the least of any waveform with a peak of 1: only those that
            # the division above left quiet stay below.
            loudest = decibels.amax((1, 2), keepdim=True).clamp(min=0)
            unit = ((decibels - loudest) / self.RANGE + 1).clamp(min=0)
            spectrogram = ((unit - self.MEAN) / self.DEVIATION).unsqueeze(1)
        if self.training and self.masking is not None:
            spectrogram = self.masking(spectrogram)
        return spectrogram


class SpectrogramMasking(nn.Module):
    """Sets random spans of a spectrogram [batch, 1, rows, columns] to 0, its mean; each clip has its own.

    SpecAugment without time warping (Park et al. 2019, arXiv 1904.08779): `masks` spans of 0 to `time_mask` columns and as
    many bands of 0 to `freq_mask` rows.
    """

    def __init__(self, time_mask: int, freq_mask: int, masks: int = 1, columns: int = COLUMNS) -> None:
        super().__init__()
        if not (0 <= time_mask <= columns and 0 <= freq_mask <= ROWS and masks >= 0):
            raise ValueError(
                f"a mask is 0 to {columns} columns and 0 to {ROWS} rows, and masks 0 or more; "
                f"got time_mask {time_mask}, freq_mask {freq_mask}, masks {masks}"
            )
        self.time_mask = time_mask
        self.freq_mask = freq_mask
        self.masks = masks

    def forward(self, spectrogram: Tensor) -> Tensor:
        batch, _, rows, columns = spectrogram.shape
        masked_rows = random_masks(batch, rows, min(self.freq_mask, rows), self.masks, spectrogram.device)
        masked_columns = random_masks(batch, columns, min(self.time_mask, columns), self.masks, spectrogram.device)
        masked = masked_rows[:, None, :, None] | masked_columns[:, None, None, :]
        return spectrogram.masked_fill(masked, 0.0)
