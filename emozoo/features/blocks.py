"""Blocks that several networks share, and the usual sizes of a window's frames.

Random numbers come from torch's global generators: seeding torch repeats them.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from emozoo.features.convolution import WideConv2d
from emozoo.features.spectrogram import ROWS, columns_of
from emozoo.media.window_shape import DEFAULT_WINDOW
from emozoo.media.window_shape import SAMPLING_RATE as SAMPLING_RATE  # plugins know it from here

FRAMES, HEIGHT, WIDTH = DEFAULT_WINDOW.frames
"""The frames of a window and their size where an architecture names no others, under the names that plugins know."""


class FrameScaling(nn.Module):
    """Frames for a 3-D convolution: uint8 [batch, count, height, width, 3] -> float32 [batch, 3, count, height, width],
    -1 to 1."""

    def forward(self, pixel_values: Tensor) -> Tensor:
        return pixel_values.permute(0, 4, 1, 2, 3).float() / 127.5 - 1


class SpectrogramConvs(nn.Sequential):
    """Convolution, ReLU and max pool 2/2 for each of `filters`: [batch, 1, 200, columns] -> [batch, *map_shape].

    Half a kernel of padding keeps the size, so each pool halves it. Of 3 s: 200 x 300, 100 x 150, 50 x 75, 25 x 37. (An even
    kernel adds one row or column, which the pool drops again if the size is even.) The pool comes before the ReLU: the
    values are the same, for a quarter of the work.
    """

    def __init__(
        self, filters: tuple[int, ...], kernels: tuple[tuple[int, int], ...], seconds: float = DEFAULT_WINDOW.seconds
    ) -> None:
        """`seconds`: the length of a window, on which `map_shape` depends. Raises ValueError where it leaves no column."""
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = 1
        rows, columns = ROWS, columns_of(seconds)
        for number, (count, (height, width)) in enumerate(zip(filters, kernels, strict=True), start=1):
            layers[f"conv{number}"] = WideConv2d(channels, count, (height, width), (height // 2, width // 2))
            layers[f"pool{number}"] = nn.MaxPool2d(2)
            layers[f"relu{number}"] = nn.ReLU()
            channels = count
            rows, columns = (rows + 1 - height % 2) // 2, (columns + 1 - width % 2) // 2
            if not (rows and columns):
                raise ValueError(
                    f"{number} convolutions leave nothing of a window of {seconds:g} s: take fewer filters"
                )
        super().__init__(layers)
        self.map_shape = (channels, rows, columns)
        for layer in self:
            if isinstance(layer, nn.Conv2d):  # He et al. 2015; torch's default shrinks the signal by 2.4 per layer
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)


class AttentionPooling(nn.Module):
    """A mean over time with learned weights: [batch, steps, features] -> [batch, features].

    The weights are the softmax, over the steps, of a linear score (Mirsamadi, Barsoum and Zhang 2017).
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.score = nn.Linear(features, 1)

    def forward(self, sequence: Tensor) -> Tensor:
        return (self.score(sequence).softmax(1) * sequence).sum(1)


class RecurrentSummary(nn.Module):
    """Bidirectional recurrent layers over a feature map: [batch, *map_shape] -> [batch, 2 * hidden].

    `sequence="time"`: one step for each column of the map, with layer normalisation before and attention pooling after.
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
        if sequence == "flat":  # torch scales by the hidden size: so many inputs would saturate every unit
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
