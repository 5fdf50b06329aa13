"""Fast convolutions on a GPU for wide kernels and few channels.

A GPU multiplies matrices in tiles of 16 or more channels; 1 to 24 channels leave most of a tile empty. So blocks of
neighbouring columns are treated as channels, which in channels_last order is a view, and the kernel is expanded to match.
Sums and parameters are those of `nn.Conv2d`, which is faster on a CPU (docs/performance.md has both).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class WideConv2d(nn.Conv2d):
    """`nn.Conv2d` of stride 1 and zero padding: [batch, channels, rows, columns] -> [batch, filters, rows, columns]."""

    def __init__(self, in_channels: int, out_channels: int, kernel: tuple[int, int], padding: tuple[int, int]) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=padding)
        self.columns = block_size(kernel[1])
        self.edges = padding

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type == "cuda":
            return block_conv2d(input, self.weight, self.bias, self.edges, self.columns)
        # This order of memory saves a third of a training step.
        return super().forward(input.to(memory_format=torch.channels_last))


def block_size(kernel_width: int) -> int:
    """Columns in a block: the largest power of two up to half the kernel's width. More would mostly add zeros."""
    return 1 << max(kernel_width // 2, 1).bit_length() - 1


def block_conv2d(input: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], columns: int) -> Tensor:
    """`F.conv2d(input, weight, bias, padding=padding)`, computed over blocks of `columns` columns."""
    batch, channels, rows, width = input.shape
    height, taps = weight.shape[2:]
    out_width = width + 2 * padding[1] - taps + 1
    blocks = -(-out_width // columns)
    reach = -(-(columns + taps - 1) // columns)  # blocks of the input for one block of the result
    right = (blocks + reach - 1) * columns - width - padding[1]
    padded = F.pad(input, (padding[1], right, padding[0], padding[0])).contiguous(memory_format=torch.channels_last)
    blocked = padded.permute(0, 2, 3, 1).reshape(batch, rows + 2 * padding[0], -1, columns * channels)
    result = F.conv2d(blocked.permute(0, 3, 1, 2), expand_kernel(weight, columns))
    result = result.permute(0, 2, 3, 1).reshape(batch, result.shape[2], blocks * columns, len(weight))
    result = result[:, :, :out_width].permute(0, 3, 1, 2)
    return result if bias is None else result + bias.view(-1, 1, 1).to(result.dtype)


def expand_kernel(weight: Tensor, columns: int) -> Tensor:
    """The kernel over blocks, in Toeplitz form: [filters, channels, height, width] -> [columns * filters, columns *
    channels, height, ceil((columns + width - 1) / columns)]. Output column o has the kernel's weight t - o for input column
    t."""
    filters, channels, height, width = weight.shape
    reach = -(-(columns + width - 1) // columns)
    padded = F.pad(weight, (columns - 1, reach * columns - width))
    rows = [padded[..., columns - 1 - column :][..., : reach * columns] for column in range(columns)]
    expanded = torch.stack(rows).unflatten(-1, (reach, columns))  # [columns, filters, channels, height, reach, columns]
    expanded = expanded.permute(0, 1, 5, 2, 3, 4)
    return expanded.reshape(columns * filters, columns * channels, height, reach)
