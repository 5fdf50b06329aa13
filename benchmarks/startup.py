"""How long commands take to start, as whole processes, beside the imports that they need.

python benchmarks/startup.py [--times 7]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from common import heading, pairs, process, table

from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.model import EmotionModel
from emozoo.registry.loading import get_architecture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=7, help="pairs of runs")
    times = parser.parse_args().times
    print(heading("Start-up"))
    with tempfile.TemporaryDirectory() as scratch:
        run, clip = str(Path(scratch, "run")), str(Path(scratch, "clip.wav"))
        soundfile.write(clip, np.random.default_rng(0).normal(0, 0.1, 3 * 48_000), 48_000)
        architecture = get_architecture("cnn_rnn")
        EmotionModel(architecture, architecture.config(), ("happy", "sad", "angry", "neutral")).save(run)
        export_onnx(run)
        emozoo = [sys.executable, "-m", "emozoo"]
        predict = [*emozoo, "predict", clip, "--model", run, "--device", "cpu"]
        rows = []
        for command, words, imports, limit in (
            ("emozoo --help", [*emozoo, "--help"], "typer, rich", 3.0),
            ("emozoo list", [*emozoo, "list"], "typer, rich", 3.0),
            ("emozoo predict clip.wav", predict, "torch", 1.5),
            ("emozoo predict clip.wav --backend onnx", [*predict, "--backend", "onnx"], "torch", 0.4),
        ):
            own, base, ratio = pairs(process(*words), process(sys.executable, "-c", f"import {imports}"), times)
            rows.append(
                [f"`{command}`", f"{own:.2f}", f"`import {imports}`", f"{base:.2f}", f"{ratio:.2f}", f"{limit:.1f}"]
            )
    columns = ("command", "s", "beside", "s", "ratio", "aim: at most")
    print(table(columns, rows))
    print(f"Medians of {times} pairs, whole processes; the clip is 3 s at 48 kHz, the network cnn_rnn.")


if __name__ == "__main__":
    main()
