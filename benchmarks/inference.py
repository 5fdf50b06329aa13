"""Many files: `emozoo predict` as it is, beside a loop of one file at a time, and beside a process for each file.

python benchmarks/inference.py [--files 1000] [--architecture cnn_rnn] [--device auto] [--rate 16000]

The loop is `predict_file` for each file in one process, as in a program that calls a model file by file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch
from common import heading, process, seconds, table

from emozoo.checkpoint import onnx_model
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.inference.answers import Prediction
from emozoo.inference.files import predict_file, predict_files
from emozoo.registry.loading import get_architecture

PART = 50
"""Files in a turn. The ways take turns, so that all run on the same machine at the same load."""
LABELS = ("happy", "sad", "angry", "neutral")
Way = Callable[[list[str]], list[Prediction]]
"""Answers files."""


def write_files(folder: Path, count: int, rate: int) -> list[str]:
    """Sounds of 0.9 to 4 s, as long as the toy corpus' utterances."""
    rng = np.random.default_rng(0)
    names = [str(folder / f"{number:04}.wav") for number in range(count)]
    for name in names:
        soundfile.write(name, rng.normal(0, 0.1, round(rate * rng.uniform(0.9, 4))), rate)
    return names


def plain(model: EmotionModel, files: list[str]) -> list[Prediction]:
    """File by file with the network as PyTorch has it by default, its tensors contiguous."""
    for module in model.modules():
        if hasattr(module, "weight") and module.weight.dim() == 4:
            module.register_forward_pre_hook(lambda _, inputs: tuple(each.contiguous() for each in inputs))
    return [predict_file(model, file) for file in files]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--architecture", default="cnn_rnn")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rate", type=int, default=16_000, help="Hz; other than 16000 is resampled")
    asked = parser.parse_args()
    print(heading(f"Prediction of {asked.files} files"))
    with tempfile.TemporaryDirectory() as scratch:
        files = write_files(Path(scratch), asked.files, asked.rate)
        run = Path(scratch, "run")
        architecture = get_architecture(asked.architecture)
        torch.manual_seed(0)
        EmotionModel(architecture, architecture.config(), LABELS, synthetic=True).save(run)  # noise is no speech
        export_onnx(run)
        model = load(run, asked.device)
        ways = ways_of(model, run)
        spent, answers = in_turns(ways, files)
        words = [sys.executable, "-m", "emozoo", "predict", files[0], "--model", str(run), "--device", asked.device]
        spent["a process for each file"] = min(seconds(process(*words)) for _ in range(3)) * len(files)
    loop = next(iter(answers))
    rows = [
        [
            name,
            f"{total:.1f}",
            f"{1e3 * total / len(files):.1f}",
            f"{spent[loop] / total:.2f}",
            f"{largest_difference(answers[name], answers[loop]):.0e}" if name in answers else "",
        ]
        for name, total in spent.items()
    ]
    print(table(("way", "s", "ms a file", "times as fast as the loop", "probabilities differ by"), rows))
    print(
        f"{asked.architecture} on {model.device}, files of 0.9 to 4 s at {asked.rate} Hz, {PART} of each way in turn; the "
        "processes' time is three measured, times the files."
    )


def ways_of(model: EmotionModel, run: Path) -> dict[str, Way]:
    """The loop is the first."""
    contiguous, exported = load(run, str(model.device)), onnx_model.load(run)
    return {
        "one file at a time": lambda part: [predict_file(model, file) for file in part],
        "one file at a time, convolutions contiguous": lambda part: plain(contiguous, part),
        "`emozoo predict`": lambda part: list(predict_files(model, part)),
        "`emozoo predict --backend onnx`": lambda part: list(predict_files(exported, part)),
    }


def in_turns(ways: dict[str, Way], files: list[str]) -> tuple[dict[str, float], dict[str, list[Prediction]]]:
    """Seconds and answers of each way for all files, after a warm-up."""
    spent, answers = dict.fromkeys(ways, 0.0), {way: list[Prediction]() for way in ways}
    for way in ways.values():
        way(files[:PART])
    for first in range(0, len(files), PART):
        part = files[first : first + PART]
        for name, way in ways.items():
            begun = time.perf_counter()
            answers[name] += way(part)
            spent[name] += time.perf_counter() - begun
    return spent, answers


def largest_difference(answers: list[Prediction], others: list[Prediction]) -> float:
    return max(
        abs(one.probabilities[label] - other.probabilities[label])
        for one, other in zip(answers, others, strict=True)
        for label in LABELS
    )


if __name__ == "__main__":
    main()
