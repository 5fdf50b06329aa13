"""The published convolutions over blocks of columns, and compiled, beside plain ones: `python benchmarks/convolution.py`.

Forward and backward of 16 windows; on a CPU on one core, so that no core waits for another. The least of several times is
taken, because disturbances only add to them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
from common import heading, table
from torch import nn
from torch.nn import functional as F

from emozoo.features.blocks import SAMPLING_RATE
from emozoo.features.convolution import block_conv2d
from emozoo.registry.loading import get_architecture

BATCH = 16
TIMES = 5
COLUMNS = (2, 4, 8)
LAYERS = ((1, 16, (12, 16), (200, 300)), (16, 24, (8, 12), (100, 150)), (24, 24, (5, 7), (50, 75)))
"""Channels, filters, kernel and map of each."""


def least(run: Callable[[], object], device: torch.device) -> str:
    """Milliseconds, after a warm-up."""
    found = []
    for _ in range(TIMES + 1):
        begun = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - begun)
    return f"{1e3 * min(found[1:]):.0f}"


def layer(row: int, kind: torch.dtype, columns: int | None, device: torch.device) -> str:
    """The time of a convolution, plain where `columns` is None."""
    channels, filters, kernel, size = LAYERS[row]
    padding = (kernel[0] // 2, kernel[1] // 2)
    image = torch.randn(BATCH, channels, *size, device=device, dtype=kind).to(memory_format=torch.channels_last)
    image.requires_grad_(channels > 1)  # the spectrogram needs no gradient
    weight = torch.randn(filters, channels, *kernel, device=device, dtype=kind, requires_grad=True)
    bias = torch.randn(filters, device=device, dtype=kind, requires_grad=True)
    if columns is None:
        convolve = partial(F.conv2d, image, weight, bias, padding=padding)
    else:
        convolve = partial(block_conv2d, image, weight, bias, padding, columns)

    def run() -> None:
        result = convolve()
        result.backward(torch.ones_like(result))

    return least(run, device)


def network(kind: torch.dtype, compiled: bool, device: torch.device) -> str:
    """The time of `cnn` with its loss."""
    architecture = get_architecture("cnn")
    model = architecture.build(architecture.config(), 4).to(device).train()
    model = torch.compile(model) if compiled else model  # type: ignore[assignment]
    sound = torch.randn(BATCH, 3 * SAMPLING_RATE, device=device) / 10
    labels = torch.randint(4, (BATCH,), device=device)

    def run() -> None:
        with torch.autocast(device.type, kind, enabled=kind != torch.float32):
            logits = model(sound)
        nn.functional.cross_entropy(logits.float(), labels).backward()

    return least(run, device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(parser.parse_args().device)
    torch.set_num_threads(1)
    print(heading("The published convolutions, forward and backward"))
    kinds = (torch.float32, torch.bfloat16)
    rows = []
    for kind in kinds:
        for columns in (None, *COLUMNS):
            times = [layer(row, kind, columns, device) for row in range(len(LAYERS))]
            name = "plain, channels last" if columns is None else f"blocks of {columns} columns"
            rows.append([f"{str(kind).removeprefix('torch.')}, {name}", *times])
    print(table(["ms of 16 windows", "first", "second", "third"], rows))
    rows = [
        [str(kind).removeprefix("torch."), *(network(kind, compiled, device) for compiled in (False, True))]
        for kind in kinds
    ]
    print(table(["ms of 16 windows through cnn and back", "eager", "torch.compile"], rows))


if __name__ == "__main__":
    main()
