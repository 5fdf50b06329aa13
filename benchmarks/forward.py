"""Ways to compute a network on a CPU: the time of one core for a window, and how far the results are from plain ones.

python benchmarks/forward.py [--architecture cnn_rnn] [--batch 8]

Processor time of one thread is measured, which is the same on a busy machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from common import heading, table
from torch import Tensor, nn

from emozoo.checkpoint import onnx_model
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.registry.loading import get_architecture

LABELS = ("happy", "sad", "angry", "neutral")
TIMES = 7


class Fourier(nn.Module):
    """A convolution through fast Fourier transforms over the map, laid out [rows, columns, batch, channels]."""

    def __init__(self, conv: nn.Conv2d, rows: int, columns: int) -> None:
        super().__init__()
        height, width = conv.weight.shape[2:]
        self.size = tuple(_smooth(length) for length in (rows + height - 1, columns + width - 1))
        self.first = (height - 1 - int(conv.padding[0]), width - 1 - int(conv.padding[1]))
        self.shape = (rows + 2 * int(conv.padding[0]) - height + 1, columns + 2 * int(conv.padding[1]) - width + 1)
        kernel = torch.fft.rfftn(conv.weight.flip(2, 3).permute(2, 3, 1, 0), s=self.size, dim=(0, 1))
        self.kernel, self.bias = kernel.flatten(0, 1).contiguous(), conv.bias

    def forward(self, values: Tensor) -> Tensor:
        spectrum = torch.fft.rfftn(values.permute(2, 3, 0, 1).contiguous(), s=self.size, dim=(0, 1))
        product = torch.bmm(spectrum.flatten(0, 1), self.kernel).unflatten(0, spectrum.shape[:2])
        whole = torch.fft.irfftn(product, s=self.size, dim=(0, 1)) + self.bias
        (top, left), (rows, columns) = self.first, self.shape
        return whole[top : top + rows, left : left + columns].permute(2, 3, 0, 1)


def _smooth(length: int) -> int:
    """The next length without prime factors above 5."""
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1


def through_fourier(model: EmotionModel) -> EmotionModel:
    """Replaces the convolution that takes most of the time, the second."""
    model.network.convs.conv2 = Fourier(model.network.convs.conv2, 100, 150)  # type: ignore[union-attr]
    return model


def with_contiguous_inputs(model: EmotionModel) -> EmotionModel:
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(lambda _, inputs: tuple(each.contiguous() for each in inputs))
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="cnn_rnn", choices=("cnn", "cnn_rnn", "cnn_lstm"))
    parser.add_argument("--batch", type=int, default=8)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(heading("A network's forward on one core"))
    rng = np.random.default_rng(0)
    windows = [(rng.normal(0, 0.1, 48_000).astype(np.float32), None) for _ in range(asked.batch)]
    with tempfile.TemporaryDirectory() as scratch, torch.inference_mode():
        ways = ways_of(asked.architecture, Path(scratch, "run"), windows)
        expected = next(iter(ways.values()))()
        rows = [row_of(name, way, expected, asked.batch) for name, way in ways.items()]
    print(table(("way", "ms a window", "first call, s", "probabilities differ by"), rows))
    print(f"{asked.architecture} with fresh weights, {asked.batch} windows at a time; the least of {TIMES}.")


def ways_of(name: str, run: Path, windows: list[tuple[np.ndarray, None]]) -> dict[str, Callable[[], np.ndarray]]:
    """Ways to compute the probabilities of windows by an architecture; the plain one is the first."""
    architecture = get_architecture(name)
    torch.manual_seed(0)
    EmotionModel(architecture, architecture.config(), LABELS).save(run)
    export_onnx(run)
    plain, compiled = load(run, "cpu"), load(run, "cpu")
    compiled.network.compile()
    contiguous, fourier = with_contiguous_inputs(load(run, "cpu")), through_fourier(load(run, "cpu"))
    exported = onnx_model.load(run)

    def half() -> np.ndarray:
        with torch.autocast("cpu", torch.bfloat16):
            return plain.probabilities(windows)

    return {
        "as it is: channels last": lambda: plain.probabilities(windows),
        "contiguous, as PyTorch has it by default": lambda: contiguous.probabilities(windows),
        "second convolution through FFT": lambda: fourier.probabilities(windows),
        "torch.compile": lambda: compiled.probabilities(windows),
        "onnxruntime": lambda: exported.probabilities(windows),
        "bfloat16 autocast": half,
    }


def row_of(name: str, way: Callable[[], np.ndarray], expected: np.ndarray, batch: int) -> list[str]:
    begun = time.perf_counter()
    found = way()
    first = time.perf_counter() - begun
    best = float("inf")
    for _ in range(TIMES):
        begun = time.thread_time()
        way()
        best = min(best, time.thread_time() - begun)
    off = np.abs(found - expected).max()
    return [name, f"{1e3 * best / batch:.1f}", f"{first:.1f}", f"{off:.0e}"]


if __name__ == "__main__":
    main()
