"""What the networks are made of: the front end, augmentation on the device, and the blocks that several networks share.

All of it is torch and runs where the model is. Reading files, cutting windows and scaling pictures to 60 x 100 is
`emozoo.media`'s work; when to augment, and how much, is the training loop's and the recipe's.

Random draws come from torch's global generators, so whoever seeds torch repeats them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.architecture import Recipe
from emozoo.convolution import WideConv2d
from emozoo.log_mel import LogMel, draw_masks
from emozoo.media import DARK, SILENT, stack_frames

__all__ = ["LogMel", "WideConv2d"]  # handed on to plugins, beside what is defined here

SAMPLING_RATE = 16_000
ROWS, COLUMNS = 200, 300
"""The spectrogram's size: rows of 40 Hz from 0 to 7960 Hz, columns of 10 ms."""
FRAMES, HEIGHT, WIDTH = 20, 60, 100
"""The size of the frames of a window."""


class LogSpectrogram(nn.Module):
    """A window's spectrogram: float32 [batch, 48000] -> float32 [batch, 1, 200, 300], row 0 the lowest frequency.

    Power in dB below the window's own maximum, down to -80 dB, mapped to [0, 1] and then standardised with fixed
    constants. So the level of a recording does not matter, as long as its peak is above -60 dB of full scale; what is
    quieter fades, and silence is 0 before standardisation. Any finite waveform gives finite values.

    In train mode the masks that `augment_by` was told of are applied to the result.
    """

    window: Tensor

    WINDOW_LENGTH = 400  # 25 ms
    HOP = 160  # 10 ms
    RANGE = 80.0  # dB
    QUIETEST_PEAK = 1e-3  # -60 dB of full scale
    # About the mean and deviation of the values in [0, 1], measured over 406 clips of RAVDESS, EMO-DB and nEMO (0.18 to
    # 0.22 and 0.20 to 0.22). Fixed rather than each window's own, so that the share of silence in a window still shows.
    MEAN, DEVIATION = 0.2, 0.21

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(self.WINDOW_LENGTH), persistent=False)
        self.masking: nn.Module | None = None

    def augment_by(self, recipe: Recipe) -> None:
        """From now on, in train mode, masks as the recipe says."""
        if recipe.time_mask or recipe.freq_mask:
            self.masking = SpectrogramMasking(recipe.time_mask, recipe.freq_mask, recipe.masks)

    def forward(self, input_values: Tensor) -> Tensor:
        with torch.autocast(input_values.device.type, enabled=False):  # half precision has no 80 dB of range
            waveform = input_values.float()
            # At a peak of 1 the power below can neither overflow nor fall under its floor, however loud the sound is.
            waveform = waveform / waveform.abs().amax(1, keepdim=True).clamp(min=self.QUIETEST_PEAK)
            spectrum = torch.stft(
                waveform, self.WINDOW_LENGTH, self.HOP, window=self.window, pad_mode="constant", return_complex=True
            )[:, :-1, :-1]  # 201 x 301: the row at 8 kHz and the last column go
            power = spectrum.real.square() + spectrum.imag.square()
            decibels = 10 * power.clamp(min=1e-10).log10()
            # 0 dB is about a single click of full scale, the least that a peak of 1 gives: only what the division
            # above has left quiet stays below.
            loudest = decibels.amax((1, 2), keepdim=True).clamp(min=0)
            unit = ((decibels - loudest) / self.RANGE + 1).clamp(min=0)
            spectrogram = ((unit - self.MEAN) / self.DEVIATION).unsqueeze(1)
        if self.training and self.masking is not None:
            spectrogram = self.masking(spectrogram)
        return spectrogram


class SpectrogramMasking(nn.Module):
    """Sets random stretches of a spectrogram [batch, 1, rows, columns] to 0, its mean; each clip draws its own.

    SpecAugment without time warping (Park et al. 2019, arXiv 1904.08779): `masks` stretches of 0 to `time_mask` columns
    and as many bands of 0 to `freq_mask` rows.
    """

    def __init__(self, time_mask: int, freq_mask: int, masks: int = 1) -> None:
        super().__init__()
        if not (0 <= time_mask <= COLUMNS and 0 <= freq_mask <= ROWS and masks >= 0):
            raise ValueError(
                f"a mask is 0 to {COLUMNS} columns and 0 to {ROWS} rows, and masks 0 or more; "
                f"got time_mask {time_mask}, freq_mask {freq_mask}, masks {masks}"
            )
        self.time_mask, self.freq_mask, self.masks = time_mask, freq_mask, masks

    def forward(self, spectrogram: Tensor) -> Tensor:
        batch, _, rows, columns = spectrogram.shape
        masked_rows = draw_masks(batch, rows, self.freq_mask, self.masks, spectrogram.device)
        masked_columns = draw_masks(batch, columns, self.time_mask, self.masks, spectrogram.device)
        masked = masked_rows[:, None, :, None] | masked_columns[:, None, None, :]
        return spectrogram.masked_fill(masked, 0.0)


class FrameScaling(nn.Module):
    """Frames for a 3-D convolution: uint8 [batch, 20, 60, 100, 3] -> float32 [batch, 3, 20, 60, 100], -1 to 1."""

    def forward(self, pixel_values: Tensor) -> Tensor:
        return pixel_values.permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def to_batch(
    windows: Sequence[tuple[np.ndarray, np.ndarray | None]], device: torch.device
) -> tuple[Tensor, Tensor | None]:
    """Stacks windows, as `emozoo.media.cut_window` gives them, on a device: what a network's forward takes.

    Sound int16 or float32 [48000] -> float32 [batch, 48000] in [-1, 1]; frames -> uint8 [batch, 20, 60, 100, 3], black for a
    window without, or None where all are without.
    """
    sound = to_device(np.stack([waveform for waveform, _ in windows]), device)
    if sound.dtype == torch.int16:
        sound = sound.float() / 32768
    frames = stack_frames([frames for _, frames in windows])
    return sound, None if frames is None else to_device(frames, device)


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """An array as a tensor on a device. A GPU fetches it when it gets there: nothing waits for that."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":  # out of pinned memory; a copy of any other would first wait for all work so far
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def heard(input_values: Tensor) -> Tensor:
    """Which waveforms of float32 [batch, samples] are more than silence: bool [batch]. A missing sound is silence."""
    return input_values.abs().amax(1) > SILENT


def seen(pixel_values: Tensor) -> Tensor:
    """Which clips of uint8 [batch, 20, 60, 100, 3] show more than black: bool [batch]. A missing picture is black."""
    return pixel_values.flatten(1).amax(1) > DARK


def augment_waveform(
    input_values: Tensor, *, noise: float = 0.0, gain: float = 0.0, shift: float = 0.0, excerpt: float = 0.0
) -> Tensor:
    """Varies each waveform of float32 [batch, samples] by itself; zeros leave it as it is.

    `excerpt`: chance of `excerpts`.
    `shift`: seconds by which the sound moves against its window at most, either way; silence comes in.
    `noise`: chance of white noise, 10 to 40 dB below the sound's mean power.
    `gain`: decibels by which the level changes at most, up or down. A network behind `LogSpectrogram` cannot see it.
    """
    batch, samples = input_values.shape

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(batch, 1, device=input_values.device).uniform_(low, high)

    waveform = excerpts(input_values, excerpt) if excerpt else input_values
    if shift:
        source = torch.arange(samples, device=waveform.device) - (uniform(-shift, shift) * SAMPLING_RATE).long()
        inside = (source >= 0) & (source < samples)
        waveform = waveform.gather(1, source.clamp(0, samples - 1)) * inside
    if noise:
        power = waveform.square().mean(1, keepdim=True)
        level = (power * 10 ** (uniform(-40, -10) / 10)).sqrt() * (uniform(0, 1) < noise)
        waveform = waveform + level * torch.randn_like(waveform)
    if gain:
        waveform = waveform * 10 ** (uniform(-gain, gain) / 20)
    return waveform


def excerpts(waveform: Tensor, chance: float) -> Tensor:
    """Cuts some of the waveforms float32 [batch, 48000] down to a stretch of at least 0.8 s about their loudest tenth of a
    second, and moves it to the front: silence follows, as behind a clip that is so short."""
    (batch, samples), device = waveform.shape, waveform.device

    def drawn(least: Tensor, most: Tensor) -> Tensor:
        return least + (torch.rand(batch, 1, device=device) * (most - least + 1)).long()

    step = SAMPLING_RATE // 10
    loudest = F.avg_pool1d(waveform.square()[:, None], step)[:, 0].argmax(1, keepdim=True) * step
    whole = torch.full_like(loudest, samples)
    length = drawn(whole * 0 + 8 * step, whole)
    first = drawn((loudest + step - length).clamp(min=0), torch.minimum(loudest, samples - length))
    kept = torch.rand(batch, 1, device=device) >= chance
    length, first = torch.where(kept, whole, length), torch.where(kept, 0, first)
    place = torch.arange(samples, device=device)
    return waveform.gather(1, (place + first).clamp(max=samples - 1)) * (place < length)


def augment_frames(pixel_values: Tensor) -> Tensor:
    """Mirrors half of the clips and varies brightness and contrast by up to 20 %, alike for all frames of a clip.

    uint8 [batch, 20, 60, 100, 3] -> the same.
    """
    from torchvision.transforms import v2  # prediction can do without

    vary = v2.Compose([v2.RandomHorizontalFlip(), v2.ColorJitter(brightness=0.2, contrast=0.2)])
    frames = pixel_values.permute(0, 1, 4, 2, 3)
    return torch.stack([vary(clip) for clip in frames]).permute(0, 1, 3, 4, 2)


def mix(
    input_values: Tensor, pixel_values: Tensor | None, concentration: float
) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
    """Mixes each window with another of the batch (mixup, Zhang et al. 2018), at powers of the shares drawn.

    Shares are of a beta distribution with both parameters `concentration`. float32 [batch, 48000] and uint8 [batch, 20, 60,
    100, 3] or None -> the same, mixed; the share float32 [batch] that a window kept; int64 [batch], where the rest is from.
    """
    batch, device = len(input_values), input_values.device
    spread = torch.full((batch,), concentration, device=device)
    share = torch.distributions.Beta(spread, spread).sample()
    partner = torch.randperm(batch, device=device)
    level = input_values.square().mean(1, keepdim=True).sqrt().clamp(min=1e-4)
    even = input_values / level
    mixed = (share[:, None].sqrt() * even + (1 - share)[:, None].sqrt() * even[partner]) * level
    if pixel_values is not None:
        weight = share[:, None, None, None, None]
        pixel_values = (weight * pixel_values + (1 - weight) * pixel_values[partner]).round().to(torch.uint8)
    return mixed, pixel_values, share, partner


class SpectrogramConvs(nn.Sequential):
    """Convolution, ReLU and max pool 2/2 for each of `filters`: [batch, 1, 200, 300] -> [batch, *map_shape].

    Half a kernel of padding keeps the size, so each pool halves it: 200 x 300, 100 x 150, 50 x 75, 25 x 37. (An even
    kernel gives one row or column more, which the pool drops again where the size is even, as it is there.) The pool
    comes before the ReLU, which gives the same values for a quarter of the work.
    """

    def __init__(self, filters: tuple[int, ...], kernels: tuple[tuple[int, int], ...]) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels, rows, columns = 1, ROWS, COLUMNS
        for number, (count, (height, width)) in enumerate(zip(filters, kernels, strict=True), start=1):
            layers[f"conv{number}"] = WideConv2d(channels, count, (height, width), (height // 2, width // 2))
            layers[f"pool{number}"] = nn.MaxPool2d(2)
            layers[f"relu{number}"] = nn.ReLU()
            channels, rows, columns = count, (rows + 1 - height % 2) // 2, (columns + 1 - width % 2) // 2
        super().__init__(layers)
        self.map_shape = (channels, rows, columns)
        for layer in self:
            if isinstance(layer, nn.Conv2d):  # He et al. 2015; torch's default shrinks the signal 2.4 times a layer
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)


class AttentionPooling(nn.Module):
    """A weighted mean over time with learnt weights: [batch, steps, features] -> [batch, features].

    The weights are a softmax over the steps of one linear score each (Mirsamadi, Barsoum and Zhang 2017).
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.score = nn.Linear(features, 1)

    def forward(self, sequence: Tensor) -> Tensor:
        return (self.score(sequence).softmax(1) * sequence).sum(1)


class RecurrentSummary(nn.Module):
    """A recurrent layer, both directions, over a feature map: [batch, *map_shape] -> [batch, 2 * hidden].

    `sequence="time"`: one step for each column of the map, layer-normalised, and attention pooling over what comes out.
    `sequence="flat"`: the whole map as a single step, as in Singh and Fang's public code; nothing recurs.

    `cell` is `nn.RNN`, `nn.GRU` or `nn.LSTM`. Always in float32: a tanh RNN collapses to one class under bfloat16 autocast.
    """

    def __init__(
        self,
        cell: type[nn.RNN | nn.GRU | nn.LSTM],
        map_shape: tuple[int, int, int],
        hidden: int,
        layers: int,
        dropout: float,
        sequence: str,
    ) -> None:
        super().__init__()
        channels, rows, columns = map_shape
        self.sequence = sequence
        features = channels * rows * (columns if sequence == "flat" else 1)
        self.norm = nn.LayerNorm(features) if sequence == "time" else None
        self.recurrent = cell(
            features, hidden, layers, batch_first=True, bidirectional=True, dropout=dropout if layers > 1 else 0.0
        )
        self.pooling = AttentionPooling(2 * hidden) if sequence == "time" else None
        if sequence == "flat":  # torch draws for the hidden size, with which so many inputs would saturate every unit
            for name, weight in self.recurrent.named_parameters():
                if name.startswith("weight_ih_l0"):
                    nn.init.uniform_(weight, -(features**-0.5), features**-0.5)

    def forward(self, feature_map: Tensor) -> Tensor:
        with torch.autocast(feature_map.device.type, enabled=False):
            feature_map = feature_map.float()
            if self.norm is None or self.pooling is None:
                return self.recurrent(feature_map.flatten(1).unsqueeze(1))[0].squeeze(1)
            steps = feature_map.permute(0, 3, 1, 2).flatten(2)  # [batch, columns, channels * rows]
            return self.pooling(self.recurrent(self.norm(steps))[0])


def check_config(config: Any, *, sizes: tuple[str, ...], shares: tuple[str, ...]) -> None:
    """Raises a ValueError where a config's field cannot be: for the `__post_init__` of a network's config.

    `sizes` names the fields that are whole numbers above 0, or tuples of them; `shares` those from 0 up to, not
    including, 1. `filters`, `kernels` and `sequence`, where the config has them, must fit the blocks above.
    """
    for name in sizes:
        value = getattr(config, name)
        if not _all_sizes(value):
            raise ValueError(f"{name} must be made of whole numbers above 0, not {value!r}")
    for name in shares:
        value = getattr(config, name)
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, not {value!r}")
    if hasattr(config, "filters") and len(config.filters) != len(config.kernels):
        raise ValueError(f"filters and kernels must be as many, not {len(config.filters)} and {len(config.kernels)}")
    if hasattr(config, "filters") and not 1 <= len(config.filters) <= 7:  # 200 rows can be halved seven times
        raise ValueError(f"filters must name 1 to 7 convolutions, not {len(config.filters)}")
    if hasattr(config, "sequence") and config.sequence not in ("time", "flat"):
        raise ValueError(f'sequence must be "time" or "flat", not {config.sequence!r}')


def _all_sizes(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_all_sizes, value))
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
