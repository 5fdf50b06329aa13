"""What less exact numbers cost and gain: UA on labelled recordings, and the time of a window, in float32, bfloat16 and int8.

python benchmarks/precision.py MODEL TABLE --calibration FOLDER [--device cpu]

TABLE is a CSV file with the columns file and label, of recordings that the model was not trained on. FOLDER has other
recordings, which int8 is fitted to.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import tempfile
from collections.abc import Callable

import numpy as np
import torch
from common import heading, seconds, table

from emozoo.checkpoint import onnx_model
from emozoo.checkpoint.device import computes_bf16
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.loading import load
from emozoo.evaluation.quantization import export_int8
from emozoo.inference.batches import classify
from emozoo.inference.clips import as_clip
from emozoo.inference.cuts import ClipReader
from emozoo.inference.model import Model, Window
from emozoo.inference.options import PredictOptions

BATCH = 8
"""Windows at a time, on one core: as `emozoo predict` has them on a CPU."""
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("table")
    parser.add_argument("--calibration", nargs="+", required=True)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    print(heading("Less exact numbers"))
    half = load(asked.model, asked.device)
    with open(asked.table, encoding="utf-8", newline="") as file:
        listed = [row for row in csv.DictReader(file) if row["label"] in half.labels]
    with tempfile.TemporaryDirectory() as exact, tempfile.TemporaryDirectory() as rounded:
        export_onnx(asked.model, exact)
        export_int8(asked.model, rounded, asked.calibration)
        ways: dict[str, Model] = {"torch, float32": load(asked.model, asked.device)}
        if computes_bf16(half.device):
            ways["torch, bfloat16"] = half.compute_in("bf16")
        ways["ONNX, float32"] = onnx_model.load(exact)
        ways["ONNX, int8"] = onnx_model.load(rounded)
    clips = [_windows(half, row["file"]) for row in listed]
    truth = np.array([half.labels.index(row["label"]) for row in listed])
    answers = {name: _answers(model, clips) for name, model in ways.items()}
    torch.set_num_threads(1)
    spent = _times({name: model.probabilities for name, model in ways.items()}, [clip[0] for clip in clips[:BATCH]])
    first = next(iter(answers.values()))
    rows = []
    for name, found in answers.items():
        recalls = [float((found.argmax(1)[truth == label] == label).mean()) for label in np.unique(truth)]
        differ = int((found.argmax(1) != first.argmax(1)).sum())
        cells = [f"{100 * np.mean(recalls):.2f}", str(differ), f"{np.abs(found - first).max():.3f}"]
        rows.append([name, *cells, f"{1e3 * spent[name] / BATCH:.1f}", f"{spent['torch, float32'] / spent[name]:.2f}"])
    print(table(("numbers", "UA %", "other answers", "largest difference", "ms a window", "times as fast"), rows))
    print(f"{asked.model} on {half.device}, {len(clips)} recordings; {BATCH} windows at a time on one core.")


def _windows(model: Model, file: str) -> list[Window]:
    return [cut.window for cut in ClipReader(as_clip(file), model, PredictOptions(vad=False)).cuts()]


def _answers(model: Model, clips: list[list[Window]]) -> np.ndarray:
    """Probabilities float64 [clips, labels]: the means over their windows."""
    found = np.stack(list(classify(model, itertools.chain.from_iterable(clips))))
    ends = np.cumsum([len(clip) for clip in clips])
    return np.stack([each.mean(0) for each in np.split(found, ends[:-1])])


def _times(ways: dict[str, Callable[[list[Window]], object]], batch: list[Window]) -> dict[str, float]:
    """The best of several rounds in turn, after one that does not count."""
    rounds = [{name: seconds(lambda way=way: way(batch)) for name, way in ways.items()} for _ in range(ROUNDS + 1)]
    return {name: min(each[name] for each in rounds[1:]) for name in ways}


if __name__ == "__main__":
    main()
