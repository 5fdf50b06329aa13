"""How long an epoch of training takes beside a plain eager float32 loop: `python benchmarks/training.py [ARCHITECTURE ...]`.

Both run emozoo's loop on the toy corpus, with the same clips, batches and dev split. The plain one computes in float32 and
leaves the convolutions in PyTorch's usual memory order. Medians are printed. EMOZOO_CACHE names the toy corpus' place.
"""

from __future__ import annotations

import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from torch import nn

from emozoo.evaluation.data import open_data
from emozoo.features.convolution import WideConv2d
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings
from emozoo.training.job import Compute, ModelSpec, TrainingClips
from emozoo.training.loop import Trainer

ROUNDS = 3


@contextmanager
def plain_convolutions() -> Iterator[None]:
    fast = WideConv2d.forward
    WideConv2d.forward = nn.Conv2d.forward  # type: ignore[method-assign]
    try:
        yield
    finally:
        WideConv2d.forward = fast  # type: ignore[method-assign]


def main(names: list[str]) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(
        f"device {torch.cuda.get_device_name() if device == 'cuda' else 'cpu'}; seconds an epoch, median of {ROUNDS}\n"
    )
    print("| architecture | plain, float32 | emozoo, float32 | emozoo, auto | plain / float32 | plain / auto |")
    print("|---|---|---|---|---|---|")
    for name in names:
        architecture = get_architecture(name)
        config, recipe = apply_settings(architecture, {})
        data = open_data("toy", None, None, {}, video=architecture.video)
        fold = data.folds(None, 0)[0]
        seconds = []
        for kind, precision in (("plain", "fp32"), ("float32", "fp32"), ("auto", "auto")):
            with tempfile.TemporaryDirectory() as folder, plain_convolutions() if kind == "plain" else nullcontext():
                trainer = Trainer(
                    ModelSpec(architecture, config, data.labels),
                    recipe,
                    TrainingClips(data.store, fold.train, fold.dev),
                    Path(folder),
                    seed="0",
                    compute=Compute(device, precision),
                )
                for _ in range(ROUNDS + 1):  # the first one warms up
                    trainer.run_epoch()
                seconds.append(statistics.median(record.seconds for record in trainer.history[1:]))
        plain, exact, auto = seconds
        print(f"| `{name}` | {plain:.2f} | {exact:.2f} | {auto:.2f} | {plain / exact:.2f} | {plain / auto:.2f} |")


if __name__ == "__main__":
    main(sys.argv[1:] or ["cnn", "cnn_rnn", "cnn_lstm"])
